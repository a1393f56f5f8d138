"""Simulated people on straight ways, as a detector would see them: the place where a tracker's truth is known exactly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tests.vision.track.hota import overlaps
from vision.detect.base import Detections

NAMES = ("person", "car", "truck")


@dataclass(frozen=True)
class Walker:
    """Somebody who is in view from `begin` to `end` (seconds) and walks from `x`, `foot` with a speed in pixels a second."""

    x: float
    foot: float = 200.0
    vx: float = 0.0
    vy: float = 0.0
    height: float = 80.0
    begin: float = 0.0
    end: float = 1e9
    score: float = 0.8
    class_id: int = 0

    def box(self, t: float) -> tuple[float, float, float, float]:
        x, foot, half = self.x + self.vx * (t - self.begin), self.foot + self.vy * (t - self.begin), self.height * 0.2
        return x - half, foot - self.height, x + half, foot


def see(
    walkers: Sequence[Walker],
    t: float,
    rng: np.random.Generator,
    *,
    miss: float = 0.0,
    noise: float = 0.02,
    hidden: float = 0.6,
) -> Detections:
    """What a detector finds at `t`: boxes off by `noise` of the height, some missed; who is behind somebody (whose foot is
    lower in the picture) is not found when more than `hidden` of the overlap (IoU) covers the body."""
    here = [w for w in walkers if w.begin <= t < w.end]
    boxes = np.array([w.box(t) for w in here], np.float32).reshape(-1, 4)
    cover = overlaps(boxes, boxes)
    rows = []
    for i, walker in enumerate(here):
        behind = any(cover[i, j] > hidden and other.foot > walker.foot for j, other in enumerate(here) if j != i)
        off = rng.normal(0, noise * walker.height, 4)
        if rng.random() >= miss and not behind:
            score = float(np.clip(walker.score + rng.normal(0, 0.04), 0.05, 0.99))
            rows.append((score, walker.class_id, boxes[i] + off))
    rows.sort(key=lambda row: -row[0])
    return Detections(
        np.array([row[2] for row in rows], np.float32).reshape(-1, 4),
        np.array([row[0] for row in rows], np.float32),
        np.array([row[1] for row in rows], np.int32),
        NAMES,
    )


def times(seconds: float, fps: float, *, jitter: float = 0.0, rng: np.random.Generator | None = None) -> list[float]:
    """Moments of looking; `jitter` 0..1 makes the gaps irregular."""
    step, rng = 1 / fps, rng or np.random.default_rng(0)
    moments = np.arange(0, seconds, step) + rng.uniform(-jitter / 2, jitter / 2, round(np.ceil(seconds * fps))) * step
    return [float(t) for t in np.sort(moments)]


def owner(box: Iterable[float], walkers: Sequence[Walker], t: float) -> Walker | None:
    """Who a box belongs to: the walker it overlaps most, at least by 0.3."""
    best = max(walkers, key=lambda w: _iou(box, w, t))
    return best if _iou(box, best, t) >= 0.3 else None


def _iou(box: Iterable[float], walker: Walker, t: float) -> float:
    here = walker.begin <= t < walker.end
    a, b = np.array([tuple(box)], np.float32), np.array([walker.box(t)], np.float32)
    return float(overlaps(a, b)[0, 0]) if here else 0.0
