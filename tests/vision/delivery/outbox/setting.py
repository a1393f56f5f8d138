"""What the outbox tests share: events, a clock that is moved by hand, a sender that does as it is told, a running outbox."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from tests.peers.webhook import Receiver
from vision.delivery.env import AddressText, SecretText
from vision.delivery.health import Pace
from vision.delivery.outbox import Outbox, build_senders
from vision.delivery.policy import Policy, record
from vision.delivery.records import Delivery, Stage
from vision.delivery.senders.base import AlertParams, Message, Sender, SenderContext
from vision.delivery.senders.webhook import WebhookAlert
from vision.delivery.store import Store
from vision.events import Event, event_id

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
T0 = 1_790_000_000.0
QUICK = Pace(base_s=0.05, cap_s=0.3, probe_cap_s=0.2, poll_s=0.3, store_retry_s=0.1)


class Clock:
    """Epoch seconds that only move by hand."""

    def __init__(self, now: float = T0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class FakeAlert(AlertParams):
    type: Literal["fake"] = "fake"


class Fake(Sender[FakeAlert]):
    """Keeps what it is sent, unless `answer` raises."""

    Params = FakeAlert

    def __init__(self, params: FakeAlert, evidence: Path = Path(), clock: Callable[[], float] = time.time) -> None:
        super().__init__(params, SenderContext(evidence=evidence, clock=clock))
        self.tried: list[Message] = []
        self.got: list[Message] = []
        self.states: list[tuple[str, bool]] = []
        self.closed = False
        self.answer: Callable[[Message], Any] = lambda _: None

    async def send(self, message: Message) -> None:
        self.tried.append(message)
        answer = self.answer(message)
        if asyncio.iscoroutine(answer):
            await answer
        self.got.append(message)

    async def online(self, camera: str, up: bool) -> None:
        self.states.append((camera, up))

    async def close(self) -> None:
        self.closed = True


def event(n: int = 0, **changes: Any) -> Event:
    """The n-th event, one second after the other."""
    start = changes.pop("start", T0 + n)
    camera, rule = changes.get("camera", "yard"), changes.get("rule", "intrusion")
    values: dict[str, Any] = {
        "id": event_id(start, camera, rule, n),
        "type": "intrusion",
        "camera": camera,
        "severity": "warning",
        "start": start,
        "opened": start + 1,
        "at": start + 1,
        "zone": "yard",
        "label": "person",
        "score": 0.8,
        "box": (0.1, 0.2, 0.3, 0.4),
        "rule": rule,
    }
    return Event(**(values | changes))


def closed(of: Event) -> Event:
    return of.model_copy(update={"state": "closed", "end": of.start + 8})


def fill(store: Store, names: Sequence[str], count: int, now: float, *, first: int = 0, **params: Any) -> list[Event]:
    """Record so many opened events for targets of these names."""
    policy = Policy([(name, FakeAlert(name=name, **params)) for name in names])
    made = [event(first + n) for n in range(count)]
    for one in made:
        record(store, policy, one, "opened", True, now)
    return made


def outcome(store: Store) -> list[tuple[Stage, str]]:
    return [(d.stage, d.state) for d in store.deliveries()]


def of_state(store: Store, *states: str) -> list[Delivery]:
    return store.deliveries(states=states)


def hook(url: str, **more: Any) -> WebhookAlert:
    """A webhook whose secret is in HOOK_SECRET."""
    values: dict[str, Any] = {"url": AddressText(url), "secret": SecretText("${HOOK_SECRET}"), **more}
    return WebhookAlert(**values)


@asynccontextmanager
async def running(outbox: Outbox) -> AsyncIterator[Outbox]:
    """`run` at work, and nothing left of it afterwards."""
    task = asyncio.create_task(outbox.run())
    await asyncio.sleep(0)
    try:
        yield outbox
    finally:
        await outbox.drain(0)
        await asyncio.wait_for(task, 10)
        left = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        assert not left, left


async def until(met: Callable[[], bool], what: str, timeout: float = 20.0) -> None:
    end = time.monotonic() + timeout
    while not await asyncio.to_thread(met):
        assert time.monotonic() < end, f"waited {timeout:g} s for {what}"
        await asyncio.sleep(0.02)


def webhooks(store: Store, *receivers: Receiver, pace: Pace = QUICK, folder: Path = Path(), **more: Any) -> Outbox:
    """An outbox with a webhook target for each receiver."""
    context = SenderContext(evidence=folder, clock=time.time, site="house")
    alerts = [hook(receiver.url, **more) for receiver in receivers]
    return Outbox(store, build_senders(alerts, context), clock=time.time, random=random.Random(7).random, pace=pace)


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}
