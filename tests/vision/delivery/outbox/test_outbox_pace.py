"""Pace, expiry, order and reload of the outbox, with a clock that is moved by hand."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vision.delivery.outbox.setting import (
    QUICK,
    T0,
    Clock,
    Fake,
    FakeAlert,
    closed,
    event,
    fill,
    of_state,
    running,
    until,
)
from vision.delivery.backoff import full_jitter
from vision.delivery.health import Pace
from vision.delivery.outbox import Outbox
from vision.delivery.policy import Policy, record
from vision.delivery.senders.base import Disabled, Message, Refused, Retry
from vision.delivery.store import Store
from vision.errors import StoreError
from vision.events import Evidence


def made(store: Store, sender: Fake, clock: Clock, pace: Pace | None = None, seed: int = 3) -> Outbox:
    return Outbox(store, {"fake": sender}, clock=clock, random=random.Random(seed).random, pace=pace)


def down(_: Message) -> None:
    raise Retry("nobody there")


async def outage(outbox: Outbox, clock: Clock, seconds: float, step: float = 1.0) -> None:
    end = clock.now + seconds
    while clock.now < end:
        clock.now += step
        await outbox.settle()


@given(st.integers(1, 200), st.floats(0, 1), st.floats(0, 5))
def test_back_off_stays_in_its_bounds(failures: int, drawn: float, floor: float) -> None:
    wait = full_jitter(failures, lambda: drawn, base_s=1, cap_s=600, floor_s=floor)
    assert floor <= wait <= max(min(600.0, 2.0 ** min(failures - 1, 60)), floor)


def test_back_off_is_spread_evenly_over_the_whole_range() -> None:
    draw = random.Random(1).random
    waits = [full_jitter(7, draw) for _ in range(4000)]  # bound 64 s
    tenths = Counter(int(wait / 6.4) for wait in waits)
    assert set(tenths) == set(range(10))
    assert all(300 < count < 500 for count in tenths.values())


def test_a_long_outage_costs_few_tries_and_the_backlog_flows_at_once(store: Store) -> None:
    clock, sender = Clock(), Fake(FakeAlert())
    sender.answer = down
    fill(store, ["fake"], 400, clock.now)
    outbox = made(store, sender, clock)

    async def play() -> None:
        await outage(outbox, clock, 3 * 3600, step=5.0)
        assert len(sender.tried) < 3 * 3600 / 15, "a try each half minute on average, however much waits"
        assert max(d.attempts for d in of_state(store, "pending")) <= 6, "tries are spread over what waits"
        sender.answer = lambda _: None
        await outage(outbox, clock, 61)

    asyncio.run(play())
    assert len(sender.got) == 400
    assert len({m.id for m in sender.got}) == 400


def test_one_message_that_is_never_taken_does_not_keep_the_others(store: Store) -> None:
    clock, sender = Clock(), Fake(FakeAlert())
    bad, *others = fill(store, ["fake"], 50, clock.now)

    def chokes(message: Message) -> None:
        if message.subject == bad.id:
            raise Retry("HTTP 500")

    sender.answer = chokes
    outbox = made(store, sender, clock)

    async def play() -> None:
        await outage(outbox, clock, 10, step=0.5)
        assert {m.subject for m in sender.got} == {one.id for one in others}
        await outage(outbox, clock, 3600, step=5)

    asyncio.run(play())
    assert len(sender.tried) - 49 < 40, "its own tries grow rare"


def test_after_an_outage_what_waits_for_its_retry_goes_at_once(store: Store) -> None:
    clock, sender = Clock(), Fake(FakeAlert())
    sender.answer = down
    fill(store, ["fake"], 2, clock.now)
    outbox = made(store, sender, clock)

    async def play() -> None:
        await outage(outbox, clock, 3600, step=5)
        waits = [d.next_at - clock.now for d in of_state(store, "pending")]
        assert max(waits) > 60, "for the test to say something"
        sender.answer = lambda _: None
        fill(store, ["fake"], 1, clock.now, first=9)
        await outage(outbox, clock, 61)

    asyncio.run(play())
    assert len(sender.got) == 3


def test_expired_messages_are_put_aside_without_a_try(store: Store) -> None:
    clock, sender = Clock(), Fake(FakeAlert(expire_s=60))
    fill(store, ["fake"], 250, clock.now, expire_s=60)
    outbox = made(store, sender, clock)
    clock.now += 61
    fill(store, ["fake"], 1, clock.now, first=300, expire_s=60)
    asyncio.run(outbox.settle())
    assert [m.subject for m in sender.tried] == [event(300).id]
    assert len(of_state(store, "expired")) == 250


def test_messages_for_a_target_that_is_gone_wait_until_they_expire(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    fill(store, ["gone"], 3, T0 - 100, expire_s=50)
    fill(store, ["gone"], 2, T0 - 10, first=10, cooldown_s=60, expire_s=50)
    fill(store, ["gone"], 1, T0 - 5, first=20, cooldown_s=60, expire_s=86400)
    sender = Fake(FakeAlert())

    async def play() -> None:
        outbox = made(store, sender, Clock(), QUICK)
        async with running(outbox):
            await until(lambda: len(of_state(store, "expired")) == 3, "the old ones to expire")
            await until(lambda: "not in the config" in caplog.text, "the log line")

    asyncio.run(play())
    assert [r.getMessage() for r in caplog.records] == ["target gone: not in the config, 3 messages wait"]
    assert sender.tried == []


def test_a_receiver_that_asks_for_more_than_the_expiry_gets_nothing_more(store: Store) -> None:
    clock, sender = Clock(), Fake(FakeAlert())

    def later(_: Message) -> None:
        raise Retry("HTTP 429", after_s=10 * 86400)

    sender.answer = later
    fill(store, ["fake"], 1, clock.now, expire_s=100)
    outbox = made(store, sender, clock)

    async def play() -> None:
        await outbox.settle()
        (waiting,) = of_state(store, "pending")
        assert waiting.next_at == waiting.expires == T0 + 100
        clock.now = T0 + 11 * 86400
        await outbox.settle()

    asyncio.run(play())
    (expired,) = of_state(store, "expired")
    assert expired.error == "HTTP 429"
    assert len(sender.tried) == 1


def test_updates_wait_for_their_alert(store: Store) -> None:
    clock, sender = Clock(), Fake(FakeAlert())
    policy = Policy([("fake", sender.params)])
    for n in range(5):
        record(store, policy, event(n), "opened", True, clock.now)
        record(store, policy, closed(event(n)), "closed", False, clock.now)
    tries: Counter[str] = Counter()

    def answer(message: Message) -> None:
        tries[message.id] += 1
        if message.stage == "opened" and tries[message.id] < 4:
            raise Retry("no")

    sender.answer = answer
    outbox = made(store, sender, clock)
    asyncio.run(outage(outbox, clock, 600))
    for n in range(5):
        assert [m.stage for m in sender.got if m.subject == event(n).id] == ["opened", "closed"]
        assert [m.attempt for m in sender.got if m.subject == event(n).id] == [4, 1]


TROUBLES: dict[str, tuple[BaseException, str, str]] = {
    # what the sender raises, the state of the message, the status of the target
    "retry": (Retry("HTTP 503"), "pending", "not reached for 0 s: HTTP 503"),
    "refused": (Refused("HTTP 400"), "dead", "refused, 1 to the dead letters: HTTP 400"),
    "disabled": (Disabled("HTTP 410"), "pending", "stopped: HTTP 410"),
    # a fault of the sender itself: the message is kept, and the text, which may hold anything, is not shown
    "a bug": (ValueError("hunter2"), "pending", "not reached for 0 s: internal error ValueError in answer, line "),
    "an end that never came": (TimeoutError(), "pending", "not reached for 0 s: no end within 20 s"),
}


@pytest.mark.parametrize(("trouble", "state", "status"), TROUBLES.values(), ids=TROUBLES.keys())
def test_troubles(
    store: Store, trouble: BaseException, state: str, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock, sender = Clock(), Fake(FakeAlert())

    def answer(_: Message) -> None:
        raise trouble

    sender.answer = answer
    fill(store, ["fake"], 1, clock.now)
    outbox = made(store, sender, clock)
    asyncio.run(outbox.settle())
    (delivery,) = store.deliveries()
    assert delivery.state == state
    assert outbox.status()["fake"].startswith(status)
    assert len(caplog.records) == 1
    for text in (caplog.text, outbox.status()["fake"], delivery.error or ""):
        assert "hunter2" not in text


def test_a_sender_that_never_ends_is_cut_off(store: Store) -> None:
    sender = Fake(FakeAlert())
    sender.answer = lambda _: asyncio.sleep(3600)
    fill(store, ["fake"], 1, T0)
    outbox = made(store, sender, Clock(), Pace(deadline_s=0.1))
    asyncio.run(outbox.settle())
    (delivery,) = of_state(store, "pending")
    assert delivery.error == "no end within 0.1 s"


def test_a_sender_that_cannot_start_is_started_again(store: Store) -> None:
    clock, sender = Clock(), Fake(FakeAlert())
    starts: list[float] = []

    async def start() -> None:
        starts.append(clock.now)
        if len(starts) < 4:
            raise OSError("secret inside")

    sender.start = start  # type: ignore[method-assign]  # a sender with a bad start
    fill(store, ["fake"], 1, clock.now)
    outbox = made(store, sender, clock)

    async def play() -> None:
        await outbox.settle()
        assert "OSError" in outbox.status()["fake"]
        assert "secret" not in outbox.status()["fake"]
        await outage(outbox, clock, 60)

    asyncio.run(play())
    assert len(starts) == 4
    assert len(sender.got) == 1
    assert outbox.status() == {"fake": "ok"}


def test_a_store_that_fails_for_a_while_loses_and_doubles_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sightline.outbox")
    sender = Fake(FakeAlert())
    fill(store, ["fake"], 10, time.time())
    real, broken = store.sent, True

    def sent(number: int, now: float) -> None:
        if broken:
            raise StoreError("the disk is full")
        real(number, now)

    monkeypatch.setattr(store, "sent", sent)

    async def play() -> None:
        nonlocal broken
        outbox = Outbox(store, {"fake": sender}, clock=time.time, random=random.Random(1).random, pace=QUICK)
        async with running(outbox):
            await until(lambda: any("disk is full" in r.getMessage() for r in caplog.records), "the log line")
            await asyncio.sleep(0.5)
            broken = False
            await until(lambda: len(of_state(store, "sent")) == 10, "all marked as sent")
            await until(lambda: any("store works" in r.getMessage() for r in caplog.records), "the log line")

    asyncio.run(play())
    assert len(sender.tried) == 10, "what was sent is not sent again because it could not be written down"
    assert len([r for r in caplog.records if "disk is full" in r.getMessage()]) == 1


def test_a_reload_leaves_what_did_not_change_at_work(store: Store) -> None:
    kept, gone, fresh = (Fake(FakeAlert(name=name)) for name in ("kept", "gone", "fresh"))

    async def play() -> None:
        outbox = Outbox(store, {"kept": kept, "gone": gone}, clock=time.time, random=random.random, pace=QUICK)
        async with running(outbox):
            await outbox.online("yard", up=True)
            await until(lambda: len(kept.states) == len(gone.states) == 1, "the cameras to be told")
            await outbox.replace({"kept": kept, "fresh": fresh})
            await until(lambda: fresh.states == [("yard", True)], "a new target to learn what is up")
            assert (kept.closed, gone.closed, len(kept.states)) == (False, True, 1)
            assert set(outbox.status()) == {"kept", "fresh"}
            fill(store, ["kept", "gone", "fresh"], 3, time.time())
            outbox.wake()
            await until(lambda: len(kept.got) == len(fresh.got) == 3, "the messages")
        assert kept.closed
        assert fresh.closed

    asyncio.run(play())
    assert (gone.got, len(of_state(store, "pending"))) == ([], 3)


def test_a_reload_begins_nothing_more_with_the_old_target_and_revives_a_stopped_one(store: Store) -> None:
    old, new, stopped = (Fake(FakeAlert(name=name)) for name in ("hook", "hook", "stopped"))
    old.answer = lambda _: asyncio.sleep(0.3)

    def gone(_: Message) -> None:
        raise Disabled("HTTP 410")

    stopped.answer = gone

    async def play() -> None:
        outbox = Outbox(store, {"hook": old, "stopped": stopped}, clock=time.time, random=random.random, pace=QUICK)
        fill(store, ["hook", "stopped"], 40, time.time())
        async with running(outbox):
            await until(lambda: outbox.status()["stopped"].startswith("stopped") and bool(old.tried), "the beginning")
            stopped.answer = lambda _: None
            begun = len(old.tried)
            await outbox.replace({"hook": new, "stopped": stopped})
            await until(lambda: len(of_state(store, "sent")) == 80, "all marked as sent")
            assert len(old.tried) == begun <= 4
            assert len(old.got) + len(new.got) == 40
            assert outbox.status() == {"hook": "ok", "stopped": "ok"}

    asyncio.run(play())


@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_is_set_back_keeps_nothing_waiting(store: Store, restarted: bool) -> None:
    clock, sender = Clock(), Fake(FakeAlert())
    outbox = made(store, sender, clock)

    async def play() -> None:
        sender.answer = down
        await outbox.settle()
        fill(store, ["fake"], 3, clock.now)
        await outbox.settle()
        clock.now -= 7200
        sender.answer = lambda _: None
        await (made(store, sender, clock) if restarted else outbox).settle()

    asyncio.run(play())
    assert len(sender.got) == 3


def test_pictures_for_those_that_show_them(store: Store, tmp_path: Path) -> None:
    class Frame(Fake):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.pictures: list[tuple[str, bytes]] = []

        async def picture(self, camera: str, jpeg: bytes) -> None:
            self.pictures.append((camera, jpeg))

    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots/1.jpg").write_bytes(b"jpeg")
    (tmp_path.parent / "outside.jpg").write_bytes(b"secret")
    clock, sender = Clock(), Frame(FakeAlert(), tmp_path)
    policy = Policy([("fake", sender.params)])
    for n, path in enumerate(("snapshots/1.jpg", "snapshots/none.jpg", "../outside.jpg", None)):
        one = event(n).model_copy(update={"evidence": Evidence(snapshot=path)})
        record(store, policy, one, "opened", True, clock.now)
        record(store, policy, closed(one), "closed", False, clock.now)
    asyncio.run(made(store, sender, clock).settle())
    assert len(sender.got) == 8
    assert sender.pictures == [("yard", b"jpeg")], "once, and never from outside the folder"


def test_wake_is_safe_from_any_thread_and_at_any_time(store: Store) -> None:
    sender = Fake(FakeAlert())
    outbox = Outbox(store, {"fake": sender}, clock=time.time, random=random.random, pace=Pace(poll_s=30))
    outbox.wake()

    def commit() -> None:
        fill(store, ["fake"], 1, time.time())
        outbox.wake()

    async def play() -> None:
        async with running(outbox):
            await asyncio.sleep(0.2)
            await asyncio.to_thread(commit)
            await until(lambda: len(sender.got) == 1, "the message, long before the next poll")

    asyncio.run(play())
    outbox.wake()
