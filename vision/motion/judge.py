"""Is a patch that differs from the reference a thing, or light? And was it put there or taken away?

Four measurements on the patch, all ratios, so that they hold at any contrast:

* texture: light and shadow leave the ground's texture in place, a thing replaces it (correlation of gradients);
* sharpness: a thing ends from one cell to the next, light fades (gradient of the difference along the outline);
* surround: a thing changes nothing around itself, light and scattered litter thin out (difference outside to inside);
* outline: a thing that is there stands out from its surroundings in the picture, one that has gone did in the reference.

The outline test follows the edge-energy comparison of Connell et al., "Detection and tracking in the IBM PeopleVision
system", ICME 2004.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision.motion.cells import Map, Mask

_TEXTURE = 0.8  # grey levels a cell, or the noise where that is more: gradients below prove nothing
_ENOUGH = 10  # cells from which texture can be recognised
_NEXT, _NEAR = np.ones((3, 3), np.uint8), np.ones((5, 5), np.uint8)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`clarity` 0..1 that it is a thing, from `texture` -1..1, `sharpness` and `surround`; `outline` -1 gone .. 1 there."""

    clarity: float
    texture: float
    sharpness: float
    surround: float
    outline: float


def judge(picture: Map, reference: Map, patch: Mask, restless: Mask, threshold: float, noise: float) -> Verdict:
    """Judge `patch`; arrays [rows, columns] cut out with a margin of 5 cells.

    `threshold` is that of the difference, `noise` the sensor's sigma, both in grey levels.
    Cells that are `restless` (somebody moves there just now) tell nothing about the surroundings.
    """
    area = patch.astype(np.uint8)
    inner = cv2.erode(area, _NEXT).astype(np.bool_)
    if np.count_nonzero(inner) < 6:
        inner = patch
    ring = (cv2.dilate(area, _NEXT) - cv2.erode(area, _NEXT)).astype(np.bool_)
    apron = (cv2.dilate(area, _NEXT, iterations=4) - cv2.dilate(area, _NEXT, iterations=2)).astype(np.bool_) & ~restless
    difference = picture - reference
    now, before, both = _gradient(picture), _gradient(reference), _gradient(difference)
    # The outermost cells hold the patch's own edge, which is no texture.
    deep = cv2.erode(area, _NEAR).astype(np.bool_)
    ground = deep if np.count_nonzero(deep) >= _ENOUGH else inner
    texture = _likeness(now, before, ground, max(_TEXTURE, noise))
    strength = float(np.abs(difference[inner]).mean())
    sharpness = float(np.percentile(_size(both)[ring], 75)) / max(strength, 1.0)
    # A quarter of the threshold is about the noise; it is no sign of light.
    outside = float(np.median(np.abs(difference[apron]))) if apron.any() else 0.0
    surround = max(0.0, outside - threshold / 4) / max(strength, 1.0)
    # Two unlike textures of n cells agree by chance to about 1/sqrt(n), as neighbours go together.
    chance = 1 / math.sqrt(max(1, int(np.count_nonzero(ground))))
    clarity = (
        (1 - _ramp(texture, 0.2 + chance, 0.5 + chance))
        * _ramp(sharpness, 0.12, 0.35)
        * (1 - _ramp(surround, 0.12, 0.4))
    )
    clarity *= _ramp(strength, 0.6 * threshold, 1.6 * threshold)
    edges = _balance(float(_size(now)[ring].sum()), float(_size(before)[ring].sum()))
    sides = _balance(_contrast(picture, area, ring), _contrast(reference, area, ring))
    return Verdict(clarity, texture, sharpness, surround, (edges + sides) / 2)


def _balance(now: float, before: float) -> float:
    return (now - before) / (now + before) if now + before > 0 else 0.0


def _contrast(values: Map, area: npt.NDArray[np.uint8], ring: Mask) -> float:
    """Mean difference between the averages just inside and just outside the outline, in grey levels."""
    inside = (area - cv2.erode(area, _NEAR)).astype(np.float32)
    outside = (cv2.dilate(area, _NEXT, iterations=3) - cv2.dilate(area, _NEXT)).astype(np.float32)
    means = [cv2.blur(values * side, (7, 7)) / (cv2.blur(side, (7, 7)) + 1e-6) for side in (inside, outside)]
    return float(np.abs(means[0] - means[1])[ring].mean())


def _gradient(values: Map) -> tuple[Map, Map]:
    """Horizontal and vertical slope in grey levels a cell."""
    smooth = cv2.GaussianBlur(values, (3, 3), 0)
    dx: npt.NDArray[np.float32] = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=1, scale=0.5).astype(np.float32)
    dy: npt.NDArray[np.float32] = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=1, scale=0.5).astype(np.float32)
    return dx, dy


def _size(gradient: tuple[Map, Map]) -> Map:
    return np.hypot(*gradient)


def _likeness(now: tuple[Map, Map], before: tuple[Map, Map], where: Mask, least: float) -> float:
    """Correlation of two gradient fields in `where`, -1..1; 0 where the ground's gradients are below `least`."""
    (ax, ay), (bx, by) = ((x[where], y[where]) for x, y in (now, before))
    # A shadow's edge across the patch must not outweigh the ground: no gradient counts for more than a typical strong one.
    limit = max(least, 2 * float(np.median(np.hypot(bx, by))))
    (ax, ay), (bx, by) = _limited(ax, ay, limit), _limited(bx, by, limit)
    energy_now, energy_before = float((ax * ax + ay * ay).sum()), float((bx * bx + by * by).sum())
    if energy_before / max(1, ax.size) < least**2:
        return 0.0
    return float((ax * bx + ay * by).sum()) / max(1e-6, math.sqrt(energy_now * energy_before))


def _limited(dx: Map, dy: Map, limit: float) -> tuple[Map, Map]:
    scale = np.minimum(1, limit / np.maximum(np.hypot(dx, dy), 1e-6)).astype(np.float32)
    return dx * scale, dy * scale


def _ramp(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))
