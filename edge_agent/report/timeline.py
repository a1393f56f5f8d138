"""Events of one clip as bars in lanes: one lane for each type, further rows in it where events overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vision.events import Event

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
_MOST_TICKS = 8
_MOST_ROWS = 5
_WIDTH_OF_SHORT = 0.8  # percent that a bar takes at least, for finding overlaps


@dataclass(frozen=True, slots=True)
class Bar:
    """One event; `left` and `width` in percent of the lane, `row` from the top of the lane."""

    number: int
    left: float
    width: float
    row: int


@dataclass(frozen=True, slots=True)
class Lane:
    """All events of one type."""

    type: str
    bars: tuple[Bar, ...]
    rows: int


def lanes(numbered: Sequence[tuple[int, Event]], duration_s: float) -> list[Lane]:
    """A lane for each type, in the order of the types' first events. Numbers are those of the events' cards."""
    begin, span = extent([event for _, event in numbered], duration_s)
    by_type: dict[str, list[tuple[int, Event]]] = {}
    for number, event in sorted(numbered, key=lambda pair: (pair[1].start, pair[0])):
        by_type.setdefault(event.type, []).append((number, event))
    return [_lane(kind, pairs, begin, span) for kind, pairs in by_type.items()]


def extent(events: Sequence[Event], duration_s: float) -> tuple[float, float]:
    """The first second of the axis and its length; long enough for every event, also where the length is not known."""
    begin = min([0.0, *(event.start for event in events)])
    if begin == 0.0 and events and min(event.start for event in events) > max(duration_s, 1.0):
        begin = min(event.start for event in events)  # live times
    end = max([begin + duration_s, *(event.end if event.end is not None else event.start for event in events)])
    return begin, max(end - begin, 0.001)


def ticks(begin: float, span: float) -> list[tuple[float, float]]:
    """Times worth a mark, with their place in percent."""
    step = next((step for step in _STEPS_S if span / step <= _MOST_TICKS), span / _MOST_TICKS)
    return [(begin + n * step, round(n * step / span * 100, 3)) for n in range(int(span / step + 1e-9) + 1)]


def _lane(kind: str, pairs: Sequence[tuple[int, Event]], begin: float, span: float) -> Lane:
    free: list[float] = []
    bars = []
    for number, event in pairs:
        left = min(99.6, max(0.0, (event.start - begin) / span * 100))
        end = event.end if event.end is not None else begin + span if event.state == "open" else event.start
        width = min(100 - left, max(0.0, (end - event.start) / span * 100))
        row = next((row for row, until in enumerate(free) if until <= left + 1e-9), None)
        if row is None:
            if len(free) < _MOST_ROWS:
                free.append(0.0)
                row = len(free) - 1
            else:
                row = free.index(min(free))
        free[row] = left + max(width, _WIDTH_OF_SHORT)
        bars.append(Bar(number, round(left, 3), round(width, 3), row))
    return Lane(kind, tuple(bars), max(1, len(free)))
