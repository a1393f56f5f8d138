"""Schedules: weekdays, hours past midnight, time zones and the two odd days of summer time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from vision.schedule import Schedule


def at(text: str, zone: str = "UTC", fold: int = 0) -> float:
    """Epoch seconds of a local time; `fold` 1 is the second of two equal times on the day that summer time ends."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


# 2026-11-23 is a Monday
@pytest.mark.parametrize(
    ("active", "moment", "armed"),
    [
        (["mon-fri 18:00-07:00"], "2026-11-23T18:00", True),  # the first minute counts
        (["mon-fri 18:00-07:00"], "2026-11-23T17:59:59", False),
        (["mon-fri 18:00-07:00"], "2026-11-24T06:59:59", True),  # past midnight
        (["mon-fri 18:00-07:00"], "2026-11-24T07:00", False),  # the last minute does not
        (["mon-fri 18:00-07:00"], "2026-11-28T03:00", True),  # Saturday night's hours belong to Friday
        (["mon-fri 18:00-07:00"], "2026-11-23T03:00", False),  # Monday's small hours would belong to Sunday
        (["mon-fri 18:00-07:00"], "2026-11-28T18:30", False),  # Saturday evening
        (["sat-sun"], "2026-11-28T00:00", True),  # the whole day
        (["sat-sun"], "2026-11-29T23:59:59", True),
        (["sat-sun"], "2026-11-30T00:00", False),
        (["fri-mon 08:00-12:00"], "2026-11-23T09:00", True),  # days run over the week's end
        (["fri-mon 08:00-12:00"], "2026-11-25T09:00", False),
        (["22:00-06:00"], "2026-11-25T23:00", True),  # every day
        (["22:00-06:00"], "2026-11-25T12:00", False),
        (["00:00-24:00"], "2026-11-25T23:59:59", True),
        (["08:00-08:00"], "2026-11-25T03:00", True),  # the same hour at both ends: round the clock
        (["mon 08:00-09:00", "tue 10:00-11:00"], "2026-11-24T10:30", True),  # any entry suffices
        (["mon 08:00-09:00", "tue 10:00-11:00"], "2026-11-24T08:30", False),
        (["MON-Fri 18:00 - 07:00"], "2026-11-23T19:00", True),  # letters' case and spaces do not matter
        ([], "2026-11-23T12:00", False),  # never
    ],
)
def test_armed(active: list[str], moment: str, armed: bool) -> None:
    assert Schedule(active=tuple(active)).armed(at(moment)) is armed


@pytest.mark.parametrize(
    ("zone", "moment", "armed"),
    [
        ("Asia/Shanghai", "2026-11-23T10:30+00:00", True),  # 18:30 there
        ("America/New_York", "2026-11-23T10:30+00:00", False),  # 05:30 there, of a night that began on Sunday
        ("America/New_York", "2026-11-24T10:30+00:00", True),  # 05:30 there, of Monday's night
        ("Asia/Kathmandu", "2026-11-23T12:14+00:00", False),  # 17:59 there: 5:45 ahead
        ("Asia/Kathmandu", "2026-11-23T12:15+00:00", True),
    ],
)
def test_the_zone_decides(zone: str, moment: str, armed: bool) -> None:
    schedule = Schedule(timezone=zone, active=("mon-fri 18:00-07:00",))
    assert schedule.armed(datetime.fromisoformat(moment).timestamp()) is armed


def test_the_night_in_which_summer_time_begins() -> None:
    # Berlin, 29 March 2026: 02:00 becomes 03:00; the window 01:00-04:00 is two hours long
    schedule = Schedule(timezone="Europe/Berlin", active=("01:00-04:00",))
    begin = at("2026-03-29T00:00", "Europe/Berlin")
    assert sum(schedule.armed(begin + 60 * minute) for minute in range(24 * 60)) == 120


def test_the_night_in_which_summer_time_ends() -> None:
    # Berlin, 25 October 2026: the hour from 02:00 comes twice, and both times count
    schedule = Schedule(timezone="Europe/Berlin", active=("02:00-03:00",))
    assert schedule.armed(at("2026-10-25T02:30", "Europe/Berlin"))
    assert schedule.armed(at("2026-10-25T02:30", "Europe/Berlin", fold=1))
    begin = at("2026-10-25T00:00", "Europe/Berlin")
    assert sum(schedule.armed(begin + 60 * minute) for minute in range(24 * 60)) == 120


def test_a_week_has_the_hours_that_it_says() -> None:
    schedule = Schedule(timezone="UTC", active=("mon-fri 18:00-07:00",))
    begin = datetime(2026, 11, 23, tzinfo=UTC)
    assert sum(schedule.armed((begin + timedelta(minutes=m)).timestamp()) for m in range(7 * 24 * 60)) == 5 * 13 * 60


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"active": ["monday 18:00-07:00"]}, "is no schedule entry"),
        ({"active": ["mon-fri 18-7"]}, "is no schedule entry"),
        ({"active": ["mon-fri 25:00-07:00"]}, "is no schedule entry"),
        ({"active": ["08:00-24:30"]}, "is no schedule entry"),
        ({"active": ["08:60-09:00"]}, "is no schedule entry"),
        ({"active": ["xyz"]}, "is no schedule entry"),
        ({"active": [""]}, "is no schedule entry"),
        ({"active": ["sat"], "timezone": "Mars/Olympus"}, "no IANA time zone"),
        ({"active": ["sat"], "timezone": "../etc/passwd"}, "no IANA time zone"),
        ({"active": ["sat"], "zone": "UTC"}, "Extra inputs"),
        ({}, "Field required"),
    ],
)
def test_wrong_entries(values: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Schedule(**values)
