"""Guard: "That one has been hanging about at the gate for a while.".

outside --foot point in the zone--> inside --for seconds, not too fast--> EVENT --out for leave_seconds--> closed
|
+--out again before--> near miss: "dwell 12.4 s < 20 s" or "speed 0.9 > 0.5 heights/s"
Walking up and down within the zone counts; a short loss of the track does not end the stay.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from vision.events import Fact
from vision.geometry import Point
from vision.motion.base import Motion
from vision.rules.base import Closed, NearMiss, Opened, Rule, RuleParams, Signal, Subject, Updated, View, register
from vision.rules.presence import Presence, Stay
from vision.track.base import Track

_STEP = 0.2  # a foot point that wanders less than this (box heights) stands still: boxes jitter by a few percent
_NEAR = 0.3  # stays shorter than this share of the limit are passers-by, not near misses


class LoiteringParams(RuleParams):
    """Parameters of `loitering`."""

    type: Literal["loitering"] = "loitering"
    zone: str | None = Field(None, description="Name of the zone; default: the whole picture.")
    seconds: float = Field(20.0, gt=0, description="How long somebody must be in the zone.")
    leave_seconds: float = Field(3.0, ge=0, description="How long out of the zone (or lost) ends the stay.")
    max_speed: float | None = Field(
        None,
        gt=0,
        description="Only who is slower than this on average, in body heights a second (walking: about 0.8).",
    )
    edge: float = Field(0.01, ge=0, le=0.2, description="Hysteresis at the zone's edge, 0..1 of the diagonal.")


@dataclass(slots=True)
class _Path:
    """Where an object went during its stay, in box heights."""

    at: Point
    low: Point
    high: Point
    height: float
    length: float = 0.0

    def go(self, foot: Point, height: float) -> None:
        self.height += 0.1 * (height - self.height)
        step = math.hypot(foot[0] - self.at[0], foot[1] - self.at[1])
        if step < _STEP * self.height:
            return
        self.length += step / self.height
        self.at = foot
        self.low = min(self.low[0], foot[0]), min(self.low[1], foot[1])
        self.high = max(self.high[0], foot[0]), max(self.high[1], foot[1])

    @property
    def extent(self) -> float:
        return math.hypot(self.high[0] - self.low[0], self.high[1] - self.low[1]) / self.height


@register
class Loitering(Rule[LoiteringParams]):
    """One event for each stay that is too long."""

    Params = LoiteringParams

    def __init__(self, params: LoiteringParams, view: View) -> None:
        super().__init__(params, view)
        edge = params.edge * view.diagonal
        self._presence = Presence(self.zone(params.zone), view, edge=edge, leave_s=params.leave_seconds)
        self._paths: dict[str, _Path] = {}
        self._open: set[str] = set()

    def step(self, tracks: Sequence[Track], motion: Motion, t: float) -> Iterable[Signal]:
        """See `Rule.step`."""
        inside, left = self._presence.update(tracks, t)
        for stay in inside:
            self._follow(stay)
            subject = Subject.of(stay.track)
            if stay.key in self._open:
                yield Updated(stay.key, subject, facts=self._facts(stay))
            elif stay.seconds >= self.params.seconds and not self._too_fast(stay):
                self._open.add(stay.key)
                yield Opened(stay.key, stay.since, subject, self.params.zone, facts=self._facts(stay))
        for stay in left:
            yield from self._left(stay)

    def finish(self, t: float) -> Iterable[Signal]:
        """See `Rule.finish`."""
        for stay in self._presence.all():
            if stay.key not in self._open:
                yield from self._left(stay)

    def _follow(self, stay: Stay) -> None:
        foot, height = stay.track.foot, max(stay.track.box.height, 1.0)
        self._paths.setdefault(stay.key, _Path(foot, foot, foot, height)).go(foot, height)

    def _facts(self, stay: Stay) -> dict[str, Fact]:
        path = self._paths[stay.key]
        return {"dwell_s": stay.seconds, "path_heights": path.length, "extent_heights": path.extent}

    def _speed(self, stay: Stay) -> float:
        return self._paths[stay.key].length / stay.seconds if stay.seconds > 0 else 0.0

    def _too_fast(self, stay: Stay) -> bool:
        return self.params.max_speed is not None and self._speed(stay) > self.params.max_speed

    def _left(self, stay: Stay) -> Iterable[Signal]:
        limit, fastest = self.params.seconds, self.params.max_speed
        if stay.key in self._open:
            self._open.discard(stay.key)
            yield Closed(stay.key, stay.until, self._facts(stay))
        elif stay.seconds < limit:
            if stay.seconds >= _NEAR * limit:
                yield self._miss("dwell", f"dwell {stay.seconds:.1f} s < {limit:g} s", stay, stay.seconds / limit)
        elif fastest is not None:
            speed = self._speed(stay)
            text = f"speed {speed:.2f} > {fastest:g} heights/s"
            yield self._miss("speed", text, stay, min(1.0, fastest / speed) if speed > 0 else 1.0)
        del self._paths[stay.key]

    def _miss(self, gate: str, text: str, stay: Stay, fraction: float) -> NearMiss:
        return NearMiss(gate, text, stay.since, stay.until, fraction, Subject.of(stay.track), self.params.zone)
