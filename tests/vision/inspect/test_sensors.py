"""Which reading is a part's: the table of cases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from vision.inspect.fusion import Board, Measured
from vision.inspect.sensors import Aligned, ClockSkew, Doubt, Reading, Sensor, SensorParams

SCALE: dict[str, Any] = {
    "name": "scale", "unit": "g", "min": 90, "max": 110, "believable": (0, 1000), "offset_s": 0.5, "tolerance_s": 0.2
}  # fmt: skip
T = 1000.0  # the part's trigger; its reading is expected at 1000.5


def at(arrived: float, value: float | None = 100.0, **more: Any) -> Reading:
    return Reading("scale", arrived, value, **more)


OTHERS = [at(T - 60 + i, 99.0, sent=T - 60 + i - 7200) for i in range(0, 50, 5)]  # a clock two hours behind, so far

# what is special, readings in the order of their arrival, what becomes of the part
CASES: list[tuple[str, Sequence[Reading], str]] = [
    ("plain", [at(T + 0.5)], "pass"),
    ("too heavy", [at(T + 0.5, 120.0)], "reject"),
    ("too light", [at(T + 0.5, 80.0)], "reject"),
    ("at the limit", [at(T + 0.5, 110.0)], "pass"),
    ("clock skew: two hours behind, known from earlier readings", [*OTHERS, at(T + 0.6, sent=T + 0.5 - 7200)], "pass"),
    ("clock skew: the first reading ever", [at(T + 0.5, sent=T - 86_000)], "pass"),
    ("clock skew beyond belief", [at(T + 0.5, sent=T - 900_000)], "stale"),
    ("clock set anew: jumps two hours forward", [*OTHERS, at(T + 0.5, sent=T + 0.5)], "pass"),
    ("late: made in time, delayed on the way", [*OTHERS, at(T + 1.4, sent=T + 0.5 - 7200)], "pass"),
    ("late: made too late", [*OTHERS, at(T + 1.4, sent=T + 1.3 - 7200)], "stale"),
    ("too early", [at(T + 0.1)], "stale"),
    ("missing: never any", [], "missing"),
    ("missing: only a later one", [at(T + 3)], "missing"),
    ("stale: the last one is old", [at(T - 30)], "stale"),
    ("duplicated, the same", [at(T + 0.5, sent=T), at(T + 0.5, sent=T)], "pass"),
    ("duplicated with another value", [at(T + 0.5, 100.0, sent=T), at(T + 0.6, 120.0, sent=T)], "duplicated"),
    ("two at the same moment without times", [at(T + 0.5, 100.0), at(T + 0.5, 101.0)], "duplicated"),
    ("two as near, one before and one after", [at(T + 0.4, 100.0), at(T + 0.6, 120.0)], "ambiguous"),
    ("two, one clearly nearer", [at(T + 0.35, 120.0), at(T + 0.5, 100.0)], "pass"),
    ("absurd: 40 tonnes", [at(T + 0.5, 4e7)], "absurd"),
    ("absurd: below zero", [at(T + 0.5, -3.0)], "absurd"),
    ("NaN", [at(T + 0.5, math.nan)], "not_a_number"),
    ("infinite", [at(T + 0.5, math.inf)], "not_a_number"),
    ("no number at all", [at(T + 0.5, None)], "not_a_number"),
    ("unit mismatch: kilograms", [at(T + 0.5, 0.1, unit="kg")], "unit"),
    ("the unit that is expected", [at(T + 0.5, unit="g")], "pass"),
    (
        "out of order: the part's own comes after the next one's",
        [*OTHERS, at(T + 2, 130.0, sent=T + 2 - 7200), at(T + 2.1, sent=T + 0.5 - 7200)],
        "pass",
    ),
    ("named for another part", [at(T + 0.5, part="B")], "missing"),
    ("named for this part, at any time", [at(T + 5, part="A")], "pass"),
    ("named twice, differently", [at(T + 1, part="A"), at(T + 2, 105.0, part="A")], "duplicated"),
    ("a sender's time that is no number", [at(T + 0.5, sent=math.nan)], "pass"),
]  # fmt: skip


@pytest.mark.parametrize(("readings", "becomes"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_case(readings: Sequence[Reading], becomes: str) -> None:
    board = Board([SensorParams(**SCALE)])
    board.expect(T)
    for reading in readings:
        assert board.put(reading)
    (measured,) = board.measured(T, "A")
    result = measured.judge()
    if isinstance(measured.found, Doubt):
        assert (measured.found.kind, result.outcome) == (becomes, "no_decision")
    else:
        assert result.outcome == becomes
    assert result.outcome == "pass" or "scale" in result.reasons[0]
    assert Measured.of(measured.to_dict()).judge() == result  # and again from what is kept


def test_every_kind_of_doubt_is_in_the_table() -> None:
    kinds = {"missing", "stale", "duplicated", "ambiguous", "not_a_number", "absurd", "unit"}
    assert kinds <= {becomes for _, _, becomes in CASES}


def test_a_missing_reading_is_not_taken_from_the_next_part() -> None:
    sensor = Sensor(SensorParams(name="scale", tolerance_s=0.5))
    sensor.expect(10.0)  # its reading got lost
    sensor.expect(10.4)
    sensor.put(Reading("scale", 10.41, 100.0))
    assert isinstance(sensor.align(10.0), Doubt)
    found = sensor.align(10.4)
    assert isinstance(found, Aligned)
    assert found.reading.value == 100.0


def test_a_reading_is_one_part_s_unless_shared() -> None:
    for shared in (False, True):
        sensor = Sensor(SensorParams(name="oven", tolerance_s=5, shared=shared))
        sensor.put(Reading("oven", 10.0, 180.0))
        assert isinstance(sensor.align(10.0), Aligned)
        assert isinstance(sensor.align(10.0), Aligned) == shared


# now, readings, whether waiting is over: expected at 10.5, tolerance 0.2, wait 1
SETTLED = [
    (10.4, [], False),
    (10.5, [at(10.45)], False),  # a nearer one may come
    (10.6, [at(10.45), at(10.6)], True),  # the moment is over
    (10.71, [at(10.45)], True),  # nothing can come that was made in time, but late ones; one is there
    (10.9, [], False),  # may still be on its way
    (11.71, [], True),  # too late for everything
    (10.5, [at(3.0, part="A")], True),  # by name
]


@pytest.mark.parametrize(("now", "readings", "over"), SETTLED)
def test_how_long_is_waited(now: float, readings: Sequence[Reading], over: bool) -> None:
    board = Board([SensorParams(**SCALE)])
    board.expect(10.0)
    for reading in readings:
        board.put(reading)
    assert board.settled(10.0, now, "A") is over


def test_skew_follows_a_clock_that_is_set_back() -> None:
    skew = ClockSkew(0.2)
    for i in range(20):
        skew.seen(i, i + 0.05 + 0.1 * (i % 3))  # delays on the way of 0.05 to 0.25 s
    assert skew.seconds == pytest.approx(0.05)
    for i in range(20, 26):
        skew.seen(i - 30, i + 0.05)
    assert skew.seconds == pytest.approx(30.05)


def test_limits_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="lower one comes first"):
        SensorParams(name="scale", min=2, max=1)


def test_unknown_sensor() -> None:
    assert not Board([]).put(at(1.0))
