"""Where on its part a defect is, and how far it reaches: the same few words that a language model may use.

Centre: within 30 % of the half width around the middle, else the quarter it lies in. Small: under 15 % of the part's
width, large: over 30 % (`vision.language.fields`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vision.geometry import Box
from vision.inspect.part import View
from vision.inspect.recipe import Region

_CENTRE = 0.3
_SMALL, _LARGE = 0.15, 0.30
_SLACK = 0.12  # of the half width: so far from a border the neighbour is right, too
_SLACK_EXTENT = 0.03


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """`place` and `extent` in one word each; `places`, `extents`: all words that do not contradict the box.

    `percent`: the longer side of the defect's box in percent of the part's width.
    """

    place: str
    places: tuple[str, ...]
    extent: str
    extents: tuple[str, ...]
    percent: float


def whereabouts(box: Box, view: View, region: Region) -> Whereabouts:
    """Where `box` (pixels of the original picture) is on the part that `view` shows a region of, as the part lies in it."""
    x1, y1, x2, y2 = region.bounds
    width, height = view.size
    whole = np.array([width / (x2 - x1), height / (y2 - y1)])
    inside = _inside(view, np.array([(box.x1, box.y1), (box.x2, box.y1), (box.x2, box.y2), (box.x1, box.y2)]))
    away = (inside + np.array([x1, y1]) * whole) / whole * 2 - 1  # the part reaches from -1 to 1
    share = float((inside.max(axis=0) - inside.min(axis=0)).max() / whole[0])
    return of_part(away.min(axis=0), away.max(axis=0), share)


def of_part(low: npt.ArrayLike, high: npt.ArrayLike, share: float) -> Whereabouts:
    """The words for a box from `low` to `high` (x, y; the part reaches from -1 to 1) and its share of the part's width."""
    x, y = (float(v) for v in (np.asarray(low) + np.asarray(high)) / 2)
    near = dict.fromkeys(_place(x + dx, y + dy) for dx in (0, -_SLACK, _SLACK) for dy in (0, -_SLACK, _SLACK))
    sizes = dict.fromkeys(_extent(share + d) for d in (0.0, -_SLACK_EXTENT, _SLACK_EXTENT))
    return Whereabouts(_place(x, y), tuple(near), _extent(share), tuple(sizes), round(100 * share, 1))


def _inside(view: View, native: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Points of the original picture in pixels of the view; both count from the corner of the first pixel."""
    turn, shift = view.to_native[:, :2], view.to_native[:, 2]
    return np.asarray((native - 0.5 - shift) @ np.linalg.inv(turn).T + 0.5)


def _place(x: float, y: float) -> str:
    if max(abs(x), abs(y)) < _CENTRE:
        return "centre"
    return f"{'upper' if y < 0 else 'lower'}_{'left' if x < 0 else 'right'}"


def _extent(share: float) -> str:
    return "small" if share < _SMALL else "large" if share > _LARGE else "medium"
