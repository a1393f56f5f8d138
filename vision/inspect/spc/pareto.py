"""What parts are rejected for, the most frequent first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause: in how many parts; `percent` of the most frequent one, `running`: of all together with those before."""

    name: str
    count: int
    percent: float
    running: float


def pareto(causes: Iterable[str]) -> tuple[Cause, ...]:
    """The causes ranked by how often they occur, then by name."""
    ranked = sorted(Counter(causes).items(), key=lambda pair: (-pair[1], pair[0]))
    total, running, told = sum(count for _, count in ranked), 0, []
    for name, count in ranked:
        running += count
        told.append(Cause(name, count, round(100 * count / ranked[0][1], 1), round(100 * running / total, 1)))
    return tuple(told)
