"""Store, outbox and MQTT together: what was committed arrives, whatever the broker goes through."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest

from tests.peers.mosquitto import Broker, Listener
from vision.delivery.outbox import Outbox, build_senders
from vision.delivery.policy import Policy, record
from vision.delivery.senders.base import SenderContext, Watched
from vision.delivery.senders.mqtt import MqttAlert
from vision.delivery.store import Store
from vision.delivery.target import Pace
from vision.events import Event, event_id

EVENTS = 100


def happening(number: int, now: float, *, over: bool) -> Event:
    name = event_id(now, number)
    facts = {"type": "intrusion", "rule": "intrusion", "camera": f"c{number % 4}", "severity": "alert"}
    return Event.model_validate(
        {"id": name, "start": now, "opened": now, "at": now, "state": "closed" if over else "open", **facts}
    )


def test_what_was_committed_arrives_in_order_over_kills_and_freezes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vision.delivery.mqtt_connection.ACK_S", 0.4)
    monkeypatch.setattr("vision.delivery.mqtt_connection.CONNECT_S", 0.4)
    store = Store(f"sqlite:///{tmp_path / 'events.db'}")
    watched = tuple(Watched(f"c{i}", (("intrusion", "intrusion"),)) for i in range(4))
    context = SenderContext(evidence=tmp_path, clock=time.time, cameras=watched, site="house")
    now = time.time()

    async def happen(outbox: Outbox, policy: Policy) -> None:
        for number in range(EVENTS):
            for stage, over in (("opened", False), ("closed", True)):
                event = happening(number, now, over=over)
                record(store, policy, event, stage, not over, time.time(), hold_s=0.0)
                outbox.wake()
            await asyncio.sleep(0.03)

    async def scene(broker: Broker) -> None:
        alert = MqttAlert(host=broker.host, port=broker.port, off_delay_s=0.1)
        senders = build_senders((alert,), context)
        pace = Pace(base_s=0.1, cap_s=0.5, probe_cap_s=0.5)
        outbox = Outbox(store, senders, clock=time.time, random=random.random, pace=pace)
        life = asyncio.create_task(outbox.run())
        busy = asyncio.create_task(happen(outbox, Policy([("mqtt", alert)])))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(broker.kill)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(broker.start)
        await asyncio.sleep(0.5)
        broker.suspend()
        await asyncio.sleep(1.0)
        broker.resume()
        await busy
        deadline = time.monotonic() + 30
        while any(d.state != "sent" for d in store.deliveries()):
            assert time.monotonic() < deadline, outbox.status()
            await asyncio.sleep(0.1)
        assert outbox.status() == {"mqtt": "ok"}
        await outbox.drain(5.0)
        await life

    with Broker(tmp_path / "b") as broker, Listener(broker, "sightline/#") as heard:
        asyncio.run(scene(broker))
        heard.wait(lambda found: len({m.properties.get("id") for m in found} - {None}) == 2 * EVENTS, "all messages")
        for number in range(EVENTS):
            mine = [m for m in heard.on("/event") if m.properties["subject"] == event_id(now, number)]
            assert list(dict.fromkeys(m.properties["stage"] for m in mine)) == ["opened", "closed"]
            assert len({m.properties["id"] for m in mine}) == 2
        heard.wait(
            lambda _: all(heard.last(f"sightline/house/c{i}/intrusion/state") == b"OFF" for i in range(4)), "OFF"
        )
    store.close()
