"""Days and months of a time zone."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from cloud_adapter.budget.calendar import Calendar


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("zone", "moment", "day", "next_day", "next_month"),
    [
        ("UTC", "2026-11-23T12:00", "2026-11-23", "2026-11-24T00:00", "2026-12-01T00:00"),
        ("UTC", "2026-12-31T23:59", "2026-12-31", "2027-01-01T00:00", "2027-01-01T00:00"),  # into the next year
        ("UTC", "2028-02-29T00:00", "2028-02-29", "2028-03-01T00:00", "2028-03-01T00:00"),  # a leap day
        ("Europe/Berlin", "2026-03-29T01:00", "2026-03-29", "2026-03-30T00:00", "2026-04-01T00:00"),  # 23 hours long
        ("Europe/Berlin", "2026-10-25T01:00", "2026-10-25", "2026-10-26T00:00", "2026-11-01T00:00"),  # 25 hours long
        ("Asia/Shanghai", "2026-11-24T00:30", "2026-11-24", "2026-11-25T00:00", "2026-12-01T00:00"),
        ("America/Santiago", "2026-09-05T12:00", "2026-09-05", "2026-09-06T00:00", "2026-10-01T00:00"),  # no midnight
    ],
)
def test_days_and_months(zone: str, moment: str, day: str, next_day: str, next_month: str) -> None:
    calendar = Calendar(zone)
    now = at(moment, zone)
    assert calendar.day(now) == day
    assert calendar.month(now) == day[:7]
    assert calendar.next_day(now) == at(next_day, zone)
    assert calendar.next_month(now) == at(next_month, zone)
    assert calendar.day(calendar.next_day(now)) > day
    assert calendar.day(calendar.next_day(now) - 1) == day


def test_the_same_moment_is_another_day_elsewhere() -> None:
    now = at("2026-11-23T20:00")
    assert Calendar("UTC").day(now) == "2026-11-23"
    assert Calendar("Asia/Shanghai").day(now) == "2026-11-24"
    assert Calendar("UTC").day_before(now) == "2026-11-22"


@pytest.mark.parametrize(
    ("batch_at", "opens", "runs"),
    [
        (None, "2026-11-24T00:00", "2026-11-24T00:00"),  # as soon as the cap opens
        ("02:30", "2026-11-24T00:00", "2026-11-24T02:30"),  # the first run after it
        ("02:30", "2026-11-24T02:30", "2026-11-24T02:30"),  # that moment itself
        ("02:30", "2026-11-24T03:00", "2026-11-25T02:30"),  # today's has been
    ],
)
def test_batch_runs(batch_at: str | None, opens: str, runs: str) -> None:
    assert Calendar("UTC", batch_at).batch(at(opens)) == at(runs)
