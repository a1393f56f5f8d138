"""What the MQTT sender keeps at the broker: online, states, pictures, Home Assistant's discovery."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.peers.mosquitto import Broker, Listener, retained
from tests.vision.delivery.mqtt_scenes import CAMERAS, context, message, params, running, send_surely, until
from vision.delivery.senders.base import Watched

pytestmark = pytest.mark.usefixtures("mqtt_password")


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
