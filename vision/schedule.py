"""When a camera or a rule is armed: weekdays and hours in a time zone.

An entry reads `[days] [hours]`, for example `mon-fri 18:00-07:00`, `sat-sun`, `22:00-06:00`. Hours that end before they
begin run past midnight and belong to the day on which they begin.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ENTRY = re.compile(
    r"(?:(?P<d0>[a-z]{3})(?:-(?P<d1>[a-z]{3}))?)?\s*(?:(?P<h0>\d{1,2}):(?P<m0>\d\d)\s*-\s*(?P<h1>\d{1,2}):(?P<m1>\d\d))?"
)
_DAY_MINUTES = 24 * 60


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no IANA time zone; write one like Europe/Berlin or Asia/Shanghai") from None
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]


def weekdays(first: str | None, last: str | None) -> frozenset[int] | None:
    """Days (0: Monday) from `first` to `last`, three letters each; all for no `first`, None where one is no day."""
    if first is None:
        return frozenset(range(7))
    if first not in _DAYS or (last is not None and last not in _DAYS):
        return None
    begin = _DAYS.index(first)
    span = (_DAYS.index(last) - begin) % 7 if last else 0
    return frozenset((begin + i) % 7 for i in range(span + 1))


class Schedule(BaseModel):
    """Armed while any entry of `active` holds, in the given time zone."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    timezone: TimeZone = Field("UTC", description="IANA name, for example Asia/Shanghai.")
    active: tuple[str, ...] = Field(description='Entries such as "mon-fri 18:00-07:00" or "sat-sun".')

    @field_validator("active")
    @classmethod
    def _readable(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        for entry in entries:
            _parse(entry)
        return entries

    @cached_property
    def _spans(self) -> tuple[tuple[frozenset[int], int, int], ...]:
        return tuple(_parse(entry) for entry in self.active)

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def armed(self, epoch: float) -> bool:
        """Whether the schedule is active at `epoch` (seconds UTC)."""
        local = datetime.fromtimestamp(epoch, UTC).astimezone(self._zone)
        today, minute = local.weekday(), local.hour * 60 + local.minute
        for days, begin, end in self._spans:
            if begin < end:
                if today in days and begin <= minute < end:
                    return True
            elif (today in days and minute >= begin) or ((today - 1) % 7 in days and minute < end):
                return True
        return False


def _parse(entry: str) -> tuple[frozenset[int], int, int]:
    """Days, first minute and end minute of an entry."""
    match = _ENTRY.fullmatch(entry.strip().lower())
    wrong = ValueError(f'{entry!r} is no schedule entry; write "mon-fri 18:00-07:00", "sat-sun" or "22:00-06:00"')
    if match is None or not entry.strip():
        raise wrong
    days = weekdays(match["d0"], match["d1"])
    if days is None:
        raise wrong
    if match["h0"] is None:
        return days, 0, _DAY_MINUTES
    begin, end = int(match["h0"]) * 60 + int(match["m0"]), int(match["h1"]) * 60 + int(match["m1"])
    if begin >= _DAY_MINUTES or end > _DAY_MINUTES or int(match["m0"]) > 59 or int(match["m1"]) > 59:
        raise wrong
    return days, begin, end
