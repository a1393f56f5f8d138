"""Brokers that refuse, are old or mistaken for ours, messages that cannot be taken, wrong parameters."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.peers.mosquitto import Broker, Listener
from tests.vision.delivery.mqtt_scenes import PASSWORD, context, faults_of, message, params, running, send_surely, until
from vision.delivery.senders.base import Refused, Retry
from vision.delivery.senders.mqtt import Mqtt, MqttAlert
from vision.errors import ConfigError

pytestmark = pytest.mark.usefixtures("mqtt_password")


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
