"""Who gets which message: a table of changes of events, the cooldown, the ids."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.vision.delivery.outbox.setting import T0, FakeAlert, closed, event
from vision.delivery.policy import Policy, delivery_id, record
from vision.delivery.records import Stage
from vision.delivery.store import Store
from vision.events import Evidence, Summary
from vision.schedule import Schedule

DESCRIBED = {"summary": Summary(text="A man climbs the fence.", source="local")}
# T0 is Monday, 2026-09-21, 14:13:20 UTC
NIGHT, DAY = Schedule(active=("18:00-07:00",)), Schedule(active=("mon 08:00-18:00",))


@dataclass(frozen=True)
class Life:
    """An event's changes, in order, and the stages that the target hears of."""

    changes: tuple[str, ...] = ("open", "described", "closed")
    heard: tuple[Stage, ...] = ("opened", "described", "closed")
    wishes: dict[str, Any] = field(default_factory=dict)
    event: dict[str, Any] = field(default_factory=dict)


LIVES: dict[str, Life] = {
    # the plain case: each stage once
    "all": Life(),
    # what is not in `on` is not sent
    "opened only": Life(heard=("opened",), wishes={"on": ("opened",)}),
    # without `opened`, the first wanted stage begins the alert
    "closed only": Life(heard=("closed",), wishes={"on": ("closed",)}),
    "described and closed": Life(heard=("described", "closed"), wishes={"on": ("described", "closed")}),
    # nobody described it: closed is the first thing heard
    "not described": Life(("open", "closed"), ("closed",), wishes={"on": ("described", "closed")}),
    # over at once, as a line crossing is: one message, `opened` where that is wanted
    "crossing": Life(("over",), ("opened",)),
    "crossing, closed only": Life(("over",), ("closed",), wishes={"on": ("closed",)}),
    # its words come later: an update of the same alert
    "crossing, described": Life(("over", "described"), ("opened", "described")),
    # a target that wants only words hears them, once they are there
    "crossing, described only": Life(("over", "described"), ("described",), wishes={"on": ("described",)}),
    # better words come again: another message, but the same words never twice
    "described twice": Life(("open", "described", "described", "better"), ("opened", "described", "described")),
    # a change that nobody is told of, such as a better picture
    "updated": Life(("open", "updated", "closed"), ("opened", "closed")),
    # filters
    "severe enough": Life(wishes={"min_severity": "warning"}),
    "not severe enough": Life(heard=(), wishes={"min_severity": "alert"}),
    "of its type": Life(wishes={"types": ("fall", "intrusion")}),
    "of another type": Life(heard=(), wishes={"types": ("fall",)}),
    "of its camera": Life(wishes={"cameras": ("yard",)}),
    "of another camera": Life(heard=(), wishes={"cameras": ("gate",)}),
    "in its zone": Life(wishes={"zones": ("yard",)}),
    "in another zone": Life(heard=(), wishes={"zones": ("street",)}),
    # an event without a zone is in none of them
    "in no zone": Life(heard=(), wishes={"zones": ("yard",)}, event={"zone": None}),
    # hours count by the event's start
    "in hours": Life(wishes={"schedule": DAY}),
    "out of hours": Life(heard=(), wishes={"schedule": NIGHT}),
    # filters and moments together
    "filtered, closed only": Life(heard=(), wishes={"on": ("closed",), "min_severity": "alert"}),
    # a cooldown does not touch the updates of an alert that was sent
    "cooldown": Life(wishes={"cooldown_s": 60}),
}


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES.keys())
def test_lives(store: Store, life: Life) -> None:
    policy = Policy([("hook", FakeAlert(**life.wishes))])
    now, first = event(0, **life.event), True
    for step, change in enumerate(life.changes):
        if change == "described":
            now = now.model_copy(update=DESCRIBED)
        elif change == "better":
            now = now.model_copy(update={"summary": Summary(text="He is over it.", source="cloud")})
        elif change in ("closed", "over"):
            now = closed(now)
        stages: dict[str, Stage] = {"open": "opened", "over": "opened", "better": "described"}
        stage: Stage | None = None if change == "updated" else stages.get(change, change)  # type: ignore[arg-type]  # the rest are stages
        record(store, policy, now, stage, first, T0 + step)
        first = False
    assert tuple(d.stage for d in store.deliveries()) == life.heard
    stored = store.event(now.id)
    assert stored is not None
    assert stored.event == now


def test_several_targets_each_as_they_wish(store: Store) -> None:
    policy = Policy([("a", FakeAlert(on=("opened",))), ("b", FakeAlert(on=("closed",))), ("c", FakeAlert(types=()))])
    record(store, policy, event(), "opened", True, T0)
    record(store, policy, closed(event()), "closed", False, T0 + 5)
    assert [(d.target, d.stage) for d in store.deliveries()] == [("a", "opened"), ("b", "closed")]


def test_no_update_for_a_target_that_came_later(store: Store) -> None:
    record(store, Policy([]), event(), "opened", True, T0)
    record(store, Policy([("new", FakeAlert())]), closed(event()), "closed", False, T0 + 5)
    assert store.deliveries() == []


def test_closed_waits_for_its_clip(store: Store) -> None:
    policy = Policy([("hook", FakeAlert())], hold_s=30)
    with_clip = event(1).model_copy(update={"evidence": Evidence(clip="clips/1.mp4")})
    for one in (event(0), with_clip):
        record(store, policy, one, "opened", True, T0)
        record(store, policy, closed(one), "closed", False, T0 + 1)
    waits = {d.event_id: d.next_at for d in store.deliveries() if d.stage == "closed"}
    assert waits == {event(0).id: T0 + 31, with_clip.id: T0 + 1}
    store.attach(event(0).id, Evidence(clip="clips/0.mp4"), T0 + 4)
    assert {d.next_at for d in store.deliveries() if d.stage == "closed"} == {T0 + 4, T0 + 1}


def test_expiry_counts_from_the_commit(store: Store) -> None:
    record(store, Policy([("hook", FakeAlert(expire_s=100))]), event(), "opened", True, T0 + 7)
    assert [d.expires for d in store.deliveries()] == [T0 + 107]


NAMES = ("hook", "hook-2", "a.b", "a_b", "a-b", "x" * 80, "x" * 81, "A")


def test_ids_are_of_content_alone_and_fit_a_header() -> None:
    made = {delivery_id(event(n), stage, name) for n in (0, 1) for stage in ("opened", "closed") for name in NAMES}
    assert len(made) == 2 * 2 * len(NAMES), "targets whose names look alike must not share ids"
    for one in made:
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,100}", one), "no full stop: it divides what is signed"
    assert delivery_id(event(3), "opened", "hook") == f"{event(3).id}_opened_hook"


def test_words_count_in_the_id_of_described_but_not_how_long_they_took() -> None:
    quick, slow, other = (
        event().model_copy(update={"summary": Summary(text=text, latency_s=took)})
        for text, took in (("a", 1.0), ("a", 2.0), ("b", 1.0))
    )
    ids = [delivery_id(one, "described", "hook") for one in (quick, slow, other)]
    assert ids[0] == ids[1] != ids[2]


def test_recording_the_same_change_again_adds_nothing(store: Store) -> None:
    policy = Policy([("hook", FakeAlert(cooldown_s=60))])
    for _ in range(2):  # as a program does that was killed in between and begins again
        record(store, policy, event(), "opened", True, T0)
    assert [(d.stage, d.state) for d in store.deliveries()] == [("opened", "pending")]
