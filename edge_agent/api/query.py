"""Values out of an address: each with its range, and a line that says what is allowed."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from aiohttp import web

from edge_agent import when
from edge_agent.api.problems import Problem
from vision.delivery.records import EventFilter
from vision.events import SEVERITIES

_ESCAPED = re.compile(r"(:\d\d(?:\.\d+)?) (\d\d:?\d\d)$")  # a + that nobody escaped arrives as a space
_TIME = 40  # characters
_LONGEST = 200  # characters of a value
_MOST = 64  # values of one name


def flag(request: web.Request, name: str, default: bool) -> bool:
    """0 or 1."""
    text = request.query.get(name)
    if text is None:
        return default
    if text not in {"0", "1", "true", "false"}:
        raise _wrong(name, text, "0 or 1")
    return text in {"1", "true"}


def whole(request: web.Request, name: str, default: int | None, least: int, most: int) -> int | None:
    """A whole number within a range."""
    text = request.query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) or not least <= int(text) <= most:
        raise _wrong(name, text, f"a whole number from {least} to {most}")
    return int(text)


def number(request: web.Request, name: str, default: float, least: float, most: float) -> float:
    """A number within a range."""
    text = request.query.get(name)
    if text is None:
        return default
    try:
        value = float(text) if len(text) <= 20 else math.nan
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise _wrong(name, text, f"a number from {least:g} to {most:g}")
    return value


def moment(name: str, text: str, now: float) -> float:
    """A time as epoch seconds, or as on the command line (`edge_agent.when`): ISO 8601, 2h, today."""
    try:
        value = float(text) if len(text) <= _TIME else math.nan
    except ValueError:
        value = when.moment(_ESCAPED.sub(r"\1+\2", text), now, option=name)
    if not -1e11 < value < 1e11:
        raise _wrong(name, text, "epoch seconds, 2026-03-01T18:00:00Z, or 2h for two hours ago")
    return value


def event_filter(request: web.Request, now: float) -> EventFilter:
    """The filters of `sightline events list`: since, until, camera, type, state, min_severity; lists by repeating."""
    times = {name: request.query.get(name) for name in ("since", "until")}
    severity = request.query.get("min_severity")
    if severity is not None and severity not in SEVERITIES:
        raise _wrong("min_severity", severity, ", ".join(SEVERITIES))
    states = many(request, "state")
    for state in states:
        if state not in {"open", "closed"}:
            raise _wrong("state", state, "open or closed")
    return EventFilter(
        since=None if times["since"] is None else moment("since", times["since"], now),
        until=None if times["until"] is None else moment("until", times["until"], now),
        cameras=many(request, "camera"),
        types=many(request, "type"),
        states=states,
        min_severity=severity,
    )


def known(request: web.Request, names: Sequence[str]) -> None:
    """Refuse a value nobody asked for: a misspelt filter must not look like an answer."""
    for name in request.query:
        if name not in names:
            raise Problem(
                400, f"{name[:40]}: no such parameter here", f"this address takes: {', '.join(names) or 'none'}"
            )


def many(request: web.Request, name: str) -> tuple[str, ...]:
    """All values of a name, repeated or with commas between them."""
    found = [part for text in request.query.getall(name, []) for part in text.split(",") if part]
    if len(found) > _MOST or any(len(part) > _LONGEST for part in found):
        raise Problem(400, f"{name}: too much", f"at most {_MOST} values of {_LONGEST} characters")
    return tuple(found)


def _wrong(name: str, text: str, allowed: str) -> Problem:
    return Problem(400, f"{name}: {text[:40]!r} cannot be used", f"allowed: {allowed}")
