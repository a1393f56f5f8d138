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

from tests.peers.mosquitto import Broker, Certificates, Listener, free_port, make_certificates, retained
from vision.delivery.senders.base import Message, Refused, Retry, SenderContext, SendError, Watched
from vision.delivery.senders.mqtt import Mqtt, MqttAlert

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
        assert not [t for t in threading.enumerate() if t.name == "mqtt-connect"]


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
        async with running(params(broker, version=version), context(tmp_path, link=lambda p: f"http://x/{p}")) as sender:
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
