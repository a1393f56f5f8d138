"""When a camera takes its pictures: times of the day in its own time zone, fixed or by the sun.

An entry reads `[days] TIME`, for example `06:30`, `mon-fri 12:00`, `sunrise+45m`, `sunset-1h30m`, `sat noon`. `noon` is
when the sun stands highest. Each entry gives one moment a day: a time that summer time skips is taken as much later, one
that comes twice is taken the first time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from vision.capture.sun import sun_times
from vision.schedule import weekdays

_ENTRY = re.compile(
    r"(?:(?P<d0>[a-z]{3})(?:-(?P<d1>[a-z]{3}))?\s+)?"
    r"(?:(?P<hour>\d{1,2}):(?P<minute>\d\d)|(?P<sun>sunrise|sunset|noon)(?:\s*(?P<sign>[+-])\s*(?P<shift>(?:\d{1,3}[hm]){1,2}))?)"
)
_PART = re.compile(r"(\d{1,3})([hm])")
_LONGEST_MIN = 12 * 60
_AHEAD_DAYS = 400  # longer than any polar night and any week

Sun = Literal["sunrise", "sunset", "noon"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a schedule: on which days (0: Monday), at which minute of the day or so many minutes from the sun's."""

    days: frozenset[int]
    minutes: int
    sun: Sun | None = None


def parse(text: str) -> Entry:
    """What an entry means. Raises `ValueError`."""
    match = _ENTRY.fullmatch(text.strip().lower())
    days = weekdays(match["d0"], match["d1"]) if match else None
    if match is None or days is None:
        raise ValueError(
            f'{text!r} is no time for a picture; write "06:30", "mon-fri 12:00", "sunrise+45m" or "sunset-1h"'
        )
    if match["sun"] is None:
        hour, minute = int(match["hour"]), int(match["minute"])
        if hour > 23 or minute > 59:
            raise ValueError(f"{text!r}: a day has the times 00:00 to 23:59")
        return Entry(days, hour * 60 + minute)
    shift = sum(int(n) * (60 if unit == "h" else 1) for n, unit in _PART.findall(match["shift"] or ""))
    if shift > _LONGEST_MIN:
        raise ValueError(f"{text!r}: at most 12 hours before or after")
    sun: Sun = match["sun"]  # type: ignore[assignment]  # one of the three words of the pattern
    return Entry(days, -shift if match["sign"] == "-" else shift, sun)


class CaptureTimes:
    """The moments of all entries, epoch seconds UTC. `place`: latitude and longitude, needed for entries by the sun.

    Raises `ValueError` for a bad entry, or one by the sun without a place.
    """

    def __init__(self, entries: Sequence[str], timezone: str, place: tuple[float, float] | None = None) -> None:
        self._entries = tuple(parse(entry) for entry in entries)
        self._zone = ZoneInfo(timezone)
        self._place = place
        if place is None and any(entry.sun for entry in self._entries):
            raise ValueError("sunrise, sunset and noon need the place: its latitude and longitude")

    def day(self, t: float) -> date:
        """The date at the camera."""
        return datetime.fromtimestamp(t, UTC).astimezone(self._zone).date()

    def midday(self, day: date) -> float:
        """12:00 at the camera."""
        return self._at(day, 12 * 60)

    def end(self, day: date) -> float:
        """When the day is over at the camera."""
        return self._at(day + timedelta(days=1), 0)

    def of(self, day: date) -> list[float]:
        """The moments of a day at the camera, in order; none twice."""
        found = (self._moment(entry, day) for entry in self._entries if day.weekday() in entry.days)
        return sorted({round(t, 3) for t in found if t is not None})

    def next(self, after: float) -> float | None:
        """The first moment later than `after`; None where there is none within a year."""
        return next((t for t in self._from(self.day(after) - timedelta(days=1), _AHEAD_DAYS) if t > after), None)

    def between(self, after: float, until: float) -> list[float]:
        """Moments later than `after` and not later than `until`, within the last days before `until`."""
        first = max(self.day(after), self.day(until) - timedelta(days=7)) - timedelta(days=1)
        return [t for t in self._from(first, (self.day(until) - first).days + 1) if after < t <= until]

    def _from(self, day: date, days: int) -> Iterator[float]:
        """An entry by the sun may fall on the day before or after its own: the order is made over neighbours."""
        waiting: list[float] = []
        for n in range(days + 1):
            waiting = sorted({*waiting, *self.of(day + timedelta(days=n))})
            border = self._at(day + timedelta(days=n), 0) if n else float("-inf")
            yield from (t for t in waiting if t < border)
            waiting = [t for t in waiting if t >= border]
        yield from waiting

    def _moment(self, entry: Entry, day: date) -> float | None:
        if entry.sun is None or self._place is None:
            return self._at(day, entry.minutes)
        sun = sun_times(self.midday(day), *self._place)
        base = {"sunrise": sun.sunrise, "sunset": sun.sunset, "noon": sun.noon}[entry.sun]
        return None if base is None else base + entry.minutes * 60

    def _at(self, day: date, minutes: int) -> float:
        """A wall clock time; in the hour that summer time skips it is as much later, in the doubled hour the first one."""
        wall = datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=self._zone)
        return wall.timestamp()
