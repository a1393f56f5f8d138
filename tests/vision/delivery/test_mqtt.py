"""The MQTT sender against a real mosquitto."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.peers.mosquitto import Broker, Certificates, Listener, free_port, make_certificates, retained
from vision.delivery.senders.base import Message, Refused, Retry, SenderContext, SendError, Watched
from vision.delivery.senders.mqtt import Mqtt, MqttAlert
from vision.errors import ConfigError

PASSWORD = "p@ss-that-nobody-may-see"
CAMERAS = (Watched("yard", (("intrusion", "intrusion"), ("left things", "left_object"))), Watched("gate", ()))


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQTT_PASSWORD", PASSWORD)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def params(broker: Broker, **more: Any) -> MqttAlert:
    return MqttAlert(host=broker.host, port=broker.port, **{"off_delay_s": 0.3, **more})


def context(folder: Path, cameras: tuple[Watched, ...] = CAMERAS, **more: Any) -> SenderContext:
    return SenderContext(evidence=folder, clock=time.time, cameras=cameras, site="house", **more)


def message(number: int = 1, stage: Any = "opened", *, subject: str = "01A", **event: Any) -> Message:
    facts = {"id": subject, "type": "intrusion", "rule": "intrusion", "camera": "yard", "state": "open", **event}
    return Message(f"m{number}", stage, subject, facts, 1000.0)


@asynccontextmanager
async def running(params: MqttAlert, context: SenderContext) -> AsyncIterator[Mqtt]:
    sender = Mqtt(params, context)
    await sender.start()
    try:
        yield sender
    finally:
        await sender.close()
        left = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        assert not left, f"tasks left: {left}"
        await until(lambda: not [t for t in threading.enumerate() if t.name == "mqtt-connect"])


async def until(true: Callable[[], object], what: str = "it", seconds: float = 20.0) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not true():
        assert loop.time() < deadline, f"{what} did not happen within {seconds} s"
        await asyncio.sleep(0.02)


async def send_surely(sender: Mqtt, message: Message, seconds: float = 30.0) -> int:
    """As an outbox does: again and again until it is taken; how many attempts."""
    deadline = time.monotonic() + seconds
    attempts = 1
    while True:
        try:
            await sender.send(message)
        except Retry:
            assert time.monotonic() < deadline
            attempts += 1
            await asyncio.sleep(0.05)
        else:
            return attempts


@pytest.mark.parametrize("version", ["5", "3.1.1", "auto"])
def test_a_message_arrives_with_all_that_it_says(tmp_path: Path, version: str) -> None:
    async def scene(broker: Broker, heard: Listener) -> None:
        async with running(
            params(broker, version=version), context(tmp_path, link=lambda p: f"http://x/{p}")
        ) as sender:
            await sender.send(message(evidence={"snapshot": "snapshots/a.jpg", "clip": None}, label="人"))
            await until(lambda: heard.on("/event"))

    with Broker(tmp_path / "b") as broker, Listener(broker) as heard:
        asyncio.run(scene(broker, heard))
        (event,) = heard.on("/event")
        said = json.loads(event.payload)
        assert event.topic == "sightline/house/yard/event"
        assert (said["id"], said["stage"], said["subject"], said["event"]["label"]) == ("m1", "opened", "01A", "人")
        assert said["links"] == {"snapshot": "http://x/snapshots/a.jpg"}
        assert event.qos == 1
        assert not event.retain
        if version != "3.1.1":  # MQTT 5 carries the id for receivers that drop doubles
            assert event.properties == {"id": "m1", "stage": "opened", "subject": "01A"}
            assert event.content_type == "application/json"
        on = [m.payload for m in heard.on("/status")]
        assert on == [b"online", b"offline"]  # birth, and a good-bye without the last will


def faults_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(getattr(record, "fault", "")) for record in caplog.records if hasattr(record, "fault")]


def test_nothing_is_lost_when_the_broker_restarts(tmp_path: Path) -> None:
    """200 messages of 40 events, four of them at a time, while the broker is killed and restarted: all, in order."""
    log: list[int] = []

    async def event(sender: Mqtt, number: int, gate: asyncio.Semaphore) -> None:
        async with gate:
            for step, stage in enumerate(["opened", "described", "described", "described", "closed"]):
                log.append(await send_surely(sender, message(number * 10 + step, stage, subject=f"E{number}")))

    async def scene(broker: Broker) -> None:
        async with running(params(broker), context(tmp_path)) as sender:
            gate = asyncio.Semaphore(4)
            events = [asyncio.create_task(event(sender, number, gate)) for number in range(40)]
            for how in (broker.kill, broker.stop):
                wanted = len(log) + 40
                await until(lambda wanted=wanted: len(log) >= wanted)
                await asyncio.to_thread(how)
                await asyncio.sleep(0.2)
                await asyncio.to_thread(broker.start)
            await asyncio.gather(*events)

    with Broker(tmp_path / "b") as broker, Listener(broker, "sightline/#") as heard:
        asyncio.run(scene(broker))
        assert len(log) == 200
        assert sum(log) > 200, "the broker was never away"
        heard.wait(lambda found: len({m.properties.get("id") for m in found} - {None}) == 200, "all 200")
        for number in range(40):
            ids = [m.properties["id"] for m in heard.on("/event") if m.properties["subject"] == f"E{number}"]
            first = list(dict.fromkeys(ids))  # a message may come twice under its id, never out of order
            assert first == [f"m{number * 10 + step}" for step in range(5)]


def test_a_frozen_broker_is_noticed_and_forgiven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision.delivery.mqtt_connection.ACK_S", 0.5)
    monkeypatch.setattr("vision.delivery.mqtt_connection.CONNECT_S", 0.5)

    async def scene(broker: Broker, heard: Listener) -> None:
        async with running(params(broker), context(tmp_path)) as sender:
            await send_surely(sender, message(1))
            broker.suspend()
            try:
                with pytest.raises(Retry, match="did not acknowledge"):
                    await sender.send(message(2))
                with pytest.raises(Retry, match="not connected"):
                    await sender.send(message(2))
            finally:
                broker.resume()
            assert await send_surely(sender, message(2)) > 1
            await until(lambda: {m.properties["id"] for m in heard.on("/event")} == {"m1", "m2"})

    with Broker(tmp_path / "b") as broker, Listener(broker) as heard:
        asyncio.run(scene(broker, heard))


def test_a_frozen_broker_does_not_keep_us_from_closing(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> float:
        sender = Mqtt(params(broker), context(tmp_path))
        await sender.start()
        await send_surely(sender, message())
        broker.suspend()
        began = time.monotonic()
        try:
            await sender.close()
        finally:
            broker.resume()
        return time.monotonic() - began

    with Broker(tmp_path / "b") as broker:
        assert asyncio.run(scene(broker)) < 5


def test_start_does_not_wait_and_a_message_is_given_back_at_once(tmp_path: Path) -> None:
    async def scene() -> None:
        alert = MqttAlert(host="127.0.0.1", port=free_port())
        async with running(alert, context(tmp_path)) as sender:
            with pytest.raises(Retry, match=r"not connected: 127\.0\.0\.1:[0-9]+ cannot be reached"):
                await sender.send(message())

    asyncio.run(scene())


FAULTS: list[tuple[str, dict[str, Any], str, str]] = [
    # wrong password, both versions
    ("password", {"username": "agent", "password": "${WRONG}"}, "auth", "refused the login"),
    # a password without a user is a token that this broker does not know
    ("password", {"password": "${WRONG}"}, "auth", "refused the login"),
    ("password", {"password": "${WRONG}", "version": "3.1.1"}, "auth", "refused the login"),
    ("password", {"username": "agent", "password": "${WRONG}", "version": "3.1.1"}, "auth", "refused the login"),
    # no login where one is wanted
    ("password", {}, "auth", "refused the login"),
    # an authority that did not sign the broker's certificate
    ("tls", {"tls": True, "ca": "other"}, "tls", "certificate verify failed|unable to get local issuer|self"),
    # the system's authorities do not know the broker either
    ("tls", {"tls": True}, "tls", "certificate"),
    # the certificate is of another host
    ("tls", {"tls": True, "ca": "own", "host": "localhost"}, "tls", "localhost"),
    # an authority's file that is not there, that is none
    ("tls", {"tls": True, "ca": "/nowhere/ca.crt"}, "tls", "/nowhere/ca.crt: No such file"),
    ("tls", {"tls": True, "ca": "key"}, "tls", "TLS: ca: "),
    # no TLS to a port that wants it, and the other way round
    ("tls", {}, "closed", "tls: true"),
    ("plain", {"tls": True}, "tls", "TLS: "),
    # a broker that wants a client's certificate
    ("client", {"tls": True, "ca": "own"}, "tls|closed", ""),
    ("plain", {"host": "no..such..host"}, "unreachable", "no such host name"),
]


@pytest.mark.parametrize(("kind", "more", "fault", "text"), FAULTS)
def test_what_is_wrong_is_named_once_and_no_secret_is_told(
    tmp_path: Path,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    more: dict[str, Any],
    fault: str,
    text: str,
) -> None:
    monkeypatch.setenv("WRONG", "wrong-" + PASSWORD)
    monkeypatch.setattr("vision.delivery.mqtt_link.LONGEST_WAIT_S", 0.2)
    caplog.set_level(logging.DEBUG)
    files = {"own": certificates.ca, "key": certificates.server_key}
    if more.get("ca") == "other":
        files["other"] = make_certificates(tmp_path / "other").ca
    more = {**more, "ca": files.get(more["ca"], more["ca"])} if "ca" in more else more
    options: dict[str, Any] = {
        "password": {"user": "agent", "password": PASSWORD},
        "tls": {"tls": certificates},
        "client": {"tls": certificates, "client_certs": True},
        "plain": {},
    }[kind]

    async def scene(broker: Broker) -> None:
        alert = MqttAlert(**{"host": broker.host, "port": broker.port, **more})
        async with running(alert, context(tmp_path)) as sender:
            await until(lambda: faults_of(caplog), "a fault")
            with pytest.raises(Retry) as caught:
                await sender.send(message())
            await asyncio.sleep(0.5)  # several attempts, one line
            with pytest.raises(SendError) as probed:
                await sender.probe()
        assert PASSWORD not in f"{caught.value} {probed.value} {alert!r} {sender.__dict__!r}".replace(
            repr(sender.__dict__.get("_password")), ""
        )

    with Broker(tmp_path / "b", **options) as broker:
        asyncio.run(scene(broker))
    assert len(set(faults_of(caplog))) == len(faults_of(caplog)), "the same fault is told once"
    assert faults_of(caplog)[0] in fault.split("|")
    lines = [record.getMessage() for record in caplog.records if hasattr(record, "fault")]
    assert any(part in lines[0] for part in text.split("|")), lines
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_tls_password_and_client_certificate_together(tmp_path: Path, certificates: Certificates, version: str) -> None:
    own = {"ca": certificates.ca, "cert": certificates.client_cert, "key": certificates.client_key}
    login = {"username": "agent", "password": "${MQTT_PASSWORD}"}

    async def scene(broker: Broker) -> str:
        async with running(params(broker, tls=True, version=version, **own, **login), context(tmp_path)) as sender:
            await sender.send(message())
            return await sender.probe()

    options: dict[str, Any] = {"user": "agent", "password": PASSWORD, "tls": certificates, "client_certs": True}
    with Broker(tmp_path / "b", **options) as broker, Listener(broker) as heard:
        said = asyncio.run(scene(broker))
        heard.wait(lambda _: heard.on("/event"))
        assert said == f"127.0.0.1:{broker.port}: MQTT {version}, TLS, logged in"


def test_insecure_takes_any_certificate(tmp_path: Path, certificates: Certificates) -> None:
    async def scene(broker: Broker) -> str:
        return await Mqtt(params(broker, tls=True, insecure=True), context(tmp_path)).probe()

    with Broker(tmp_path / "b", tls=certificates) as broker:
        assert "TLS" in asyncio.run(scene(broker))


def test_a_broker_that_takes_over_a_dead_connection_shows_us_online(tmp_path: Path) -> None:
    """A child dies by kill -9: the last will says offline. A late will of an old connection is corrected."""
    script = (
        "import asyncio, sys, time; from pathlib import Path\n"
        "from vision.delivery.senders.base import SenderContext; from vision.delivery.senders.mqtt import Mqtt, MqttAlert\n"
        "async def main():\n"
        "    sender = Mqtt(MqttAlert(host='127.0.0.1', port=int(sys.argv[1])),"
        " SenderContext(evidence=Path('.'), clock=time.time, site='house'))\n"
        "    await sender.start()\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )

    async def successor(broker: Broker, heard: Listener) -> None:
        async with running(params(broker), context(tmp_path)):
            await until(lambda: heard.last("/status") == b"online")
            heard.publish("sightline/house/status", "offline", retain=True)
            await until(lambda: [m.payload for m in heard.on("/status")][-2:] == [b"offline", b"online"])

    with Broker(tmp_path / "b") as broker, Listener(broker, "sightline/#") as heard:
        child = subprocess.Popen([sys.executable, "-c", script, str(broker.port)])
        try:
            heard.wait(lambda _: heard.last("/status") == b"online", "birth")
            os.kill(child.pid, signal.SIGKILL)
            heard.wait(lambda _: heard.last("/status") == b"offline", "last will")
        finally:
            child.kill()
            child.wait(10)
        asyncio.run(successor(broker, heard))
        assert retained(broker, "sightline/house/status") == {"sightline/house/status": b"offline"}


def test_states_follow_events_and_the_picture_is_shown(tmp_path: Path) -> None:
    picture = b"\xff\xd8" + bytes(range(256)) * 40 + b"\xff\xd9"

    async def scene(broker: Broker, heard: Listener) -> None:
        async with running(params(broker), context(tmp_path)) as sender:
            said = lambda: [m.payload for m in heard.on("/intrusion/state")]  # noqa: E731
            await until(lambda: said() == [b"OFF"])
            await sender.send(message(1))
            await sender.send(message(2, subject="01B"))
            await sender.online("yard", True)
            await sender.picture("yard", picture)
            await until(lambda: said() == [b"OFF", b"ON"] and heard.last("/snapshot"))
            await sender.send(message(3, "closed", state="closed"))
            await asyncio.sleep(0.5)
            assert said() == [b"OFF", b"ON"], "the second one is still open"
            await sender.send(message(4, "closed", subject="01B", state="closed"))
            await until(lambda: said() == [b"OFF", b"ON", b"OFF"])
            await sender.send(message(5, subject="01C", state="closed"))  # over at once
            await until(lambda: said()[3:] == [b"ON", b"OFF"])

    with Broker(tmp_path / "b") as broker, Listener(broker, "sightline/#") as heard:
        asyncio.run(scene(broker, heard))
        kept = retained(broker, "sightline/#")
        assert kept == {
            "sightline/house/status": b"offline",
            "sightline/house/yard/availability": b"online",
            "sightline/house/gate/availability": b"offline",
            "sightline/house/yard/intrusion/state": b"OFF",
            "sightline/house/yard/left things/state": b"OFF",
            "sightline/house/yard/snapshot": picture,
        }


def test_a_broker_that_forgot_everything_is_told_again(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> None:
        async with running(params(broker, homeassistant=True), context(tmp_path)) as sender:
            await sender.online("yard", True)
            await sender.picture("yard", b"jpeg")
            await send_surely(sender, message())
            await asyncio.to_thread(broker.kill)
            await asyncio.to_thread(broker.start)
            await send_surely(sender, message(2))
            await until(lambda: not list(sender._link.states._waiting))  # type: ignore[union-attr]
            kept = await asyncio.to_thread(retained, broker, "#")
            assert kept["sightline/house/yard/intrusion/state"] == b"ON"
            assert kept["sightline/house/yard/availability"] == b"online"
            assert kept["sightline/house/yard/snapshot"] == b"jpeg"
            assert json.loads(kept["homeassistant/device/sightline_house/yard/config"])["components"]

    with Broker(tmp_path / "b", persistence=False) as broker:
        asyncio.run(scene(broker))


def test_what_a_config_no_longer_names_is_cleared(tmp_path: Path) -> None:
    async def once(broker: Broker, cameras: tuple[Watched, ...], **more: Any) -> None:
        async with running(params(broker, homeassistant=True), context(tmp_path, cameras)) as sender:
            for watched in cameras:
                await sender.picture(watched.camera, b"jpeg")
            await send_surely(sender, message())
            states = sender._link.states  # type: ignore[union-attr]
            await until(lambda: not states._waiting)
            await asyncio.sleep(0.3)
            await until(lambda: not states._waiting)

    with Broker(tmp_path / "b") as broker:
        with Listener(broker, name="other") as other:  # somebody else's topics are none of our business
            other.publish("sightline/barn/yard/availability", "online", retain=True)
            other.publish("homeassistant/device/sightline_barn/yard/config", "{}", retain=True)
        asyncio.run(once(broker, (*CAMERAS, Watched("roof", (("fall", "fall"),)))))
        before = retained(broker, "#")
        asyncio.run(once(broker, (Watched("yard", (("intrusion", "intrusion"),)), CAMERAS[1])))
        after = retained(broker, "#")
        gone = {topic for topic in before if topic not in after}
        assert gone == {
            "sightline/house/roof/availability",
            "sightline/house/roof/snapshot",
            "sightline/house/roof/fall/state",
            "sightline/house/yard/left things/state",
            "homeassistant/device/sightline_house/roof/config",
        }
        yard = "homeassistant/device/sightline_house/yard/config"
        stubs = [c for c in json.loads(after[yard])["components"].values() if len(c) == 1]
        assert stubs == [{"platform": "binary_sensor"}], "a rule that is no more is told with its platform only"
        asyncio.run(once(broker, (Watched("yard", (("intrusion", "intrusion"),)), CAMERAS[1])))
        components = json.loads(retained(broker, "#")[yard])["components"]
        assert set(components) == {"connection", "snapshot", "rule_intrusion"}


def test_home_assistant_is_told_again_when_it_comes_up(tmp_path: Path) -> None:
    topic = "homeassistant/device/sightline_house/yard/config"

    async def scene(broker: Broker, heard: Listener) -> None:
        async with running(params(broker, homeassistant=True), context(tmp_path)):
            await until(lambda: len(heard.on(topic)) == 1)
            heard.publish("homeassistant/status", "online")
            await until(lambda: len(heard.on(topic)) == 2)

    with Broker(tmp_path / "b") as broker, Listener(broker) as heard:
        asyncio.run(scene(broker, heard))
        assert len({m.payload for m in heard.on(topic)}) == 1


def test_a_broker_that_does_not_let_us_publish_keeps_the_message_with_us(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    acl = ["user agent", "topic readwrite sightline/house/status", "topic read sightline/#"]
    alert = {"username": "agent", "password": "${MQTT_PASSWORD}"}

    async def scene(broker: Broker) -> None:
        async with running(params(broker, **alert), context(tmp_path)) as sender:
            with pytest.raises(Retry, match="refuses topic sightline/house/yard/event: Not authorized"):
                await sender.send(message())

    with Broker(tmp_path / "b", user="agent", password=PASSWORD, acl=acl) as broker:
        asyncio.run(scene(broker))


@pytest.mark.parametrize("told", [False, True])  # a broker that merely hangs up; one that says why (MQTT 5)
def test_two_agents_of_one_name_are_told_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    monkeypatch.setattr("vision.delivery.mqtt_link.FIRST_WAIT_S", 0.05)
    monkeypatch.setattr("vision.delivery.mqtt_link.LONGEST_WAIT_S", 0.1)

    async def scene(broker: Broker) -> None:
        first, second = (Mqtt(params(broker), context(tmp_path)) for _ in range(2))
        await first.start()
        await second.start()
        await until(lambda: "taken over" in faults_of(caplog))
        await first.close()
        await second.close()

    async def talkative() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1000)
            writer.write(b"\x20\x03\x00\x00\x00" + b"\xe0\x02\x8e\x00")  # CONNACK, DISCONNECT: taken over
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        alert = MqttAlert(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
        async with server:
            sender = Mqtt(alert, context(tmp_path))
            await sender.start()
            await until(lambda: "taken over" in faults_of(caplog))
            await sender.close()

    if told:
        asyncio.run(talkative())
    else:
        with Broker(tmp_path / "b") as broker:
            asyncio.run(scene(broker))
    assert "each needs its own `site`" in caplog.text
    assert len(caplog.records) < 20


async def _old_broker(port: int, how: bytes) -> tuple[asyncio.Server, list[int]]:
    """In front of a real broker: one that knows MQTT 3.1.1 only; refuses, or hangs up on, anything newer."""
    seen: list[int] = []
    tasks: set[asyncio.Task[None]] = set()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65536):
                writer.write(chunk)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await reader.read(65536)
        level = hello[hello.index(b"MQTT") + 4]
        seen.append(level)
        if level > 4:
            writer.write(how)
            writer.close()
            return
        back, forth = await asyncio.open_connection("127.0.0.1", port)
        forth.write(hello)
        await asyncio.gather(pipe(reader, forth), pipe(back, writer))

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer), name="old broker")
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    return await asyncio.start_server(begin, "127.0.0.1", 0), seen


@pytest.mark.parametrize("how", [b"\x20\x02\x00\x01", b""])  # refused by its version; hung up on
def test_an_old_broker_is_spoken_to_in_its_own_version(tmp_path: Path, how: bytes) -> None:
    async def scene(broker: Broker) -> list[int]:
        server, seen = await _old_broker(broker.port, how)
        alert = params(broker).model_copy(update={"port": server.sockets[0].getsockname()[1]})
        sender = Mqtt(alert, context(tmp_path))
        await sender.start()
        await send_surely(sender, message())
        assert "MQTT 3.1.1" in await sender.probe()
        await sender.close()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.1)
        return seen

    with Broker(tmp_path / "b") as broker, Listener(broker) as heard:
        assert asyncio.run(scene(broker)) == [5, 4, 5, 4]
        heard.wait(lambda _: heard.on("/event"))


def test_probe_publishes_nothing(tmp_path: Path) -> None:
    with Broker(tmp_path / "b") as broker, Listener(broker) as heard:
        said = asyncio.run(Mqtt(params(broker), context(tmp_path)).probe())
        assert said == f"127.0.0.1:{broker.port}: MQTT 5, no login"
        time.sleep(0.3)
        assert heard.messages == []


def test_a_message_that_the_broker_cannot_take_goes_to_the_dead_letters(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> None:
        async with running(params(broker), context(tmp_path)) as sender:
            with pytest.raises(Refused, match="more than the broker takes"):
                await sender.send(message(facts={"text": "x" * 5000}))

    with Broker(tmp_path / "b", extra=["max_packet_size 4000"]) as broker:
        asyncio.run(scene(broker))


def test_a_picture_at_which_the_broker_hangs_up_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """MQTT 3.1.1 has no way to say what is too large."""

    async def scene(broker: Broker, heard: Listener) -> None:
        async with running(params(broker, version="3.1.1"), context(tmp_path)) as sender:
            await sender.picture("yard", b"x" * 10_000)
            await until(lambda: "hangs up at sightline/house/yard/snapshot (10000 bytes)" in caplog.text)
            await send_surely(sender, message())
            await sender.online("yard", True)
            await until(lambda: heard.last("/yard/availability") == b"online")
            await sender.picture("yard", b"small")
            await until(lambda: heard.last("/yard/snapshot") == b"small")

    with Broker(tmp_path / "b", extra=["max_packet_size 4000"]) as broker, Listener(broker) as heard:
        asyncio.run(scene(broker, heard))


def test_connections_leave_nothing_behind(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> None:
        for _ in range(12):
            async with running(params(broker), context(tmp_path)) as sender:
                await send_surely(sender, message())

    with Broker(tmp_path / "b") as broker:
        asyncio.run(scene(broker))
        before = len(list(Path("/proc/self/fd").iterdir()))
        asyncio.run(scene(broker))
        assert len(list(Path("/proc/self/fd").iterdir())) <= before


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"ca": "ca.crt"}, "add tls: true"),
    ({"insecure": True}, "add tls: true"),
    ({"tls": True, "cert": "a.crt"}, "cert and key belong together"),
    ({"username": "a", "password": "open"}, "does not belong in the file"),
    ({"topic": "a/#"}, "a topic is levels"),
    ({"topic": "/"}, "a topic is levels"),
    ({"topic": "$SYS/a"}, "a topic is levels"),
    ({"qos": 3}, "0, 1 or 2"),
    ({"version": "4"}, "'auto', '5' or '3.1.1'"),
]


@pytest.mark.parametrize(("more", "text"), WRONG)
def test_wrong_parameters_are_named(more: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        MqttAlert(**{"host": "broker", **more})
    assert text in str(caught.value)


def test_files_count_from_the_config(tmp_path: Path) -> None:
    alert = MqttAlert.model_validate({"host": "b", "tls": True, "ca": "certs/ca.crt"}, context={"folder": tmp_path})
    assert alert.ca == tmp_path / "certs/ca.crt"


def test_an_unset_password_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="NOT_SET not set"):
        Mqtt(MqttAlert(host="b", username="a", password="${NOT_SET}"), context(tmp_path))


def test_who_waits_is_told_that_the_broker_is_there(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> int:
        told: list[bool] = []
        sender = Mqtt(params(broker), context(tmp_path))
        sender.reachable = lambda: told.append(True)
        await sender.start()
        await send_surely(sender, message())
        await asyncio.to_thread(broker.restart)
        await send_surely(sender, message(2))
        await sender.close()
        return len(told)

    with Broker(tmp_path / "b") as broker:
        assert asyncio.run(scene(broker)) >= 2
