"""An MQTT sender at a real broker: what the tests of it have in common."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.peers.mosquitto import Broker
from vision.delivery.senders.base import Message, Retry, SenderContext, Watched
from vision.delivery.senders.mqtt import Mqtt, MqttAlert

PASSWORD = "p@ss-that-nobody-may-see"
CAMERAS = (Watched("yard", (("intrusion", "intrusion"), ("left things", "left_object"))), Watched("gate", ()))


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


def faults_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(getattr(record, "fault", "")) for record in caplog.records if hasattr(record, "fault")]
