"""Rules that tell a process out of control from chance: the four zone rules of Western Electric, and Nelson's further tests.

All work on standardised values: how many sigma a point lies above the centre line. A point on the line between two zones
belongs to the inner one. A rule's signal is at the point that completes it.

Source: Western Electric, "Statistical Quality Control Handbook", 1956, pp. 23-28, as in NIST/SEMATECH e-Handbook, section
6.3.2; L. S. Nelson, "The Shewhart control chart: tests for special causes", J. Quality Technology 16 (1984), 237-239.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Side = Literal["above", "below", "both"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its number in the literature, and what it says in words."""

    id: str
    words: str
    window: int


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule is broken at point `index` (from 0) by `points` of its window."""

    rule: Rule
    index: int
    points: tuple[int, ...]
    side: Side


@dataclass(frozen=True, slots=True)
class _Zone:
    """`hits` of the last `rule.window` points lie more than `beyond` sigma off, all on one side."""

    rule: Rule
    hits: int
    beyond: float


_BEYOND = _Zone(Rule("WE1", "one point beyond 3 sigma", 1), 1, 3.0)
_ZONES = (
    _BEYOND,
    _Zone(Rule("WE2", "two of three points beyond 2 sigma, on one side", 3), 2, 2.0),
    _Zone(Rule("WE3", "four of five points beyond 1 sigma, on one side", 5), 4, 1.0),
    _Zone(Rule("WE4", "eight points in a row on one side of the centre", 8), 8, 0.0),
)
WESTERN_ELECTRIC: tuple[Rule, ...] = tuple(zone.rule for zone in _ZONES)


def beyond_limits(z: Sequence[float]) -> tuple[Violation, ...]:
    """Only the first rule: for charts whose points are not symmetric about their centre, as ranges are not."""
    return _zones(z, (_BEYOND,))


def western_electric(z: Sequence[float]) -> tuple[Violation, ...]:
    """Where the four zone rules are broken, in the order of the points."""
    return _zones(z, _ZONES)


def _zones(z: Sequence[float], zones: Sequence[_Zone]) -> tuple[Violation, ...]:
    found = [
        violation
        for index in range(len(z))
        for zone in zones
        for violation in (_zone(z, index, zone, +1), _zone(z, index, zone, -1))
        if violation is not None
    ]
    return tuple(found)


def _zone(z: Sequence[float], index: int, zone: _Zone, sign: int) -> Violation | None:
    if not z[index] * sign > zone.beyond:
        return None
    window = range(max(0, index + 1 - zone.rule.window), index + 1)
    points = tuple(i for i in window if z[i] * sign > zone.beyond)
    if len(points) < zone.hits:
        return None
    return Violation(zone.rule, index, points, "above" if sign > 0 else "below")


def _trend(z: Sequence[float]) -> bool:
    steps = [after - before for before, after in pairwise(z)]
    return all(step > 0 for step in steps) or all(step < 0 for step in steps)


def _alternates(z: Sequence[float]) -> bool:
    steps = [after - before for before, after in pairwise(z)]
    return all(a * b < 0 for a, b in pairwise(steps))


def _hugs(z: Sequence[float]) -> bool:
    return all(abs(value) < 1 for value in z)


def _avoids(z: Sequence[float]) -> bool:
    return all(abs(value) > 1 for value in z)


_PATTERNS: tuple[tuple[Rule, Callable[[Sequence[float]], bool]], ...] = (
    (Rule("N3", "six points in a row, each above or each below the one before", 6), _trend),
    (Rule("N4", "fourteen points in a row going up and down in turn", 14), _alternates),
    (Rule("N7", "fifteen points in a row within 1 sigma", 15), _hugs),
    (Rule("N8", "eight points in a row beyond 1 sigma, on either side", 8), _avoids),
)
NELSON: tuple[Rule, ...] = tuple(rule for rule, _ in _PATTERNS)


def nelson(z: Sequence[float]) -> tuple[Violation, ...]:
    """Where Nelson's tests 3, 4, 7 and 8 are failed: those that the zone rules do not have."""
    found = []
    for index in range(len(z)):
        for rule, fails in _PATTERNS:
            start = index + 1 - rule.window
            if start >= 0 and fails(z[start : index + 1]):
                found.append(Violation(rule, index, tuple(range(start, index + 1)), "both"))
    return tuple(found)
