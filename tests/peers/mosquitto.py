"""A real mosquitto broker for tests: started, killed, frozen and restarted on one port; and a listener that records.

with Broker(tmp_path, user="agent", password="p@ss") as broker, Listener(broker, "#") as heard:
    ... broker.kill(); broker.start() ...
    heard.wait(lambda messages: len(messages) == 3)
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.conftest import missing

DEADLINE_S = 20.0


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(true: Callable[[], object], what: str = "it", seconds: float = DEADLINE_S) -> None:
    """Poll until `true()`; an AssertionError after the deadline."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)


@dataclass(frozen=True)
class Certificates:
    """Files of a certificate authority, and of a server and a client that it vouches for."""

    ca: Path
    server_cert: Path
    server_key: Path
    client_cert: Path
    client_key: Path


def make_certificates(folder: Path, *, host: str = "127.0.0.1") -> Certificates:
    """A fresh authority with one server certificate for `host` and one for a client."""
    if shutil.which("openssl") is None:
        missing("no openssl command")
    folder.mkdir(parents=True, exist_ok=True)

    def openssl(*words: str | Path) -> None:
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=folder)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    ca, ca_key = folder / "ca.crt", folder / "ca.key"
    openssl("req", "-x509", *curve, "-keyout", ca_key, "-out", ca, "-subj", "/CN=Test authority")
    kind = "IP" if host[0].isdigit() else "DNS"
    for name, extra in (("server", f"subjectAltName={kind}:{host}"), ("client", "extendedKeyUsage=clientAuth")):
        request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
        extensions.write_text(extra + "\n")
        openssl("req", *curve, "-keyout", folder / f"{name}.key", "-out", request, "-subj", f"/CN={name}")
        words = ("-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2", "-extfile", extensions)
        openssl("x509", "-req", "-in", request, *words, "-out", folder / f"{name}.crt")
    files = (folder / name for name in ("server.crt", "server.key", "client.crt", "client.key"))
    return Certificates(ca, *files)


@dataclass
class Broker:
    """mosquitto on a free port of 127.0.0.1; a context manager.

    `user` and `password` close it to others; `tls` serves with these certificates, `client_certs` asks clients for
    theirs; `persistence` keeps retained messages and sessions over a restart; `acl` are lines of an ACL file,
    `extra` of the config.
    """

    folder: Path
    user: str | None = None
    password: str | None = None
    tls: Certificates | None = None
    client_certs: bool = False
    persistence: bool = True
    acl: Sequence[str] = ()
    extra: Sequence[str] = ()
    port: int = field(default_factory=free_port)
    host: str = "127.0.0.1"
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """What the broker has logged so far."""
        return (self.folder / "mosquitto.log").read_text(errors="replace")

    def start(self) -> None:
        """Start it and wait until it listens."""
        program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if program is None:
            missing("no mosquitto; apt-get install mosquitto")
        assert program is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "mosquitto.conf"
        config.write_text("\n".join(self._lines()) + "\n")
        with (self.folder / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)
        wait_until(self._listens, f"mosquitto on port {self.port}: {self.log[-500:]}")

    def _lines(self) -> list[str]:
        lines = [f"listener {self.port} {self.host}", "log_type all", "connection_messages true"]
        if os.geteuid() == 0:
            lines.append("user root")
        if self.user is not None:
            file = self.folder / "passwords"
            words = ["mosquitto_passwd", "-b", "-c", str(file), self.user, self.password or ""]
            subprocess.run(words, check=True, capture_output=True)
            lines += ["allow_anonymous false", f"password_file {file}"]
        else:
            lines.append("allow_anonymous true")
        if self.tls is not None:
            lines += [f"cafile {self.tls.ca}", f"certfile {self.tls.server_cert}", f"keyfile {self.tls.server_key}"]
            lines.append(f"require_certificate {'true' if self.client_certs else 'false'}")
        if self.persistence:
            lines += ["persistence true", f"persistence_location {self.folder}/", "autosave_interval 1"]
            lines.append("autosave_on_changes true")
        if self.acl:
            (self.folder / "acl").write_text("\n".join(self.acl) + "\n")
            lines.append(f"acl_file {self.folder / 'acl'}")
        return [*lines, *self.extra]

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"mosquitto ended: {self.log[-500:]}"
        try:
            socket.create_connection((self.host, self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """End it in an orderly way."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def restart(self, *, pause_s: float = 0.0) -> None:
        """Stop it and start it again on the same port."""
        self.stop()
        time.sleep(pause_s)
        self.start()

    def suspend(self) -> None:
        """Freeze it: connections stay open, nothing is answered."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen one go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@dataclass(frozen=True)
class Heard:
    """A message as a subscriber got it; `properties` are the user properties (MQTT 5)."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    properties: dict[str, str]
    content_type: str | None
    at: float


class Listener:
    """Subscribes to topics with QoS 1 and records what comes; keeps its session over restarts of the broker."""

    def __init__(self, broker: Broker, *topics: str, name: str = "listener") -> None:
        self.broker, self.topics = broker, topics or ("#",)
        self.messages: list[Heard] = []
        self.connections = 0
        self._ready = threading.Event()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
        if broker.user is not None:
            self.client.username_pw_set(broker.user, broker.password)
        if broker.tls is not None:
            context = ssl.create_default_context(cafile=str(broker.tls.ca))
            if broker.client_certs:
                context.load_cert_chain(broker.tls.client_cert, broker.tls.client_key)
            self.client.tls_set_context(context)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = self._connected
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.client.on_message = self._message

    def __enter__(self) -> Self:
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
        session.SessionExpiryInterval = 3600
        self.client.connect(self.broker.host, self.broker.port, 60, clean_start=False, properties=session)
        self.client.loop_start()
        assert self._ready.wait(DEADLINE_S), "the listener could not subscribe"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def publish(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        """Say something, as another client of the broker would."""
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(DEADLINE_S)

    def on(self, topic: str) -> list[Heard]:
        """What was heard on this topic, or on topics with this end when it begins with `/`."""
        return [m for m in list(self.messages) if m.topic == topic or (topic[0] == "/" and m.topic.endswith(topic))]

    def last(self, topic: str) -> bytes | None:
        """The newest payload of a topic."""
        heard = self.on(topic)
        return heard[-1].payload if heard else None

    def wait(self, true: Callable[[list[Heard]], object], what: str = "a message", seconds: float = DEADLINE_S) -> None:
        """Wait until `true(messages)`; call it from a thread where an event loop must go on."""
        wait_until(lambda: true(list(self.messages)), what, seconds)

    def _connected(self, client: mqtt.Client, *_: Any) -> None:
        self.connections += 1
        client.subscribe([(topic, 1) for topic in self.topics])

    def _message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        properties = message.properties
        pairs = dict(getattr(properties, "UserProperty", None) or [])
        kind = getattr(properties, "ContentType", None)
        self.messages.append(
            Heard(message.topic, bytes(message.payload), message.qos, message.retain, pairs, kind, time.time())
        )


def retained(broker: Broker, *topics: str, settle_s: float = 0.3) -> dict[str, bytes]:
    """The retained messages under these topics, as a newcomer gets them."""
    name = f"newcomer-{time.monotonic_ns()}"
    with Listener(broker, *topics, name=name) as newcomer:
        seen = -1
        while seen != len(newcomer.messages):
            seen = len(newcomer.messages)
            time.sleep(settle_s)
        return {m.topic: m.payload for m in newcomer.messages if m.retain}
