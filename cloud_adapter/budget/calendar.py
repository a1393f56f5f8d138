"""Days and months of the configured time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which day and month a moment belongs to, and when the next ones begin; moments are epoch seconds UTC."""

    timezone: str
    batch_at: str | None = None

    def day(self, at: float) -> str:
        """Such as 2026-11-23."""
        return self._local(at).date().isoformat()

    def month(self, at: float) -> str:
        """Such as 2026-11."""
        return self.day(at)[:7]

    def next_day(self, at: float) -> float:
        """When the next day begins; the day of a clock change may have 23 or 25 hours."""
        return self._begin(self._local(at).date() + timedelta(days=1))

    def next_month(self, at: float) -> float:
        """When the next month begins."""
        return self._begin((self._local(at).date().replace(day=1) + timedelta(days=32)).replace(day=1))

    def batch(self, after: float) -> float:
        """The first batch run at or after a moment: the moment itself where no time of day is set."""
        if self.batch_at is None:
            return after
        clock = time.fromisoformat(self.batch_at)
        today = self._local(after).date()
        return next(run for n in (0, 1, 2) if (run := self._begin(today + timedelta(days=n), clock)) >= after)

    def day_before(self, at: float, days: int = 1) -> str:
        """The day so many days ago."""
        return (self._local(at).date() - timedelta(days=days)).isoformat()

    def _local(self, at: float) -> datetime:
        return datetime.fromtimestamp(at, ZoneInfo(self.timezone))

    def _begin(self, day: date, clock: time = time()) -> float:
        return datetime.combine(day, clock, ZoneInfo(self.timezone)).timestamp()
