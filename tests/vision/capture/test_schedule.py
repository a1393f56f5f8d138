"""When pictures are taken, over summer time, polar nights and week-ends."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.capture.schedule import CaptureTimes, parse

BERLIN = (52.52, 13.40)
TROMSO = (69.65, 18.96)


def at(text: str, zone: str = "Europe/Berlin") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def utc(t: float | None) -> str:
    assert t is not None
    return datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "24:00",
        "12:60",
        "6",
        "sunrise+",
        "sunrise+45",
        "sunrise+13h",
        "moonrise",
        "mon-xyz 12:00",
        "mon",
        "noon noon",
        "1:1",
    ],
)
def test_entries_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|day has|at most"):
        parse(text)


NEXT = {
    # later today
    "plain": (["06:30", "18:00"], "2026-11-23T07:00", "2026-11-23 17:00"),
    # the moment itself is not after itself
    "at the moment": (["06:30"], "2026-11-23T06:30", "2026-11-24 05:30"),
    # Friday evening
    "weekdays": (["mon-fri 12:00"], "2026-11-27T13:00", "2026-11-30 11:00"),
    "over the week's end": (["sat-mon 12:00"], "2026-11-23T13:00", "2026-11-28 11:00"),
    # 2026-03-29 02:30 does not exist in Berlin: as much later, 03:30 summer time
    "skipped by summer time": (["02:30"], "2026-03-29T00:00", "2026-03-29 01:30"),
    # 2026-10-25 02:30 comes twice: the first one (summer time)
    "doubled by winter time": (["02:30"], "2026-10-25T00:00", "2026-10-25 00:30"),
    # 08:04:40 + 45 min
    "by the sun": (["sunrise+45m"], "2026-12-09T00:00", "2026-12-09 07:49"),
    "before the sun": (["sunset - 1h30m"], "2026-12-09T00:00", "2026-12-09 13:22"),
    "noon": (["noon"], "2026-12-09T00:00", "2026-12-09 10:58"),
}


@pytest.mark.parametrize("name", NEXT)
def test_the_next_moment(name: str) -> None:
    entries, after, wanted = NEXT[name]
    assert utc(CaptureTimes(entries, "Europe/Berlin", BERLIN).next(at(after))) == wanted


def test_a_polar_night_has_no_sunrise_and_ends() -> None:
    times = CaptureTimes(["sunrise"], "Europe/Oslo", TROMSO)
    assert times.of(date(2026, 12, 21)) == []
    after = times.next(at("2026-12-01T00:00", "Europe/Oslo"))
    assert utc(after).startswith("2027-01-1")


def test_each_day_has_its_moments_once_all_year_whatever_the_clocks_do() -> None:
    times = CaptureTimes(["02:30", "sunrise", "23:30"], "America/New_York", (40.7, -74.0))
    moments = times.between(at("2026-03-01T00:00", "America/New_York"), at("2026-03-08T00:00", "America/New_York"))
    assert len(moments) == 3 * 7
    t = at("2026-01-01T00:00", "America/New_York")
    seen: list[float] = []
    while len(seen) < 3 * 365:
        t = times.next(t) or pytest.fail("no next moment")
        seen.append(t)
    assert all(a < b for a, b in pairwise(seen))
    assert times.day(seen[-1]) == date(2026, 12, 31)


def test_the_sun_needs_a_place() -> None:
    with pytest.raises(ValueError, match="latitude"):
        CaptureTimes(["sunset-1h"], "UTC")


ENTRIES = st.lists(
    st.one_of(
        st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.integers(0, 59)),
        st.builds("{}{}{}h".format, st.sampled_from(["sunrise", "sunset"]), st.sampled_from("+-"), st.integers(0, 12)),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(
    ENTRIES,
    st.floats(1.7e9, 1.9e9),
    st.sampled_from(["Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Pacific/Apia"]),
)
def test_next_and_between_tell_the_same(entries: list[str], after: float, zone: str) -> None:
    """Walking from moment to moment meets all of a span, in order, whatever the sun and the clocks do."""
    times = CaptureTimes(entries, zone, (12.0, 80.0))
    until = after + 3 * 86400
    walked, t = [], after
    while (found := times.next(t)) is not None and found <= until:
        assert found > t
        walked.append(found)
        t = found
    assert walked == times.between(after, until)
    assert len(walked) >= 2 * len({parse(e) for e in entries}) - 1 or len(entries) > 1
