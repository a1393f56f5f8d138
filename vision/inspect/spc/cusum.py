"""CUSUM: small lasting shifts of a level, seen long before single points leave their limits.

The tabular form, two sums: S+ = max(0, S+ + z - k) and S- = max(0, S- - z - k), with z the value in sigma from the target;
a sum above h is a signal. Sources: NIST/SEMATECH e-Handbook, section 6.3.2.3; run lengths by the Markov chain of
D. Brook, D. A. Evans, "An approach to the probability distribution of cusum run length", Biometrika 59 (1972), 539-549.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

SLACK = 0.5  # k: half of the shift, in sigma, that is to be found
INTERVAL = 5.0  # h: in sigma


@dataclass(frozen=True, slots=True)
class CusumPoint:
    """Both sums after a value, and which of them is above h."""

    high: float
    low: float
    signal: Literal["up", "down"] | None


class Cusum:
    """The two sums, value by value; after a signal they go on, until `reset`."""

    def __init__(self, target: float, sigma: float, slack: float = SLACK, interval: float = INTERVAL) -> None:
        """`slack` (k) and `interval` (h) in sigma. Raises ValueError for a sigma that is not above 0."""
        if not sigma > 0:
            raise ValueError(f"sigma {sigma} must be above 0")
        self.target, self.sigma, self.slack, self.interval = target, sigma, slack, interval
        self.reset()

    def reset(self) -> None:
        """Both sums from 0."""
        self.high = self.low = 0.0

    def update(self, value: float) -> CusumPoint:
        """The sums with one more value."""
        z = (value - self.target) / self.sigma
        self.high = max(0.0, self.high + z - self.slack)
        self.low = max(0.0, self.low - z - self.slack)
        signal: Literal["up", "down"] | None = None
        if self.high > self.interval:
            signal = "up"
        elif self.low > self.interval:
            signal = "down"
        return CusumPoint(self.high, self.low, signal)


def cusum(
    values: Iterable[float], target: float, sigma: float, slack: float = SLACK, interval: float = INTERVAL
) -> tuple[CusumPoint, ...]:
    """The sums at every value."""
    sums = Cusum(target, sigma, slack, interval)
    return tuple(sums.update(value) for value in values)


def average_run_length(
    shift: float, slack: float = SLACK, interval: float = INTERVAL, *, sides: Literal[1, 2] = 2, states: int = 200
) -> float:
    """How many values pass on average until a signal, for normal values whose mean is `shift` sigma off the target."""
    up = _one_sided(shift, slack, interval, states)
    if sides == 1:
        return up
    down = _one_sided(-shift, slack, interval, states)
    return 1 / (1 / up + 1 / down)  # C. W. Kemp, "The use of cumulative sums for sampling inspection schemes", 1962


def _one_sided(shift: float, slack: float, interval: float, states: int) -> float:
    width = 2 * interval / (2 * states - 1)
    normal = NormalDist(shift - slack, 1)
    below = np.array([normal.cdf((step + 0.5) * width) for step in range(-states, states)])  # index step + states
    row, column = np.arange(states)[:, None], np.arange(states)[None, :]
    step = column - row + states
    move = below[step] - np.where(column == 0, 0.0, below[step - 1])  # everything below falls back to 0
    return float(np.linalg.solve(np.eye(states) - move, np.ones(states))[0])


def level_since(values: Sequence[float], points: Sequence[CusumPoint], index: int) -> int:
    """From which value on the level has probably been off, for a signal at `index`: after the sum was last 0."""
    side = points[index].signal
    for before in range(index, -1, -1):
        if (points[before].high if side == "up" else points[before].low) == 0:
            return min(before + 1, len(values) - 1)
    return 0
