"""What is common to all rules: filters, cooldown, schedules, ids, the best moment. With a rule that says what it is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import pytest

from vision.camera import Camera
from vision.events import Event
from vision.geometry import Box
from vision.motion.base import STILL, Motion
from vision.rulebook import BlindTime, RuleBook
from vision.rules.base import Closed, NearMiss, Opened, Signal, Subject, Updated, View
from vision.rules.intrusion import Intrusion
from vision.track.base import Track

VIEW = View(100, 100)
MIDDLE = Box(40, 40, 60, 80)


def track(number: int = 1, label: str = "person", score: float = 0.9, box: Box = MIDDLE) -> Track:
    return Track(number, label, score, box, (0.0, 0.0), 0.0, 0.0, 5, True)


def book(script: dict[float, Sequence[Signal]], *, epoch: float | None = None, **params: object) -> RuleBook:
    """A book whose only rule says what stands in the script."""
    camera = Camera.model_validate({"name": "yard", "rules": [{"type": "intrusion", **params}]})
    made = RuleBook(camera, VIEW, origin="clip.mp4", epoch=epoch)
    rule = made._pages[0].rule
    assert isinstance(rule, Intrusion)
    rule.seen = []  # type: ignore[attr-defined]

    def step(tracks: Sequence[Track], motion: Motion, t: float) -> Iterable[Signal]:
        rule.seen.append(list(tracks))  # type: ignore[attr-defined]
        return script.get(t, ())

    rule.step = step  # type: ignore[method-assign]
    return made


def play(made: RuleBook, times: Iterable[float]) -> list[Event]:
    """Every event that came out, in order."""
    events: list[Event] = []
    last = 0.0
    for t in times:
        events += made.step([track()], STILL, t)
        last = t
    return events + made.finish(last)


def final(events: Sequence[Event]) -> list[Event]:
    return list({event.id: event for event in events}.values())


def test_an_event_opens_and_closes() -> None:
    begins = Opened("a", 0.5, Subject.of(track()), facts={"dwell_s": 0.5})
    made = book({1: [begins], 3: [Closed("a", 2.9, {"dwell_s": 2.4})]})
    opened, closed = play(made, [0, 1, 2, 3])
    assert (opened.state, opened.start, opened.opened, opened.end) == ("open", 0.5, 1, None)
    assert (closed.state, closed.end, closed.id) == ("closed", 2.9, opened.id)
    assert closed.facts == {"dwell_s": 2.4}
    assert opened.box == (0.4, 0.4, 0.6, 0.8)
    assert len(opened.id) == 26


def test_what_is_still_going_on_at_the_end_gets_its_end_but_stays_open() -> None:
    events = play(book({1: [Opened("a", 1)]}), [0, 1, 2])
    assert (events[-1].state, events[-1].end) == ("open", 2)


def test_a_crossing_opens_and_closes_in_one_step_and_comes_once() -> None:
    events = play(book({1: [Opened("a", 0.7), Closed("a", 0.7)]}), [0, 1, 2])
    assert [(e.state, e.start, e.end) for e in events] == [("closed", 0.7, 0.7)]


def test_the_picture_is_the_best_moment_not_the_first() -> None:
    larger = Subject(Box(30, 30, 70, 90), "person", 0.8, 1)
    slightly = Subject(Box(30, 30, 71, 90), "person", 0.8, 1)
    made = book({1: [Opened("a", 1, Subject.of(track()))], 2: [Updated("a", larger)], 3: [Updated("a", slightly)]})
    opened, better, ended = play(made, [1, 2, 3])
    assert (opened.at, better.at, ended.at) == (1, 2, 2)
    assert better.box == (0.3, 0.3, 0.7, 0.9)


@pytest.mark.parametrize(
    ("params", "seen"),
    [
        ({}, [1]),  # a rule's own default: persons
        ({"classes": ["car"]}, [2]),
        ({"classes": ["car", "person"], "min_confidence": 0.6}, [1]),  # the car is too unsure
    ],
)
def test_rules_see_only_what_they_asked_for(params: dict[str, object], seen: list[int]) -> None:
    made = book({}, **params)
    made.step([track(1), track(2, "car", 0.5)], STILL, 0)
    assert [t.id for t in made._pages[0].rule.seen[0]] == seen  # type: ignore[attr-defined]


def test_cooldown_holds_back_and_says_so() -> None:
    script = {t: [Opened(str(t), t), Closed(str(t), t)] for t in (1, 5, 12)}
    made = book(script, cooldown_s=10)
    assert [e.start for e in final(play(made, range(14)))] == [1, 12]
    assert [(m.miss.gate, m.miss.text) for m in made.misses] == [("cooldown", "cooldown 4.0 s < 10 s")]


NIGHT = {"timezone": "UTC", "active": ["00:00-00:01"]}
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("epoch", "starts", "misses"),
    [
        (MIDNIGHT, [10], []),  # armed when it began
        (MIDNIGHT - 20, [20], []),  # begins before the hour and goes on: it opens when the rule is armed
        (MIDNIGHT - 3600, [], ["schedule"]),  # never armed: a near miss
        (None, [10], []),  # wall-clock time unknown: armed
    ],
)
def test_schedule(epoch: float | None, starts: list[float], misses: list[str]) -> None:
    made = book({10: [Opened("a", 10)], 30: [Closed("a", 30)]}, epoch=epoch, schedule=NIGHT)
    assert [e.start for e in final(play(made, range(40)))] == starts
    assert [m.miss.gate for m in made.misses] == misses


def test_ids_come_from_content() -> None:
    script = {1: [Opened("a", 1)], 2: [Opened("b", 1)]}
    once, again = (final(play(book(script), [1, 2])) for _ in range(2))
    assert [e.id for e in once] == [e.id for e in again]
    assert len({e.id for e in once}) == 2


def test_near_misses_are_kept_with_their_rule() -> None:
    made = book({1: [NearMiss("dwell", "dwell 2.1 s < 3 s", 0, 1, 0.7)]}, name="gate at night")
    play(made, [1])
    assert [(m.rule, m.type, m.miss.text) for m in made.misses] == [("gate at night", "intrusion", "dwell 2.1 s < 3 s")]


def test_a_thing_told_late_is_shown_at_its_own_moment() -> None:
    made = book({3: [Opened("a", 1, Subject(MIDDLE, "person", 0.9, 1, t=1.5))]})
    opened = play(made, [1, 2, 3])[0]
    assert (opened.opened, opened.at) == (3, 1.5)


def test_time_without_pictures_is_left_out_for_rules_and_put_back_into_events() -> None:
    made = book({1.0: [Opened("a", 0.5)], 4.0: [Closed("a", 3.5)]})
    events = [*made.step([], STILL, 1.0)]
    made.skip(2.0, 100.0)
    made.skip(3.0, 10.0)
    events += made.step([], STILL, 4.0)
    assert [(e.start, e.end) for e in events] == [(0.5, None), (0.5, 113.5)]


def test_blind_time_counts_what_lies_before() -> None:
    blind = BlindTime()
    assert not blind.any
    for t, seconds in ((10.0, 5.0), (20.0, 1.0)):
        blind.add(t, seconds)
    # the last picture before a gap is of its own time; what comes later has the gap before it
    assert [blind.real(t) for t in (0.0, 10.0, 10.1, 20.0, 20.1)] == [0.0, 10.0, 15.1, 25.0, 26.1]
