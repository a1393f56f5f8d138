"""How large people stand where in the picture: assumed at first, learned from those who walk through it.

Over flat ground a camera without roll shows a standing body h = (y - horizon) / R pixels tall, where y is its foot and R
the camera's height in bodies. The body's own height is a factor of each track, so that a walk towards or away from the
camera tells the horizon whoever walks; several tracks at different places tell it as well, as people are about equally
tall. The horizon that leaves the least sum of absolute residuals of log h is taken (least absolute deviations: some people
are half hidden, and must not matter), and of all that explain the walks nearly as well the one nearest to what was assumed.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np
import numpy.typing as npt

from vision.geometry import Box

_WALKS = 4  # known once so many walks,
_SPREAD = 0.8  # whose feet span so many bodies' heights, have been seen
_WARNING = 2  # so many are enough to learn that the camera is higher than assumed, which makes climbs doubtful
_REMEMBERED = 40
_KNOTS = 6
_BOXES = 3  # boxes to a knot
_STEP = 0.2  # a knot for each such way of the feet, in heights
_BENT = 0.06  # a walk whose heights stray more from its own straight line teaches nothing
_TREMBLE = 0.05  # how much the sizes of a walker's boxes stray, until known; a share
_STRAY = (0.04, 0.08)
_FURTHEST = 12.0  # a camera higher than so many bodies looks no different
_GRID = 97
_PLAUSIBLE = 1.0  # so much less likely than the best, in nats a walk, is as good

Floats = npt.NDArray[np.float64]
Knot = tuple[float, float]  # foot y, height


@dataclass(slots=True)
class Walk:
    """One track's places: median foot and height for each part of its way."""

    knots: list[Knot] = field(default_factory=list)
    _boxes: deque[Box] = field(default_factory=lambda: deque(maxlen=_BOXES))

    def add(self, box: Box) -> None:
        """Take in a standing body, wholly in sight."""
        self._boxes.append(box)
        if len(self._boxes) < _BOXES:
            return
        foot, tall = median(b.y2 for b in self._boxes), median(b.height for b in self._boxes)
        if not self.knots or abs(foot - self.knots[-1][0]) >= _STEP * tall:
            self.knots.append((foot, tall))
            self._boxes.clear()

    @property
    def full(self) -> bool:
        """Whether it is time to teach and begin anew."""
        return len(self.knots) >= _KNOTS


class Perspective:
    """The scene of one camera; `assumed` is the camera's height in bodies until it is known."""

    def __init__(self, assumed: float) -> None:
        self._assumed = assumed
        self._walks: deque[Floats] = deque(maxlen=_REMEMBERED)
        self._horizon: float | None = None
        self.stray = _TREMBLE

    @property
    def known(self) -> bool:
        """Whether enough was seen to go by it."""
        return self._horizon is not None

    def bodies(self, foot: float, tall: float) -> float:
        """The camera's height in heights of the body that stands `tall` pixels at `foot`."""
        if self._horizon is None:
            return self._assumed
        return min(_FURTHEST, max(0.5, (foot - self._horizon) / max(1.0, tall)))

    def learn(self, walk: Walk) -> None:
        """Take in a walk that was no climb."""
        knots: Floats = np.array(walk.knots, np.float64).reshape(-1, 2)
        walk.knots = []
        if len(knots) == 0 or _bend(knots) > _BENT:
            return
        self._walks.append(knots)
        feet = np.concatenate([w[:, 0] for w in self._walks])
        tall = float(np.median(np.concatenate([w[:, 1] for w in self._walks])))
        if len(self._walks) < _WARNING or float(np.ptp(feet)) < _SPREAD * tall:
            return
        horizon, stray = _fit(list(self._walks), self._assumed * tall)
        if len(self._walks) >= _WALKS or float(np.median(feet)) - horizon >= self._assumed * tall:
            self._horizon, self.stray = horizon, stray


def _bend(knots: Floats) -> float:
    """Mean residual from the straight line through the knots (Theil and Sen), as a share of the height."""
    foot, tall = knots.T
    i, j = np.triu_indices(len(knots), 1)
    apart = np.abs(foot[i] - foot[j]) >= 0.5 * _STEP * float(np.median(tall))
    if not apart.any():
        return 0.0
    slope = float(np.median((tall[i] - tall[j])[apart] / (foot[i] - foot[j])[apart]))
    rest = tall - slope * foot
    return float(np.mean(np.abs(rest - np.median(rest)) / tall))


def _fit(walks: Sequence[Floats], assumed: float) -> tuple[float, float]:
    """The horizon (y in pixels, above the picture mostly) and how far the heights stray from it.

    `assumed` is how far above the middle of the walks the horizon was thought to be.
    """
    feet = np.concatenate([w[:, 0] for w in walks])
    middle = float(np.median(feet))
    above = middle - float(feet.min()) + 1e-6
    # q = 1 / (middle - horizon): even steps of it are even steps of the shrinking.
    grid = np.linspace(0.0, 0.95 / above, _GRID)[1:]
    costs, strays = np.empty(len(grid)), np.empty(len(grid))
    for i, q in enumerate(grid):
        rests = [np.log(w[:, 1]) - np.log1p(q * (w[:, 0] - middle)) for w in walks]
        factors = np.array([np.median(rest) for rest in rests])
        inner = np.concatenate([np.abs(rest - factor) for rest, factor in zip(rests, factors, strict=True)])
        costs[i] = inner.sum() + np.abs(factors - np.median(factors)).sum()
        strays[i] = inner.mean()
    plausible = grid[costs <= costs.min() * math.exp(_PLAUSIBLE / len(walks))]
    q = float(plausible[np.abs(plausible - 1 / assumed).argmin()])
    stray = 1.25 * float(strays[costs.argmin()])  # mean absolute residual to a standard deviation
    return middle - 1 / q, min(_STRAY[1], max(_STRAY[0], stray))
