"""Cooldown and merging: a busy scene gives one useful message, and no event is lost or told of twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vision.delivery.outbox.setting import T0, Clock, Fake, FakeAlert, closed, event
from vision.delivery.outbox import Outbox
from vision.delivery.policy import Policy, record
from vision.delivery.senders.base import Message, Retry
from vision.delivery.store import Store
from vision.events import Event, Evidence


class Scene:
    """A store, one target with a cooldown, and time that moves by hand."""

    def __init__(self, store: Store, cooldown_s: float = 60.0, **wishes: Any) -> None:
        params = FakeAlert(cooldown_s=cooldown_s, **wishes)
        self.store, self.clock, self.sender = store, Clock(), Fake(params)
        self.policy = Policy([("hook", params)])
        self.outbox = Outbox(store, {"hook": self.sender}, clock=self.clock, random=lambda: 0.5)

    def happens(self, one: Event) -> None:
        record(self.store, self.policy, one, "opened", True, self.clock.now)

    def ends(self, one: Event) -> None:
        record(self.store, self.policy, closed(one), "closed", False, self.clock.now)

    async def at(self, seconds: float) -> None:
        """Time goes on to T0 + seconds, and what is due goes out."""
        self.clock.now = T0 + seconds
        await self.outbox.settle()

    @property
    def got(self) -> list[tuple[str, str, int | None]]:
        return [(m.stage, m.subject, None if m.merged is None else m.merged["count"]) for m in self.sender.got]


def test_three_hundred_in_a_minute_give_two_messages(store: Store) -> None:
    scene = Scene(store)
    events = [event(n, start=T0 + n / 6) for n in range(300)]

    async def play() -> None:
        for n, one in enumerate(events):
            await scene.at(n / 6)
            scene.happens(one)
            scene.ends(one)
        await scene.at(59.9)
        assert scene.got == [("opened", events[0].id, None), ("closed", events[0].id, None)]
        await scene.at(60.0)
        await scene.at(600.0)

    asyncio.run(play())
    assert scene.got[2:] == [("merged", events[0].id, 299)]
    merged = scene.sender.got[2].merged
    assert merged is not None
    assert (merged["since"], merged["until"]) == (round(events[1].start, 3), round(events[-1].start, 3))
    assert merged["ids"] == [one.id for one in events[1:201]], "the first of them by name, all by count"


def test_a_scene_that_stays_busy_is_told_once_a_window(store: Store) -> None:
    scene = Scene(store)

    async def play() -> None:
        for n in range(31):  # one each 10 s, for five minutes
            scene.happens(event(n))
            await scene.at(10.0 * (n + 1))
        await scene.at(1000)

    asyncio.run(play())
    lead = event(0).id
    assert scene.got[0] == ("opened", lead, None)
    assert [(stage, subject) for stage, subject, _ in scene.got[1:]] == [("merged", lead)] * 6
    assert sum(count or 0 for _, _, count in scene.got[1:]) == 30


def test_after_a_quiet_window_the_next_alert_is_a_new_one(store: Store) -> None:
    scene = Scene(store)

    async def play() -> None:
        scene.happens(event(0))
        await scene.at(61)
        scene.happens(event(1))
        await scene.at(62)

    asyncio.run(play())
    assert scene.got == [("opened", event(0).id, None), ("opened", event(1).id, None)]


def test_what_matters_more_breaks_through(store: Store) -> None:
    scene = Scene(store)

    async def play() -> None:
        for n, severity in enumerate(("warning", "warning", "alert", "alert", "info")):
            scene.happens(event(n, severity=severity))
            await scene.at(n + 1)
        assert scene.got == [("opened", event(0).id, None), ("opened", event(2, severity="alert").id, None)]
        await scene.at(300)

    asyncio.run(play())
    (merged,) = scene.sender.got[2:]
    assert merged.merged is not None
    assert merged.merged["count"] == 3
    assert merged.event["severity"] == "alert", "the payload is the one that matters most"


def test_cameras_rules_and_targets_are_apart(store: Store) -> None:
    params = FakeAlert(cooldown_s=60)
    policy = Policy([("a", params), ("b", params)])
    for n, (camera, rule) in enumerate((("yard", "x"), ("gate", "x"), ("yard", "y"))):
        record(store, policy, event(n, camera=camera, rule=rule), "opened", True, T0)
    assert {d.state for d in store.deliveries()} == {"pending"}
    assert len(store.deliveries()) == 6


def test_a_target_without_opened_merges_its_closed(store: Store) -> None:
    scene = Scene(store, on=("closed",))

    async def play() -> None:
        for n in range(3):
            scene.happens(event(n))
            scene.ends(event(n))
            await scene.at(n + 1)
        await scene.at(100)

    asyncio.run(play())
    assert scene.got == [("closed", event(0).id, None), ("merged", event(0).id, 2)]


def test_while_a_receiver_is_down_what_is_held_grows_into_one_message(store: Store) -> None:
    scene = Scene(store)

    def down(_: Message) -> None:
        raise Retry("down")

    async def play() -> None:
        scene.sender.answer = down
        for n in range(20):
            scene.happens(event(n))
            await scene.at(30.0 * n)
        scene.sender.answer = lambda _: None
        for second in range(600, 800, 10):
            await scene.at(second)

    asyncio.run(play())
    assert scene.got == [("opened", event(0).id, None), ("merged", event(0).id, 19)]


def test_a_clock_that_was_set_back_does_not_hold_alerts_for_hours(store: Store) -> None:
    scene = Scene(store)
    scene.happens(event(0))
    scene.clock.now -= 7200
    scene.happens(event(1))
    held = store.group("hook|yard|intrusion")
    assert [d.next_at - scene.clock.now for d in held] == [60.0]


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.5, 3.0, 9.0, 10.0, 11.0, 40.0]),  # seconds until
        st.sampled_from(["event", "event", "event", "close", "nothing", "down", "up", "restart"]),
        st.sampled_from(["yard", "gate"]),
        st.sampled_from(["info", "warning", "alert"]),
    ),
    max_size=40,
)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_each_event_is_sent_or_counted_exactly_once(steps: list[tuple[float, str, str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'sightline.db'}")
        try:
            scene = Scene(store, cooldown_s=10.0)
            events = asyncio.run(_played(scene, steps))
            _judged(scene, events)
        finally:
            store.close()


async def _played(scene: Scene, steps: list[tuple[float, str, str, Any]]) -> list[Event]:
    events: list[Event] = []
    up = True

    def answer(_: Message) -> None:
        if not up:
            raise Retry("down")

    seconds = 0.0
    scene.sender.answer = answer
    for wait, what, camera, severity in steps:
        seconds += wait
        await scene.at(seconds)
        if what == "event":
            events.append(event(len(events), start=T0 + seconds, camera=camera, severity=severity))
            scene.happens(events[-1])
        elif what == "close" and events:
            scene.ends(events[-1])
        elif what == "restart":  # all that matters lies in the store
            scene.outbox = Outbox(scene.store, {"hook": scene.sender}, clock=scene.clock, random=lambda: 0.5)
        elif what in ("up", "down"):
            up = what == "up"
    up = True
    for doubling in range(13):
        await scene.at(seconds + 2**doubling)
    return events


def _judged(scene: Scene, events: list[Event]) -> None:
    told: Counter[str] = Counter()
    for message in scene.sender.got:
        if message.stage == "opened":
            told[message.subject] += 1
        elif message.merged is not None:
            assert message.merged["count"] == len(message.merged["ids"])
            told.update(message.merged["ids"])
            assert told[message.subject] == 1, "it is about an alert that was sent before"
    assert told == Counter(one.id for one in events)
    assert len({m.id for m in scene.sender.got}) == len(scene.sender.got)
    closings = [m.subject for m in scene.sender.got if m.stage == "closed"]
    assert set(closings) <= {m.subject for m in scene.sender.got if m.stage == "opened"}, "no updates of merged events"
    assert not {d.state for d in scene.store.deliveries()} - {"sent", "merged"}


def test_a_merged_message_shows_what_its_event_has_become(store: Store) -> None:
    scene = Scene(store)

    async def play() -> None:
        scene.happens(event(0))
        scene.happens(event(1, score=0.9))
        scene.happens(event(2, score=0.4))
        store.attach(event(1).id, Evidence(snapshot="snapshots/1.jpg"), T0 + 5)
        scene.ends(event(2))
        await scene.at(60)

    asyncio.run(play())
    told = scene.sender.got[-1]
    assert (told.event["id"], told.event["evidence"]["snapshot"]) == (event(1, score=0.9).id, "snapshots/1.jpg")
