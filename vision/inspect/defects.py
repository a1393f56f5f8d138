"""From differing pixels to defects: which belong together, how far each reaches, what it is called."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision.geometry import Box
from vision.inspect.difference import Difference, disc
from vision.inspect.kinds import Foreground, namer, window_of

Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Defect:
    """One defect in pixels of the view: the box around its pixels, their number, its strength, what it is.

    `mass` adds up, over its pixels, how many times the limit each differs: area weighed with contrast.
    """

    box: Box
    area: float
    mass: float
    kind: str


def defects(
    found: Difference, limit: float, *, reach: float, gap: float, foreground: Foreground = "dark"
) -> list[Defect]:
    """The defects of a difference, the largest first.

    `limit`: grey levels from which a pixel counts. `reach`: pixels around what counts in which the plain difference tells
    how far the defect goes (the tolerance has eaten its rim). `gap`: parts of a defect nearer than so many pixels are one.
    """
    seeds = found.rest > limit
    if not seeds.any():
        return []
    grown = _grown(seeds, found.plain > limit, reach)
    near = np.asarray(cv2.dilate(grown.astype(np.uint8), disc(max(1.0, gap / 2))))
    many, labels, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
    labels = np.asarray(labels)
    mass = np.bincount(labels[seeds], found.rest[seeds] / limit, minlength=many)
    named = namer(found, foreground)
    result = []
    for number in range(1, many):
        x, y, wide, high = (int(v) for v in stats[number][:4])
        window = window_of((x, y, x + wide, y + high), grown.shape)
        pixels = grown[window] & (labels[window] == number)
        ys, xs = np.nonzero(pixels)
        left, top = window[1].start, window[0].start
        box = Box(left + float(xs.min()), top + float(ys.min()), left + float(xs.max()) + 1, top + float(ys.max()) + 1)
        result.append(Defect(box, float(len(ys)), float(mass[number]), named(pixels, window)))
    return sorted(result, key=lambda defect: (-defect.mass, defect.box))


def _grown(seeds: Bits, plain: Bits, reach: float) -> Bits:
    """The seeds with all that differs around them and hangs together with them."""
    around = np.asarray(cv2.dilate(seeds.astype(np.uint8), disc(reach)))
    candidates = ((plain & (around > 0)) | seeds).astype(np.uint8)
    many, labels = cv2.connectedComponents(candidates, connectivity=8)
    labels = np.asarray(labels)
    held = np.zeros(many, bool)
    held[labels[seeds]] = True
    held[0] = False
    return np.asarray(held[labels])
