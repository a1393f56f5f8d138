"""Events in the store: what comes out is what went in, and every way to ask for it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.vision.delivery.store.samples import T0, event, message
from vision.delivery.records import EventFilter
from vision.delivery.store import Store
from vision.events import Evidence, Summary

ALL = EventFilter()


def test_an_event_comes_back_to_the_last_bit(store: Store) -> None:
    original = event(1, summary=Summary(text="Somebody is on the lawn. 有人在草地上。", latency_s=0.1), track_id=7)
    store.record(original, [], T0 + 5)
    found = store.event(original.id)
    assert found is not None
    assert found.event == original
    assert (found.recorded, found.changed) == (T0 + 5, T0 + 5)


def test_it_is_still_there_after_opening_anew(opened: Callable[[], Store]) -> None:
    first = opened()
    first.record(event(1), [message(event(1))], T0)
    first.close()
    second = opened()
    assert [found.event for found in second.events(ALL)] == [event(1)]
    assert [found.id for found in second.due(T0)] == [message(event(1)).id]


def test_a_later_state_replaces_the_earlier_one(store: Store) -> None:
    store.record(event(1), [], T0 + 1)
    closed = event(1, state="closed", end=T0 + 9, facts={})
    store.record(closed, [], T0 + 10)
    found = store.event(closed.id)
    assert found is not None
    assert found.event == closed
    assert (found.recorded, found.changed) == (T0 + 1, T0 + 10)
    assert len(store.events(ALL)) == 1


@pytest.mark.parametrize(
    "facts",
    [
        {"note": "a\0b"},  # PostgreSQL has no NUL, least of all in a column
        {"note": "half \ud83d of a pair"},  # what a language model may write
        {"x": float("inf"), "y": float("-inf")},
        {"big": sys.maxsize, "tiny": 5e-324},
        {"quote": "'; DROP TABLE sightline_events; --", "percent": "100 % :name %s"},
    ],
)
def test_odd_values_are_stored(store: Store, facts: dict[str, Any]) -> None:
    store.record(event(1, facts=facts, zone=str(facts.get("note", "lawn"))), [], T0)
    found = store.event(event(1).id)
    assert found is not None
    expected = {key: value.replace("\ud83d", "?") if key == "note" else value for key, value in facts.items()}
    assert found.event.facts == expected


@given(
    facts=st.dictionaries(
        st.text(max_size=8),
        st.one_of(st.floats(allow_nan=False), st.integers(-(2**63), 2**63 - 1), st.booleans(), st.none(), st.text()),
        max_size=4,
    )
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_facts_go_in_and_come_out(store: Store, facts: dict[str, Any]) -> None:
    original = event(1, facts=facts)
    store.record(original, [], T0)
    found = store.event(event(1).id)
    assert found is not None
    assert found.event == original


def test_one_event_by_the_beginning_of_its_id(store: Store) -> None:
    for name in ("01AAA1", "01AAA2", "01AB", "01AAA", "%_"):
        store.record(event(1, id=name), [], T0)

    def found(beginning: str) -> str | None:
        stored = store.event(beginning)
        return None if stored is None else stored.event.id

    assert found("01AAA1") == "01AAA1"
    assert found("01AB") == "01AB"
    assert found("01AAA") == "01AAA"  # whole, although others begin so
    assert found("01A") is None  # several
    assert found("02") is None
    assert found("") is None
    assert found("%") == "%_"  # no wildcards
    assert found("_") is None
    assert store.ids("01AAA") == ["01AAA", "01AAA1", "01AAA2"]
    assert store.ids("01", limit=2) == ["01AAA", "01AAA1"]


EVENTS = [
    event(0, camera="yard", type="intrusion", severity="alert"),
    event(10, camera="gate", type="loitering", severity="warning", state="closed", end=T0 + 20),
    event(20, camera="hall", type="fall", severity="info"),
    event(30, camera="yard", type="fall", severity="warning", state="closed", end=T0 + 31),
]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (EventFilter(), [0, 10, 20, 30]),
        (EventFilter(since=T0 + 10), [10, 20, 30]),  # since is in
        (EventFilter(until=T0 + 10), [0]),  # until is not
        (EventFilter(since=T0 + 5, until=T0 + 25), [10, 20]),
        (EventFilter(cameras=("yard",)), [0, 30]),
        (EventFilter(cameras=("yard", "gate")), [0, 10, 30]),
        (EventFilter(cameras=("nowhere",)), []),
        (EventFilter(types=("fall",)), [20, 30]),
        (EventFilter(types=("fall",), cameras=("yard",)), [30]),
        (EventFilter(states=("open",)), [0, 20]),
        (EventFilter(states=("open", "closed")), [0, 10, 20, 30]),
        (EventFilter(min_severity="info"), [0, 10, 20, 30]),
        (EventFilter(min_severity="warning"), [0, 10, 30]),
        (EventFilter(min_severity="alert"), [0]),
        (EventFilter(since=T0 + 1, cameras=("yard",), states=("closed",), min_severity="warning"), [30]),
    ],
)
def test_filters(store: Store, wanted: EventFilter, expected: list[int]) -> None:
    for one in EVENTS:
        store.record(one, [], T0)
    assert [round(found.event.start - T0) for found in store.events(wanted)] == expected
    newest = store.events(wanted, newest_first=True, limit=2)
    assert [round(found.event.start - T0) for found in newest] == expected[::-1][:2]


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_join_without_gap_or_repetition(store: Store, newest_first: bool) -> None:
    for n in range(7):
        store.record(event(n // 3, id=f"E{n}"), [], T0)  # three of a start
    pages, last = [], None
    while page := store.events(ALL, limit=2, newest_first=newest_first, after=last):
        pages.append([found.event.id for found in page])
        last = page[-1]
    ids = [name for page in pages for name in page]
    assert ids == sorted(ids, reverse=newest_first)
    assert len(ids) == 7


def test_evidence_is_added_and_taken_away(store: Store) -> None:
    original = event(1)
    store.record(original, [], T0)
    store.attach(original.id, Evidence(snapshot="snapshots/a.jpg"), T0 + 1)
    store.attach(original.id, Evidence(clip="clips/a.mp4"), T0 + 2)
    assert _evidence(store, original.id) == Evidence(snapshot="snapshots/a.jpg", clip="clips/a.mp4")
    store.record(event(1, state="closed", end=T0 + 5), [], T0 + 6)  # the rule knows of no files
    assert _evidence(store, original.id) == Evidence(snapshot="snapshots/a.jpg", clip="clips/a.mp4")
    store.evidence_gone({original.id: ["clip"], "unknown": ["clip"]}, T0 + 7)
    assert _evidence(store, original.id) == Evidence(snapshot="snapshots/a.jpg")
    found = store.event(original.id)
    assert found is not None
    assert (found.event.state, found.changed) == ("closed", T0 + 7)
    store.attach("unknown", Evidence(clip="clips/b.mp4"), T0 + 8)
    assert store.event("unknown") is None


def _evidence(store: Store, event_id: str) -> Evidence:
    found = store.event(event_id)
    assert found is not None
    return found.event.evidence


def test_forget_keeps_what_is_open_young_or_still_to_be_sent(store: Store) -> None:
    old, waiting, held = (event(n, state="closed", end=T0 + n + 1) for n in (1, 2, 3))
    still_open, young = event(4), event(100, state="closed", end=T0 + 101)
    store.record(old, [message(old), message(old, target="broker")], T0)
    store.record(waiting, [message(waiting), message(waiting, target="broker")], T0)
    store.record(held, [message(held, held=True, group="g")], T0)
    store.record(still_open, [], T0)
    store.record(young, [message(young)], T0)
    by_event = {(d.event_id, d.target): d.number for d in store.deliveries()}
    store.sent(by_event[old.id, "hook"], T0)
    store.give_up(by_event[old.id, "broker"], "refused")
    store.sent(by_event[waiting.id, "hook"], T0)
    assert store.forget(T0 + 50) == 1
    assert [found.event.id for found in store.events(ALL)] == [e.id for e in (waiting, held, still_open, young)]
    assert {d.event_id for d in store.deliveries()} == {waiting.id, held.id, young.id}
    assert store.forget(T0 + 50) == 0


def test_forget_more_than_fits_one_transaction(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision.delivery.store._CHUNK", 3)
    for n in range(6):
        store.record(event(n, state="closed", end=T0 + n), [], T0)
    assert store.forget(T0 + 5) == 5
    assert [found.event.id for found in store.events(ALL)] == [event(5).id]


def test_numbers_never_come_back(store: Store) -> None:
    gone = event(1, state="closed", end=T0 + 2)
    store.record(gone, [message(gone)], T0)
    number = store.deliveries()[0].number
    store.sent(number, T0)
    assert store.forget(T0 + 50) == 1
    store.record(event(2), [message(event(2))], T0)
    assert store.deliveries()[0].number > number
