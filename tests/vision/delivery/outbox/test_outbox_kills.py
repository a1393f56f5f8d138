"""What outlives a kill -9: everything that was committed arrives, and nothing under two ids. And a backlog of thousands."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.peers.webhook import Receiver
from tests.vision.delivery.outbox.setting import SECRET, fill, of_state, running, until, webhooks
from vision.delivery.store import Store

AGENT = """
import asyncio, random, sys, threading, time
from pathlib import Path
from tests.vision.delivery.outbox.setting import QUICK, closed, event, hook
from vision.delivery.outbox import Outbox, build_senders
from vision.delivery.policy import Policy, record
from vision.delivery.senders.base import SenderContext
from vision.delivery.store import Store

database, calm, busy, first = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
store = Store(database)
context = SenderContext(evidence=Path(), clock=time.time)
alerts = [hook(calm, timeout_s=1.0), hook(busy, cooldown_s=0.4)]
senders = build_senders(alerts, context)
outbox = Outbox(store, senders, clock=time.time, random=random.random, pace=QUICK)
policy = Policy([(name, sender.params) for name, sender in senders.items()])

def happen():
    for n in range(first, first + 100000):
        one = event(n, start=time.time())
        record(store, policy, one, "opened", True, time.time())
        outbox.wake()
        print(one.id, flush=True)  # committed
        time.sleep(0.01)
        record(store, policy, closed(one), "closed", False, time.time())
        outbox.wake()

threading.Thread(target=happen, daemon=True).start()
asyncio.run(outbox.run())
"""


def start(database: str, calm: Receiver, busy: Receiver, first: int, out: Path) -> subprocess.Popen[bytes]:
    with out.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-c", AGENT, database, calm.url, busy.url, str(first)],
            stdout=file,
            cwd=ROOT,
            env={**os.environ, "HOOK_SECRET": SECRET, "PYTHONPATH": str(ROOT)},
        )


@pytest.mark.slow
def test_kill_nine_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    database, out, draw = f"sqlite:///{tmp_path / 'sightline.db'}", tmp_path / "committed", random.Random(11)
    with Receiver(SECRET) as calm, Receiver(SECRET) as busy:
        for round_ in range(10):
            lines = out.read_bytes().count(b"\n") if out.exists() else 0
            agent = start(database, calm, busy, round_ * 100_000, out)
            try:
                end = time.monotonic() + 30
                while out.read_bytes().count(b"\n") <= lines + 3:
                    assert agent.poll() is None, "the process ended by itself"
                    assert time.monotonic() < end, "nothing was committed for 30 s"
                    time.sleep(0.01)
                time.sleep(draw.uniform(0, 0.4))
                calm.fail(draw.choice(["500", "drop", "lost answer", "hang", "down"]))
                time.sleep(draw.uniform(0, 0.4))
                if round_ % 2:
                    calm.heal()
                    time.sleep(draw.uniform(0, 0.3))
            finally:
                agent.send_signal(signal.SIGKILL)
                agent.wait(10)
            calm.heal()
        store = Store(database)
        try:
            _rest(store, calm, busy)
            committed = set(out.read_text().split())
            _judge(store, calm, busy, committed)
        finally:
            store.close()


def _rest(store: Store, calm: Receiver, busy: Receiver) -> None:
    """The agent begins once more, nothing more happens, and all that waits goes out."""

    async def scene() -> None:
        outbox = webhooks(store, calm, busy)
        async with running(outbox):
            await until(lambda: not of_state(store, "pending", "held"), "an empty outbox", 60)

    asyncio.run(scene())


def _judge(store: Store, calm: Receiver, busy: Receiver, committed: set[str]) -> None:
    assert len(committed) > 5  # how many depends on the machine
    got = {m.subject for m in calm.messages if m.stage == "opened"}
    assert committed <= got, f"{len(committed - got)} of {len(committed)} never arrived"
    assert {d.state for d in store.deliveries()} <= {"sent", "merged"}
    told = [m.subject for m in busy.messages if m.stage == "opened"]
    merged = [m for m in busy.messages if m.stage == "merged"]
    for message in merged:
        told += message.data["merged"]["ids"]
    assert len(told) == len(set(told)), "told of twice"
    assert committed <= set(told)
    for receiver in (calm, busy):
        assert receiver.doubled() == {}
        assert receiver.rejected == []
        for subject in {m.subject for m in receiver.messages}:
            stages = [m.stage for m in receiver.of(subject) if m.stage != "merged"]
            assert stages in (["opened"], ["opened", "closed"]), "in order"


@pytest.mark.slow
def test_a_backlog_of_thousands_flows_once_the_receiver_is_back(store: Store, receiver: Receiver) -> None:
    receiver.fail("500")
    fill(store, ["webhook"], 5000, time.time())

    async def scene() -> None:
        async with running(webhooks(store, receiver)):
            await asyncio.sleep(5)
            during = receiver.requests
            assert during < 120, "the pace of the test tries every 0.1 s on average, at most four at first"
            receiver.heal()
            began = time.monotonic()
            await asyncio.to_thread(receiver.wait, 5000, 90)
            print(json.dumps({"during the outage": during, "per second": 5000 / (time.monotonic() - began)}))
            await until(lambda: not of_state(store, "pending"), "all marked as sent")

    asyncio.run(scene())
    assert len(receiver.taken) == 5000
