"""Gatherings in a zone: many standing boxes that come, flicker, and go."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.vision.rules.pinhole import closed, missed, opened, play
from vision.geometry import Box
from vision.rules.base import View
from vision.rules.crowd import Crowd, CrowdParams
from vision.track.base import Track

VIEW = View(1000, 500, {"hall": ((0.0, 0.0), (1000.0, 0.0), (1000.0, 400.0), (0.0, 400.0))})


def person(number: int, t: float, *, first: float = 0.0, outside: bool = False) -> Track:
    """One of a row of people, 45 pixels apart."""
    x, y = 40 + 45.0 * (number % 20), 450.0 if outside else 300.0
    return Track(number, "person", 0.7, Box(x, y - 100, x + 40, y), (0.0, 0.0), first, t, 5, observed=True)


def scene(count: Callable[[float], int], seconds: float, fps: float = 5.0) -> list[tuple[float, list[Track]]]:
    """So many people as `count` says at each moment."""
    times = [i / fps for i in range(int(seconds * fps) + 1)]
    return [(t, [person(n, t) for n in range(count(t))]) for t in times]


def rule(count: int = 8, seconds: float = 5.0, margin: int | None = None, leave: float = 3.0) -> Crowd:
    params = CrowdParams(zone="hall", count=count, seconds=seconds, margin=margin, leave_seconds=leave)
    return Crowd(params, VIEW)


TABLE = [
    # what happens, people at time t, events, gates of the near misses
    ("a quiet hall", lambda t: 3, 0, []),
    ("a crowd builds up, one more each second", lambda t: min(12, int(t)), 1, []),
    ("a crowd from the first picture on", lambda t: 9, 1, []),
    ("one too few", lambda t: 7 if 5 <= t < 15 else 2, 0, ["count"]),
    ("half as many come and go, not worth a word", lambda t: 4 if 5 <= t < 15 else 0, 0, []),
    ("enough, but only for 3 s", lambda t: 9 if 5 <= t < 8 else 2, 0, ["dwell"]),
    ("enough, and gone again twice", lambda t: 9 if 3 <= t < 9 or 18 <= t < 25 else 1, 2, []),
    ("flickers between 7 and 8 while it forms", lambda t: 7 + int(t * 5) % 2 if t >= 3 else 2, 1, []),
    ("7 with a single 8 now and then never adds up", lambda t: 8 if int(t * 5) % 25 == 0 else 7, 0, ["dwell"]),
    ("once open, 7 of 8 do not close it", lambda t: 9 if t < 10 else 7 if t < 20 else 9, 1, []),
    ("once open, a gap of 2 s does not close it", lambda t: 3 if 12 <= t < 14 else 9, 1, []),
    ("once open, 4 s of few people close it, and it forms anew", lambda t: 3 if 11 <= t < 16 else 9, 2, []),
    ("people still coming at the end", lambda t: int(t / 4), 0, ["count"]),
]


@pytest.mark.parametrize("fps", [2, 5, 10])
@pytest.mark.parametrize(("what", "count", "events", "gates"), TABLE, ids=[row[0] for row in TABLE])
def test_gatherings(what: str, count: Callable[[float], int], events: int, gates: list[str], fps: float) -> None:
    said = play(rule(), scene(count, 30, fps))
    assert len(opened(said)) == events, said
    assert {miss.gate for miss in missed(said)} == set(gates), said


def test_measurements() -> None:
    said = play(rule(), scene(lambda t: 8 if t < 4 else 11 if t < 10 else 0, 20))
    (event,), (end,) = opened(said), closed(said)
    assert event.start == 0
    assert event.zone == "hall"
    assert end.count == 11
    assert end.facts["people_max"] == 11
    # 10 s of crowd, and one more second in which those lost from sight still count
    assert end.facts["dwell_s"] == pytest.approx(10.6, abs=0.3)
    assert end.end == pytest.approx(10.6, abs=0.3)


def test_near_misses_say_both_numbers() -> None:
    few = missed(play(rule(), scene(lambda t: 7 if 5 <= t < 15 else 2, 30)))
    assert [miss.text for miss in few] == ["7 objects < 8"]
    short = missed(play(rule(), scene(lambda t: 9 if 5 <= t < 7.2 else 2, 30)))
    assert short[0].text == "dwell 2.8 s < 5 s"  # with the second in which those lost from sight still count
    assert short[0].fraction == pytest.approx(0.56)


def test_people_outside_the_zone_do_not_count() -> None:
    steps = [(t / 5, [person(n, t / 5, outside=n >= 5) for n in range(10)]) for t in range(100)]
    assert not opened(play(rule(), steps))


def test_briefly_lost_people_do_not_make_it_flap() -> None:
    """Each of nine people is missed a third of the time, in turn."""
    steps = [(t / 5, [person(n, t / 5) for n in range(9) if (t + n) % 6 >= 2]) for t in range(150)]
    assert len(opened(play(rule(), steps))) == 1


def test_new_numbers_for_the_same_people_are_not_more_people() -> None:
    """Six people whose tracks break off and begin anew every two seconds stay six."""
    steps = []
    for i in range(150):
        t = i / 5
        age = int(t / 2)
        tracks = [person(n + 20 * age, t, first=2.0 * age) for n in range(6)]
        steps.append((t, tracks if i % 10 else []))  # one missed picture before each new number
    said = play(rule(), steps)
    assert not opened(said)
    assert all(miss.text == "6 objects < 8" for miss in missed(said)), said


def test_the_margin_can_be_set() -> None:
    steps = scene(lambda t: 10 if t < 8 else 6, 20)
    assert not closed(play(rule(margin=2), steps))
    assert len(closed(play(rule(margin=1), steps))) == 1
