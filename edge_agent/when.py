"""Times as people write them on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from vision.errors import InputError

_AGO = re.compile(r"(\d{1,6})\s*([smhdw])(?: ago)?")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LONGEST = 40
_EXAMPLES = "write 2h, 30m, 7d (so long ago), today, yesterday, 2026-11-23 or 2026-11-23T18:30"


def moment(text: str, now: float, zone: tzinfo | None = None, option: str = "--since") -> float:
    """Epoch seconds of a time: ISO 8601, a date (its beginning), how long ago, `now`, `today` or `yesterday`.

    `zone` holds where none is written; None: that of this machine. Raises `InputError`.
    """
    said = text.strip().lower()
    if ago := _AGO.fullmatch(said):
        return now - int(ago[1]) * _UNIT_S[ago[2]]
    if said == "now":
        return now
    try:
        if said in {"today", "yesterday"}:
            day = datetime.fromtimestamp(now, zone) - timedelta(days=said == "yesterday")
            return _epoch(day.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None), zone)
        return _epoch(_iso(text.strip()), zone)
    except (ValueError, OverflowError, OSError):
        shown = "".join(c if c.isprintable() else " " for c in text)[:40]
        raise InputError(f"{option} {shown}: no time; {_EXAMPLES}") from None


def local_iso(seconds: float | None, zone: tzinfo | None = None) -> str:
    """A time for tables and for other programs, `2026-11-23T18:30:05+01:00`; empty for None."""
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone).isoformat(timespec="seconds")


def local_text(seconds: float | None, zone: tzinfo | None = None) -> str:
    """A time for people, `2026-11-23 18:30:05`; empty for None."""
    return local_iso(seconds, zone)[:19].replace("T", " ")


def _iso(text: str) -> datetime:
    if len(text) > _LONGEST:
        raise ValueError  # the parser would take any number of digits for a fraction
    return datetime.fromisoformat(text)


def _epoch(time: datetime, zone: tzinfo | None) -> float:
    if time.tzinfo is None and zone is not None:
        time = time.replace(tzinfo=zone)
    return time.timestamp()  # without a zone: that of the machine, as it was then (summer time)
