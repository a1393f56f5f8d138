"""What is to be seen in a rendered picture of a part, and which piece of the picture the demo model is shown."""

from __future__ import annotations

import cv2
import numpy as np

from tools.scenes import parts

from .parts_fields import PartLook

SMALL, LARGE = 0.15, 0.30  # of a part's width: faults shorter than that, and longer
TO_BE_SEEN = ("cut", "smeared", "double")  # who does not know the design cannot tell that the letters are wrong
_BETWEEN = 0.06  # of half a part's width: nearer than that to a border between two places it is a matter of opinion
_ABOUT = 0.08  # of a length, likewise


def part_look(shot: parts.PartShot) -> PartLook | None:
    """What is to be seen of a part; None where its fault lies between two places or two lengths: a matter of opinion."""
    if not shot.fault.any():
        return PartLook(shot.material)
    body, fault = (np.argwhere(mask)[:, ::-1].astype(np.float32) for mask in (shot.part, shot.fault))
    low, high = body.min(0), body.max(0)
    x, y = ((fault.mean(0) - (low + high) / 2) / ((high - low) / 2)).tolist()
    near = {parts.place_at(x + dx, y + dy) for dx in (-_BETWEEN, _BETWEEN) for dy in (-_BETWEEN, _BETWEEN)}
    reach = max(cv2.minAreaRect(fault)[1]) / float((high - low).max())
    lengths = {_extent(reach * k) for k in (1 - _ABOUT, 1 + _ABOUT)}
    if len(near) > 1 or len(lengths) > 1:
        return None
    return PartLook(shot.material, shot.defect, near.pop(), extent=lengths.pop())


def _extent(reach: float) -> str:
    return "small" if reach < SMALL else "medium" if reach < LARGE else "large"


def part_box(shot: parts.PartShot) -> tuple[float, float, float, float]:
    """The box (pixels) of which twice as much shows the part with some table around it."""
    rows, columns = np.flatnonzero(shot.part.any(1)), np.flatnonzero(shot.part.any(0))
    x, y = (columns[0] + columns[-1]) / 2, (rows[0] + rows[-1]) / 2
    half = (columns[-1] - columns[0]) / 3.4
    return (x - half, y - half, x + half, y + half)
