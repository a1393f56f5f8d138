"""What colours alone tell of a leaf, and how little that is.

Measured on 57 pictures of potato and rice leaves (`tests/cloud_adapter/providers/test_rules.py` on the real ones): of 13
healthy potato leaves 10 are called healthy and none diseased; of 44 diseased leaves 24 are called diseased, 2 healthy, the
rest unsure. Small spots (rice brown spot) are below what colours show. It never names a disease.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vision.frame import Pixels

_EDGE = 256
_SICK = 0.08  # part of the leaf that is yellow or brown
_CLEAN = 0.022
_GREEN = 0.90
_WHOLE_LEAF = (0.12, 0.62)  # of the picture: one leaf before a ground; fields full of leaves are beyond this


@dataclass(frozen=True, slots=True)
class LeafColours:
    """Parts 0..1: `leaf` of the picture, the others of the leaf."""

    leaf: float
    green: float
    yellow: float
    brown: float

    @property
    def health(self) -> dict[str, float]:
        """Probabilities of `healthy`, `diseased` and `unsure`, from the counts above."""
        sick = self.yellow + self.brown
        if self.leaf < _WHOLE_LEAF[0]:
            return {"unsure": 0.9, "diseased": 0.05, "healthy": 0.05}
        if sick >= _SICK:
            return {"diseased": 0.8, "unsure": 0.15, "healthy": 0.05}
        if sick <= _CLEAN and self.green >= _GREEN and self.leaf <= _WHOLE_LEAF[1]:
            return {"healthy": 0.7, "unsure": 0.2, "diseased": 0.1}
        return {"unsure": 0.7, "diseased": 0.2, "healthy": 0.1}

    @property
    def severity(self) -> str:
        """By the part that is yellow or brown: none, low (under 0.15), medium (under 0.35) or high; else unknown."""
        sick = self.yellow + self.brown
        if sick < _SICK:
            return "none" if self.health["healthy"] > 0.5 else "unknown"
        return "low" if sick < 0.15 else "medium" if sick < 0.35 else "high"


def leaf_colours(bgr: Pixels) -> LeafColours:
    """Counts of colours on the largest connected leaf of a picture (height x width x 3, BGR)."""
    scale = min(1.0, _EDGE / max(bgr.shape[:2]))
    small = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    hue, saturation, value = cv2.split(cv2.cvtColor(small, cv2.COLOR_BGR2HSV))
    green = (hue >= 28) & (hue <= 95) & (saturation >= 45) & (value >= 35)
    yellow = (hue >= 18) & (hue < 28) & (saturation >= 70) & (value >= 80)
    brown = ((hue < 18) | (hue > 170)) & (saturation >= 45) & (value >= 25) & (value < 200)
    mask = (green | yellow | brown).astype(np.uint8)
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed)
    if count < 2:
        return LeafColours(0.0, 0.0, 0.0, 0.0)
    leaf = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    area = float(leaf.sum())
    return LeafColours(float(leaf.mean()), *(float((part & leaf).sum()) / area for part in (green, yellow, brown)))
