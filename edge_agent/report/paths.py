"""Tracks as smooth curves for SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.report.model import TrackPath
from vision.geometry import Point

MOST_CURVES = 150  # more cannot be told apart; the longest ones are shown
_HUES = 8
_STEP = 0.006  # of the picture's diagonal: nearer points are one
_MARGIN = 0.008  # of the picture's width and height
_SMOOTH_S = 0.6  # places are averaged over so long before and after: boxes breathe with the step of a walker


@dataclass(frozen=True, slots=True)
class Curve:
    """One track ready to draw, in pixels of a picture of the given size; `hue` 0..7 picks the colour."""

    id: int
    label: str
    hue: int
    start_t: float
    end_t: float
    d: str
    start: Point
    arrow: str


def curves(tracks: Sequence[TrackPath], width: int, height: int) -> list[Curve]:
    """The longest tracks as curves, the earliest first; places come in 0..1 and leave in pixels."""
    with_place = [track for track in tracks if track.points]
    longest = sorted(with_place, key=lambda track: (track.points[0][0] - track.points[-1][0], track.id))[:MOST_CURVES]
    chosen = sorted(longest, key=lambda track: (track.points[0][0], track.id))
    return [_curve(track, n % _HUES, width, height) for n, track in enumerate(chosen)]


def _curve(track: TrackPath, hue: int, width: int, height: int) -> Curve:
    diagonal = math.hypot(width, height)
    places = [(_inside(x) * width, _inside(y) * height) for x, y in _smoothed(track)]
    points = _thinned(places, _STEP * diagonal)
    return Curve(
        id=track.id,
        label=track.label,
        hue=hue,
        start_t=track.points[0][0],
        end_t=track.points[-1][0],
        d=_spline(points),
        start=(round(points[0][0], 1), round(points[0][1], 1)),
        arrow=_arrow(points, diagonal * 0.012),
    )


def _inside(place: float) -> float:
    """Feet below the picture are drawn along its edge instead of not at all."""
    return min(1 - _MARGIN, max(_MARGIN, place))


def _smoothed(track: TrackPath) -> list[Point]:
    """Mean of the places within the smoothing time around each; both ends stay where they are."""
    points, places = track.points, []
    first = last = 0
    for t, _, _ in points:
        reach = min(_SMOOTH_S, t - points[0][0], points[-1][0] - t)
        while points[first][0] < t - reach - 1e-9:
            first += 1
        while last < len(points) and points[last][0] <= t + reach + 1e-9:
            last += 1
        near = points[first:last]
        places.append((sum(p[1] for p in near) / len(near), sum(p[2] for p in near) / len(near)))
    return places


def _thinned(points: Sequence[Point], step: float) -> list[Point]:
    kept = [points[0]]
    for point in points[1:-1]:
        if math.dist(point, kept[-1]) >= step:
            kept.append(point)
    return [*kept, points[-1]] if len(points) > 1 and points[-1] != kept[-1] else kept


def _spline(points: Sequence[Point]) -> str:
    """A Catmull-Rom spline through the points as cubic Bezier curves."""
    if len(points) == 1:
        return f"M{_xy(points[0])}"
    parts = [f"M{_xy(points[0])}"]
    for i in range(len(points) - 1):
        before, a, b, after = points[max(0, i - 1)], points[i], points[i + 1], points[min(len(points) - 1, i + 2)]
        c1 = (a[0] + (b[0] - before[0]) / 6, a[1] + (b[1] - before[1]) / 6)
        c2 = (b[0] - (after[0] - a[0]) / 6, b[1] - (after[1] - a[1]) / 6)
        parts.append(f"C{_xy(c1)} {_xy(c2)} {_xy(b)}")
    return "".join(parts)


def _arrow(points: Sequence[Point], size: float) -> str:
    """An arrow head at the end, in the direction of the last stretch that is long enough to have one."""
    tip = points[-1]
    tail = next((p for p in reversed(points[:-1]) if math.dist(p, tip) >= size), points[0])
    length = math.dist(tail, tip)
    if length < size / 2:
        return ""
    ux, uy = (tip[0] - tail[0]) / length, (tip[1] - tail[1]) / length
    wings = [(tip[0] - size * (ux + side * 0.55 * uy), tip[1] - size * (uy - side * 0.55 * ux)) for side in (1.0, -1.0)]
    nose = (tip[0] + size * 0.35 * ux, tip[1] + size * 0.35 * uy)
    return f"M{_xy(nose)}L{_xy(wings[0])}L{_xy(wings[1])}Z"


def _xy(point: Point) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"
