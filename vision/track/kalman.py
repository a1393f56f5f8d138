"""The motion model: where a box probably is at a given time, and how sure that is. All tracks at once, as arrays.

A box is its centre, and the logarithms of its width and height, so that a size is never negative and errors are relative.
The centre moves with a velocity that keeps for about `velocity_memory_s` and is pushed about by white noise (an
Ornstein-Uhlenbeck process, Singer 1970); sizes walk randomly. Distances are measured in box sizes (square root of the
area), so near and far objects obey the same numbers. Time is continuous: predicting twice over 0.1 s is the same as
predicting once over 0.2 s, at every frame rate and with every gap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vision.geometry import Boxes

Floats = npt.NDArray[np.float64]

# Columns of a state: centre, logarithms of width and height, velocity of the centre (pixels a second).
PLACE, SIDES, SEEN, SPEED = slice(0, 2), slice(2, 4), slice(0, 4), slice(4, 6)
# Columns of a spread: variance of the centre, covariance of centre and velocity, variance of the velocity (all in box
# sizes), variance of the log sizes. Both axes share them: noise does not know directions.
PP, PV, VV, SS = range(4)


@dataclass(frozen=True, slots=True)
class MotionParams:
    """How objects move; lengths in box sizes (square root of the box's area; about 1 m for a person)."""

    speed: float = 1.5
    """Standard deviation of a new object's speed, box sizes a second."""
    agility: float = 0.4
    """How much the velocity changes within a second, box sizes a second."""
    velocity_memory_s: float = 4.0
    """How long a velocity keeps when nothing is seen."""
    growth: float = 0.15
    """How much the logarithm of a side changes within a second."""
    box_error: float = 0.05
    """Standard deviation of a sure detection's centre; a weak one (score below 1) has `box_error / sqrt(score)`."""
    size_error: float = 0.1
    """The same for the logarithm of a side."""


class BoxFilter:
    """A Kalman filter for each of N boxes: `state` [N, 6] and `spread` [N, 4], both float64 with the columns above."""

    def __init__(self, params: MotionParams | None = None) -> None:
        self.params = params or MotionParams()
        self._error = np.array([self.params.box_error**2, self.params.size_error**2])
        self.state: Floats = np.zeros((0, 6))
        self.spread: Floats = np.zeros((0, 4))

    def __len__(self) -> int:
        return len(self.state)

    def add(self, seen: Floats, error: Floats) -> None:
        """Start with measurements [N, 4] as of `measured`, with errors [N, 2] as of `errors`."""
        state = np.zeros((len(seen), 6))
        state[:, SEEN] = seen
        spread = np.zeros((len(seen), 4))
        spread[:, PP], spread[:, SS] = error[:, 0], error[:, 1]
        spread[:, VV] = self.params.speed**2
        self.state = np.concatenate([self.state, state])
        self.spread = np.concatenate([self.spread, spread])

    def keep(self, rows: npt.NDArray[np.intp]) -> None:
        """Drop all but these rows."""
        self.state, self.spread = self.state[rows], self.spread[rows]

    def predict(self, dt: float) -> None:
        """Let `dt` seconds pass, exactly (no step size)."""
        p = self.params
        memory = p.velocity_memory_s
        fade = math.exp(-dt / memory)
        reach = memory * (1 - fade)
        q = p.agility**2
        # Exact integrals of the process noise over dt.
        new_vv = q * memory / 2 * (1 - fade * fade)
        new_pv = q / 2 * reach * reach
        new_pp = max(0.0, q * memory * memory * (dt - 2 * reach + memory / 2 * (1 - fade * fade)))
        state, spread = self.state, self.spread
        state[:, PLACE] += reach * state[:, SPEED]
        state[:, SPEED] *= fade
        pv, vv = spread[:, PV].copy(), spread[:, VV].copy()
        spread[:, PP] += reach * (2 * pv + reach * vv) + new_pp
        spread[:, PV] = fade * (pv + reach * vv) + new_pv
        spread[:, VV] = fade * fade * vv + new_vv
        spread[:, SS] += p.growth**2 * dt

    def correct(self, rows: npt.NDArray[np.intp], seen: Floats, error: Floats) -> None:
        """Take measurements [K, 4] with errors [K, 2] for these rows (each row once)."""
        state, spread = self.state[rows], self.spread[rows]
        pp, pv, ss = spread[:, PP], spread[:, PV], spread[:, SS]
        total = pp + error[:, 0]
        gain_p, gain_v, gain_s = pp / total, pv / total, ss / (ss + error[:, 1])
        off = seen - state[:, SEEN]
        state[:, PLACE] += gain_p[:, None] * off[:, :2]
        state[:, SPEED] += gain_v[:, None] * off[:, :2]
        state[:, SIDES] += gain_s[:, None] * off[:, 2:]
        spread[:, VV] -= gain_v * pv
        spread[:, PP] = (1 - gain_p) * pp
        spread[:, PV] = (1 - gain_p) * pv
        spread[:, SS] = (1 - gain_s) * ss
        self.state[rows], self.spread[rows] = state, spread

    def errors(self, score: npt.NDArray[np.float32]) -> Floats:
        """Variances [N, 2] of the centre (box sizes) and the log sizes of detections with these scores."""
        weak: Floats = 1.0 / np.maximum(score.astype(np.float64), 0.05)
        error: Floats = weak[:, None] * self._error
        return error

    def usual(self, dt: float) -> float:
        """Variance of place times that of log size with which a track in good standing expects a detection after `dt`.

        Such a track knows its object's place to `box_error` and its speed to one box size a second; below a quarter of a
        second the same is expected, so that a track bridges as long a gap at 25 pictures a second as at 5.
        """
        p = self.params
        dt = max(dt, 0.25)
        return (2 * p.box_error**2 + dt * dt) * (2 * p.size_error**2 + p.growth**2 * dt)

    def boxes(self) -> Boxes:
        """The boxes, float32 [N, 4] xyxy in pixels."""
        half = np.exp(self.state[:, SIDES]) / 2
        centre = self.state[:, PLACE]
        return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)


def measured(boxes: Boxes) -> Floats:
    """Boxes [N, 4] xyxy as the filter sees them: centre x, centre y, log width, log height; float64 [N, 4].

    A side below one pixel counts as one.
    """
    exact = boxes.astype(np.float64)
    side = np.maximum(exact[:, 2:] - exact[:, :2], 1.0)
    return np.concatenate([(exact[:, :2] + exact[:, 2:]) / 2, np.log(side)], axis=1)
