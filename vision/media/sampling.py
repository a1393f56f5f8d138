"""Which frames are looked at: an even grid in time, decided by timestamps alone."""

from __future__ import annotations

import math


class Sampler:
    """Picks about `fps` frames a second, evenly spaced, whatever the source's rate.

    Time is cut into slots of 1/fps around grid points that start at t = 0. A frame belongs to the nearest grid point that
    it can still serve: it is taken when it lies within half a source interval before the point, or after it, and the slot
    is not served yet. Half an interval keeps a source whose timestamps wobble by some milliseconds from skipping a beat.
    A source slower than `fps` is taken whole. Deterministic: the same timestamps give the same choice.
    """

    def __init__(self, fps: float) -> None:
        if not fps > 0:
            raise ValueError(f"fps must be more than 0, not {fps}")
        self._fps = fps
        self._slot = -1
        self._last: float | None = None

    def take(self, t: float) -> bool:
        """Whether the frame at `t` (seconds, rising) is to be looked at."""
        interval = 0.0 if self._last is None else max(0.0, t - self._last)
        self._last = t
        early = min(interval, 1 / self._fps) / 2
        # 1e-6 of a slot: timestamps of exact multiples must not fall before their grid point by rounding
        slot = math.floor((t + early) * self._fps + 1e-6)
        if slot <= self._slot:
            return False
        self._slot = slot
        return True
