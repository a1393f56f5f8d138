"""Boxes, polygons and lines.

One box convention everywhere: `xyxy`, pixels of the source picture, left top right bottom; many boxes are one float32
array [N, 4], one box is a `Box`. Zones and lines are given in 0..1 of the picture and scaled once by `scaled()`.
The picture's y axis points down.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float32]
Point = tuple[float, float]


class Box(NamedTuple):
    """One box in pixels: left, top, right, bottom."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        """Width in pixels."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        """Area in square pixels, 0 for an empty box."""
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def centre(self) -> Point:
        """Middle of the box."""
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    @property
    def foot(self) -> Point:
        """Middle of the lower edge: where a standing person touches the ground."""
        return (self.x1 + self.x2) / 2, self.y2

    def intersection(self, other: Box) -> float:
        """Common area in square pixels."""
        return max(0.0, min(self.x2, other.x2) - max(self.x1, other.x1)) * max(
            0.0, min(self.y2, other.y2) - max(self.y1, other.y1)
        )

    def iou(self, other: Box) -> float:
        """Intersection over union, 0..1."""
        common = self.intersection(other)
        total = self.area + other.area - common
        return common / total if total > 0 else 0.0

    def gap(self, other: Box) -> float:
        """Distance in pixels between the nearest edges, 0 where the boxes touch or overlap."""
        dx = max(self.x1 - other.x2, other.x1 - self.x2, 0.0)
        dy = max(self.y1 - other.y2, other.y1 - self.y2, 0.0)
        return math.hypot(dx, dy)

    def clipped(self, width: float, height: float) -> Box:
        """The part inside a picture of this size."""
        return Box(
            min(max(self.x1, 0.0), width),
            min(max(self.y1, 0.0), height),
            min(max(self.x2, 0.0), width),
            min(max(self.y2, 0.0), height),
        )

    def relative(self, width: float, height: float) -> Box:
        """The same box in 0..1 of a picture of this size."""
        return Box(self.x1 / width, self.y1 / height, self.x2 / width, self.y2 / height)


def iou_matrix(a: Boxes, b: Boxes) -> npt.NDArray[np.float32]:
    """Intersection over union of every box of `a` [N, 4] with every box of `b` [M, 4]: float32 [N, M]."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    side = np.clip(bottom_right - top_left, 0, None)
    common = side[..., 0] * side[..., 1]
    area_a = np.clip(a[:, 2] - a[:, 0], 0, None) * np.clip(a[:, 3] - a[:, 1], 0, None)
    area_b = np.clip(b[:, 2] - b[:, 0], 0, None) * np.clip(b[:, 3] - b[:, 1], 0, None)
    union = area_a[:, None] + area_b[None, :] - common
    iou: npt.NDArray[np.float32] = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return iou


def scaled(points: Iterable[Point], width: float, height: float) -> tuple[Point, ...]:
    """Points of 0..1 of the picture in pixels of a picture of this size."""
    return tuple((x * width, y * height) for x, y in points)


def inside(point: Point, polygon: Sequence[Point]) -> bool:
    """Whether `point` lies in `polygon` (even-odd rule; both in the same units)."""
    x, y = point
    within = False
    x0, y0 = polygon[-1]
    for x1, y1 in polygon:
        if (y1 > y) != (y0 > y) and x < (x0 - x1) * (y - y1) / (y0 - y1) + x1:
            within = not within
        x0, y0 = x1, y1
    return within


def distance_to_segment(point: Point, a: Point, b: Point) -> float:
    """Shortest distance from `point` to the segment from `a` to `b`."""
    (x, y), (ax, ay), (bx, by) = point, a, b
    dx, dy = bx - ax, by - ay
    length2 = dx * dx + dy * dy
    u = 0.0 if length2 == 0 else min(1.0, max(0.0, ((x - ax) * dx + (y - ay) * dy) / length2))
    return math.hypot(x - ax - u * dx, y - ay - u * dy)


def depth(point: Point, polygon: Sequence[Point]) -> float:
    """Distance from `point` to the edge of `polygon`: positive inside, negative outside."""
    nearest = min(distance_to_segment(point, polygon[i - 1], polygon[i]) for i in range(len(polygon)))
    return nearest if inside(point, polygon) else -nearest


def side(point: Point, a: Point, b: Point) -> float:
    """Signed distance of `point` from the straight line walked from `a` to `b`.

    Positive on the walker's right hand as seen in the picture (y down), negative on the left hand. Crossing from left
    (negative) to right (positive) is "in".
    """
    length = math.hypot(b[0] - a[0], b[1] - a[1])
    cross = (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])
    return cross / length if length > 0 else 0.0


def crossing(p: Point, q: Point, a: Point, b: Point) -> float | None:
    """Where the step from `p` to `q` cuts the segment from `a` to `b`: 0..1 along the step, None where it does not."""
    rx, ry = q[0] - p[0], q[1] - p[1]
    sx, sy = b[0] - a[0], b[1] - a[1]
    denominator = rx * sy - ry * sx
    if denominator == 0:
        return None
    u = ((a[0] - p[0]) * sy - (a[1] - p[1]) * sx) / denominator
    v = ((a[0] - p[0]) * ry - (a[1] - p[1]) * rx) / denominator
    return u if 0 <= u <= 1 and 0 <= v <= 1 else None
