"""A yard in numbers: a pin-hole camera over flat ground, people as blocks, a wall that hides what is behind.

World: x to the right, y away from the camera, z up, in metres; the camera hangs at (0, 0, `height`) and looks along y,
tilted down. What it gives are the boxes that a detector would, with the jitter of one, as tracks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vision.detect.base import Detections
from vision.geometry import Box, Point
from vision.motion.base import Motion
from vision.rules.base import Closed, NearMiss, Opened, Rule, Signal, Updated
from vision.track.base import Track
from vision.track.bytetrack import ByteTracker

WIDTH, HEIGHT = 1280, 720
Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Block:
    """A body: its middle on the ground plan, lower side `z`, and its extent along x, y, z."""

    x: float
    y: float
    z: float = 0.0
    dx: float = 0.5
    dy: float = 0.35
    dz: float = 1.7

    def points(self) -> Points:
        """Points all over the body, [N, 3]."""
        steps = np.linspace(-0.5, 0.5, 9)
        grid = np.stack(np.meshgrid(steps[[0, 4, 8]], steps[[0, 4, 8]], steps), -1).reshape(-1, 3)
        return grid * [self.dx, self.dy, self.dz] + [self.x, self.y, self.z + self.dz / 2]


@dataclass(frozen=True)
class Wall:
    """A wall or fence over the ground plan from `a` to `b`; a fence can be seen through."""

    height: float = 2.0
    a: Point = (-30.0, 10.0)
    b: Point = (30.0, 10.0)
    solid: bool = True

    def hides(self, eye: Points, points: Points) -> npt.NDArray[np.bool_]:
        """Which points the wall hides from the eye."""
        (ax, ay), (bx, by) = self.a, self.b
        along, towards = np.array([bx - ax, by - ay]), points[:, :2] - eye[:2]
        det = towards[:, 0] * -along[1] + towards[:, 1] * along[0]
        det = np.where(np.abs(det) < 1e-9, np.nan, det)
        from_eye = np.array([ax, ay]) - eye[:2]
        u = (from_eye[0] * -along[1] + from_eye[1] * along[0]) / det
        v = (towards[:, 0] * from_eye[1] - towards[:, 1] * from_eye[0]) / det
        z = eye[2] + u * (points[:, 2] - eye[2])
        hidden: npt.NDArray[np.bool_] = (u > 0) & (u < 1) & (v >= 0) & (v <= 1) & (z < self.height) & self.solid
        return hidden


@dataclass(frozen=True)
class Eye:
    """The camera: metres above the ground, degrees down, focal length in pixels."""

    height: float = 3.5
    tilt: float = 15.0
    focal: float = 1000.0

    def project(self, points: Points) -> Points:
        """Pixels [N, 2] of world points [N, 3]."""
        s, c = math.sin(math.radians(self.tilt)), math.cos(math.radians(self.tilt))
        x, y, z = points[:, 0], points[:, 1], points[:, 2] - self.height
        depth = np.maximum(y * c - z * s, 0.1)
        return np.stack([WIDTH / 2 + self.focal * x / depth, HEIGHT / 2 - self.focal * (y * s + z * c) / depth], 1)

    def box(self, body: Block | None, wall: Wall | None = None) -> Box | None:
        """What a detector would frame: the visible part, if a quarter of the body shows."""
        if body is None:
            return None
        points = body.points()
        if wall is not None:
            visible = ~wall.hides(np.array([0.0, 0.0, self.height]), points)
            if visible.mean() < 0.25:
                return None
            points = points[visible]
        pixels = self.project(points)
        whole = Box(*pixels.min(axis=0), *pixels.max(axis=0))
        shown = whole.clipped(WIDTH, HEIGHT)
        return shown if shown.area > 0.2 * whole.area else None

    def line(self, wall: Wall, a: Point | None = None, b: Point | None = None) -> tuple[Point, Point]:
        """The wall's top in the picture, in pixels, from left to right."""
        ends = np.array([[*(a or wall.a), wall.height], [*(b or wall.b), wall.height]])
        (x0, y0), (x1, y1) = self.project(ends).tolist()
        return (x0, y0), (x1, y1)


def between(points: Sequence[tuple[float, ...]], t: float) -> list[float] | None:
    """The values at time t of a table of rows (t, values…), linear between; None before and after."""
    table = np.array(points)
    if not table[0, 0] <= t <= table[-1, 0]:
        return None
    return [float(np.interp(t, table[:, 0], table[:, column])) for column in range(1, table.shape[1])]


def film(
    body: Callable[[float], Block | None],
    seconds: float,
    *,
    eye: Eye,
    wall: Wall | None = None,
    fps: float = 5.0,
    jitter: float = 0.03,
    seed: int = 1,
    lost: Sequence[tuple[float, float]] = (),
    number: int = 1,
) -> list[tuple[float, list[Track]]]:
    """One person's track. `jitter` is the standard deviation of each edge in shares of the height; `lost` are times (from,
    until) when the detector finds nothing."""
    rng = np.random.default_rng(seed)
    steps: list[tuple[float, list[Track]]] = []
    first: float | None = None
    for index in range(int(seconds * fps) + 1):
        t = index / fps
        noise = rng.normal(0, jitter, 4)
        box = eye.box(body(t), wall)
        if box is None or any(a <= t < b for a, b in lost):
            steps.append((t, []))
            continue
        first = t if first is None else first
        edges = np.array(box) + noise * [box.height * 0.6, box.height, box.height * 0.6, box.height]
        shaken = Box(*edges).clipped(WIDTH, HEIGHT)
        steps.append((t, [Track(number, "person", 0.8, shaken, (0.0, 0.0), first, t, 1, observed=True)]))
    return steps


def tracked(steps: Iterable[tuple[float, list[Track]]]) -> list[tuple[float, list[Track]]]:
    """The same boxes with the identities and the smoothing of the real tracker."""
    tracker = ByteTracker()
    result = []
    for t, tracks in steps:
        boxes = np.array([track.box for track in tracks], np.float32).reshape(-1, 4)
        count = len(tracks)
        found = Detections(boxes, np.full(count, 0.8, np.float32), np.zeros(count, np.int32), ("person",))
        result.append((t, tracker.update(found, t)))
    return result


def play(rule: Rule[Any], steps: Iterable[tuple[float, list[Track]]], regions: Sequence[Box] = ()) -> list[Signal]:
    """What the rule says to all that, updates left out."""
    said: list[Signal] = []
    t = 0.0
    for t, tracks in steps:
        said += [s for s in rule.step(tracks, Motion(t, regions=tuple(regions)), t) if not isinstance(s, Updated)]
    said += rule.finish(t)
    return said


def opened(said: Iterable[Signal]) -> list[Opened]:
    """The events among the signals."""
    return [s for s in said if isinstance(s, Opened)]


def closed(said: Iterable[Signal]) -> list[Closed]:
    """The ends of events among the signals."""
    return [s for s in said if isinstance(s, Closed)]


def missed(said: Iterable[Signal]) -> list[NearMiss]:
    """The near misses among the signals."""
    return [s for s in said if isinstance(s, NearMiss)]
