"""One connection to an MQTT broker in an event loop: opened once, lost once, never opened again.

paho speaks the protocol (its public interface for outside loops); here are time limits, named faults and the certainty
that nothing stays behind: no socket, no thread, no timer. A connection to a frozen broker is dropped, not waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from vision.delivery.mqtt_settings import CONNECT_S, Choice, Denied, MqttFault, Settings, Version, failure, refusal

ACK_S = 5.0

_PROTOCOL = {"5": paho.MQTTv5, "3.1.1": paho.MQTTv311}
_TAKEN_OVER = 142  # reason codes of MQTT 5, specification 2.4
_NEVER = frozenset({144, 149, 153})  # topic name invalid, packet too large, payload format invalid


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that the broker sent us."""

    topic: str
    payload: bytes
    retain: bool


class Connection:
    """A connection; make it with `open_connection`. All methods are for the thread of its event loop."""

    def __init__(self, settings: Settings, version: Version, heard: Callable[[Incoming], None]) -> None:
        self.settings, self.version = settings, version
        self.lost = asyncio.Event()
        self.fault: MqttFault | None = None
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._acks: dict[int, asyncio.Future[Sequence[ReasonCode]]] = {}
        self._attached = False
        self._timer: asyncio.TimerHandle | None = None
        self._limit: int | None = None
        self._max_qos, self._may_retain = 2, True
        self._client = self._made()

    def _made(self) -> paho.Client:
        settings = self.settings
        clean = None if self.version == "5" else True
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            protocol=_PROTOCOL[self.version],
            clean_session=clean,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        if settings.username is not None or settings.password is not None:
            # A password alone is a token; an empty name before it is right in every version.
            client.username_pw_set(settings.username or "", settings.password)
        if settings.will is not None:
            client.will_set(settings.will[0], settings.will[1], qos=1, retain=settings.will_retain)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = lambda _c, _u, mid, reason, _p: self._acknowledged(mid, [reason])
        client.on_subscribe = lambda _c, _u, mid, reasons, _p: self._acknowledged(mid, reasons)
        client.on_message = self._on_message
        client.on_socket_register_write = lambda *_: self._watch_write()
        client.on_socket_unregister_write = lambda _c, _u, sock: self._forget(sock, reader=False)
        client.on_socket_close = lambda _c, _u, sock: self._forget(sock, reader=True)
        return client

    async def open(self) -> None:
        """Connect, encrypt, authenticate. Raises `MqttFault`; nothing stays open then."""
        place = self.settings.place
        opened = False
        try:
            if self.settings.tls is not None:
                self._client.tls_set_context(self.settings.tls.context())
                self._client.tls_insecure_set(self.settings.tls.insecure)
            await _in_thread(self._connect, self._abandon)
            self._attach()
            async with asyncio.timeout(CONNECT_S):
                reason = await self._opened
            opened = not reason.is_failure
        except TimeoutError:
            raise MqttFault("timeout", f"{place} did not answer within {CONNECT_S:g} s") from None
        except (OSError, UnicodeError) as error:
            raise failure(error, self.settings) from None
        finally:
            if not opened:
                self.abort()
        if not opened:
            raise refusal(reason, self.settings)

    def _attach(self) -> None:
        """From now on the loop watches the socket."""
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # small packets, each of which is waited for
            self._attached = True
            self._loop.add_reader(sock, self._readable)
            self._watch_write()
            self._tick()

    def _connect(self) -> None:
        """In a thread of its own: blocks for resolving, connecting and the TLS handshake."""
        more: dict[str, Any] = {"clean_start": True} if self.version == "5" else {}
        self._client.connect(self.settings.host, self.settings.port, self.settings.keepalive_s, **more)

    def _abandon(self) -> None:
        """In that thread, when nobody waits for it any more."""
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        content_type: str | None = None,
        pairs: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Return when the broker has acknowledged. Raises `Denied`, or `MqttFault` where the connection is of no use."""
        if self.fault is not None:
            raise self.fault
        if self._limit is not None and len(payload) + len(topic) + 256 > self._limit:
            raise Denied(f"{len(payload)} bytes are more than the broker takes ({self._limit})", forever=True)
        properties = _properties(content_type, pairs) if self.version == "5" else None
        qos, retain = min(qos, self._max_qos), retain and self._may_retain
        info = self._client.publish(topic, payload, qos, retain, properties)
        if info.rc != paho.MQTT_ERR_SUCCESS:
            raise self.fault or MqttFault("lost", f"connection to {self.settings.place} lost")
        reason = (await self._acknowledgement(info.mid))[0]
        if reason.is_failure:
            raise Denied(f"the broker refuses topic {topic}: {reason}", forever=reason.value in _NEVER)

    async def subscribe(self, topics: Sequence[str]) -> list[str]:
        """Listen to topics; returns those that the broker refuses. Raises `MqttFault`."""
        result, mid = self._client.subscribe([(topic, 1) for topic in topics])
        if result != paho.MQTT_ERR_SUCCESS or mid is None:
            raise self.fault or MqttFault("lost", f"connection to {self.settings.place} lost")
        reasons = await self._acknowledgement(mid)
        return [topic for topic, reason in zip(topics, reasons, strict=False) if reason.is_failure]

    async def _acknowledgement(self, mid: int) -> Sequence[ReasonCode]:
        future: asyncio.Future[Sequence[ReasonCode]] = self._loop.create_future()
        self._acks[mid] = future
        try:
            async with asyncio.timeout(ACK_S):
                return await future
        except TimeoutError:
            fault = MqttFault("timeout", f"{self.settings.place} did not acknowledge within {ACK_S:g} s")
            self._lose(fault)
            raise fault from None
        finally:
            self._acks.pop(mid, None)

    async def close(self) -> None:
        """Say good-bye (no last will), or drop the connection where the broker does not read."""
        self._client.disconnect()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                while self._client.socket() is not None and self._client.want_write():
                    self._client.loop_write()
                    await asyncio.sleep(0.01)
        self.abort()

    def abort(self) -> None:
        """Drop the connection at once; the broker publishes the last will."""
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            for _ in range(1000):  # what has arrived is read, then the end
                if self._client.socket() is None:
                    break
                with contextlib.suppress(OSError, ValueError):
                    self._client.loop_read()
            if sock.fileno() >= 0:
                self._forget(sock, reader=True)
                sock.close()
        if self._timer is not None:
            self._timer.cancel()
        self._lose(MqttFault("lost", f"connection to {self.settings.place} dropped"))

    # What paho calls, in the loop's thread (register_write also while connecting, before `open` goes on).

    def _on_connect(self, _c: Any, _u: Any, _flags: Any, reason: ReasonCode, properties: Properties | None) -> None:
        self._limit = getattr(properties, "MaximumPacketSize", None)
        self._max_qos = getattr(properties, "MaximumQoS", 2)
        self._may_retain = bool(getattr(properties, "RetainAvailable", 1))
        if not self._opened.done():
            self._opened.set_result(reason)

    def _on_disconnect(self, _c: Any, _u: Any, flags: paho.DisconnectFlags, reason: ReasonCode, _p: Any) -> None:
        place = self.settings.place
        told = flags.is_disconnect_packet_from_server
        if told and reason.value == _TAKEN_OVER:
            text = f"another client of {place} took over the id {self.settings.client_id}: each needs its own `site`"
            self._lose(MqttFault("taken over", text))
        elif told:
            self._lose(MqttFault("lost", f"{place} ended the connection: {reason}"))
        else:
            self._lose(MqttFault("lost", f"connection to {place} lost"))

    def _on_message(self, _c: Any, _u: Any, message: paho.MQTTMessage) -> None:
        self._heard(Incoming(message.topic, bytes(message.payload), bool(message.retain)))

    def _acknowledged(self, mid: int, reasons: Sequence[ReasonCode]) -> None:
        future = self._acks.get(mid)
        if future is not None and not future.done():
            future.set_result(reasons)

    def _watch_write(self) -> None:
        sock = self._client.socket()
        if self._attached and sock is not None and self._client.want_write():
            self._loop.add_writer(sock, self._writable)

    def _readable(self) -> None:
        while (sock := self._client.socket()) is not None:
            try:
                result = self._client.loop_read()
            except (OSError, ValueError) as error:  # a broken record, a packet that is none
                self._lose(MqttFault("lost", f"connection to {self.settings.place} lost: {error}"))
                return
            # A TLS socket may hold decrypted bytes that the loop cannot see.
            if result != paho.MQTT_ERR_SUCCESS or not (isinstance(sock, ssl.SSLSocket) and sock.pending()):
                return

    def _writable(self) -> None:
        try:
            self._client.loop_write()
        except (OSError, ValueError) as error:
            self._lose(MqttFault("lost", f"connection to {self.settings.place} lost: {error}"))

    def _tick(self) -> None:
        """Once a second: keep-alive."""
        if self._client.loop_misc() == paho.MQTT_ERR_SUCCESS:
            self._timer = self._loop.call_later(1.0, self._tick)

    def _forget(self, sock: Any, *, reader: bool) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_writer(sock)
            if reader:
                self._loop.remove_reader(sock)

    def _lose(self, fault: MqttFault) -> None:
        if self.fault is None:
            self.fault = fault
            self.lost.set()
        for future in self._acks.values():
            if not future.done():
                future.set_exception(self.fault)
        if not self._opened.done():
            hint = "" if self.settings.tls is not None else "; does it want `tls: true`?"
            text = f"{self.settings.place} closed the connection before it answered{hint}"
            self._opened.set_exception(MqttFault("closed", text))
            self._opened.exception()  # looked at: nobody may be waiting


def _properties(content_type: str | None, pairs: Sequence[tuple[str, str]]) -> Properties:
    found = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves it untyped
    if content_type is not None:
        found.ContentType = content_type
    if pairs:
        found.UserProperty = list(pairs)
    return found


async def _in_thread(work: Callable[[], None], abandon: Callable[[], None]) -> None:
    """Wait for blocking `work` in a thread that ends with it; when the wait is cancelled, `abandon` follows it there."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def finish(error: BaseException | None) -> None:
        if done.done():
            if error is None:
                abandon()
        elif error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        failed: BaseException | None = None
        try:
            work()
        except Exception as error:  # noqa: BLE001  # handed to the one who waits
            failed = error
        try:
            loop.call_soon_threadsafe(finish, failed)
        except RuntimeError:  # the loop has ended meanwhile
            if failed is None:
                abandon()

    threading.Thread(target=run, name="mqtt-connect", daemon=True).start()
    await done


async def open_connection(settings: Settings, version: Choice, heard: Callable[[Incoming], None]) -> Connection:
    """A connection that is ready. With `auto` MQTT 5 is tried first, then 3.1.1 where the broker does not know it.

    Raises `MqttFault`.
    """
    if version != "auto":
        connection = Connection(settings, version, heard)
        await connection.open()
        return connection
    try:
        return await open_connection(settings, "5", heard)
    except MqttFault as fault:
        # Old brokers answer with a refusal, or hang up.
        if fault.kind not in {"version", "closed"}:
            raise
        first = fault
    try:
        return await open_connection(settings, "3.1.1", heard)
    except MqttFault as fault:
        raise (first if fault.kind == "version" else fault) from None
