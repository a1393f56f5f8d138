"""People as rules see them: tracks along given ways, sampled in time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vision.geometry import Box
from vision.motion.base import Motion
from vision.rules.base import Closed, NearMiss, Opened, Rule, Signal, View
from vision.track.base import Track

VIEW = View(
    1000,
    1000,
    zones={"yard": ((300.0, 300.0), (700.0, 300.0), (700.0, 700.0), (300.0, 700.0))},
    lines={
        "fence": ((200.0, 500.0), (800.0, 500.0)),  # walked to the right: downwards in the picture is "in"
        "post": ((500.0, 200.0), (500.0, 800.0)),  # walked downwards: to the left in the picture is "in"
        "corner": ((200.0, 500.0), (500.0, 500.0), (500.0, 800.0)),
    },
)
Boxer = Callable[[Box, float], Box]


@dataclass(frozen=True)
class Walk:
    """A foot point along `way`: (t, x, y) corners joined by straight lines; `gone` are times without a detection."""

    way: Sequence[tuple[float, float, float]]
    id: int = 1
    height: float = 200.0
    gone: Sequence[tuple[float, float]] = ()
    jitter: float = 0.0
    shape: Boxer | None = None
    label: str = "person"

    def at(self, t: float) -> Track | None:
        times = [corner[0] for corner in self.way]
        if not times[0] <= t <= times[-1] or any(a <= t < b for a, b in self.gone):
            return None
        x = float(np.interp(t, times, [corner[1] for corner in self.way]))
        y = float(np.interp(t, times, [corner[2] for corner in self.way]))
        if self.jitter:
            shake = np.random.default_rng(round(t * 1000)).normal(0, self.jitter, 2)
            x, y = x + shake[0], y + shake[1]
        box = Box(x - self.height / 5, y - self.height, x + self.height / 5, y)
        box = box if self.shape is None else self.shape(box, t)
        return Track(self.id, self.label, 0.9, box, (0.0, 0.0), times[0], t, 5, observed=True)


def run(rule: Rule[Any], *walks: Walk, until: float = 20.0, fps: float = 10.0) -> list[Signal]:
    """Everything the rule says about these people, its words at the end included."""
    said: list[Signal] = []
    last: dict[int, Track] = {}
    for n in range(round(until * fps) + 1):
        t = n / fps
        tracks = []
        for walk in walks:
            track = walk.at(t)
            if track is not None:
                last[walk.id] = track
            elif walk.id in last and t - last[walk.id].seen_t <= 0.5:  # a tracker coasts for a moment
                lost = last[walk.id]
                track = Track(
                    lost.id, lost.label, lost.score, lost.box, (0.0, 0.0), lost.first_t, lost.seen_t, 5, observed=False
                )
            if track is not None:
                tracks.append(track)
        said += rule.step(tracks, Motion(t), t)
    return [*said, *rule.finish(until)]


def opened(said: Sequence[Signal]) -> list[Opened]:
    return [signal for signal in said if isinstance(signal, Opened)]


def closed(said: Sequence[Signal]) -> list[Closed]:
    return [signal for signal in said if isinstance(signal, Closed)]


def misses(said: Sequence[Signal]) -> list[NearMiss]:
    return [signal for signal in said if isinstance(signal, NearMiss)]
