"""Exact ground truth from the label picture: what is seen of whom, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Seen:
    """One labelled thing in one picture: box of its visible part in pixels, and how much of it is visible."""

    number: int
    label: str
    box: tuple[float, float, float, float]
    visibility: float
    pixels: int


def seen(
    number: int, label: str, ids: NDArray[np.uint8], silhouette: NDArray[np.bool_] | None, least: int = 12
) -> Seen | None:
    """The visible box of a thing, or None when fewer than `least` pixels of it are seen."""
    mask = ids == number
    count = int(mask.sum())
    if count < least:
        return None
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    whole = count if silhouette is None else max(int(silhouette.sum()), count)
    box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
    return Seen(number, label, box, count / whole, count)


def as_tracks(frames: list[list[Seen]]) -> list[dict[str, Any]]:
    """Per thing: its label and ``[frame, x1, y1, x2, y2, visibility]`` rows; frames count from 0."""
    tracks: dict[int, dict[str, Any]] = {}
    for index, items in enumerate(frames):
        for item in items:
            track = tracks.setdefault(item.number, {"id": item.number, "label": item.label, "boxes": []})
            track["boxes"].append([index, *(round(v) for v in item.box), round(item.visibility, 2)])
    return [tracks[k] for k in sorted(tracks)]


def feet(box: list[float] | tuple[float, ...]) -> tuple[float, float]:
    """Foot point: middle of the lower edge."""
    return ((box[0] + box[2]) / 2, box[3])


def inside(point: tuple[float, float], polygon: NDArray[np.float32]) -> bool:
    """Whether a point lies in a polygon (even-odd rule)."""
    x, y = point
    hit = False
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            hit = not hit
    return hit
