"""Whether the view has moved: the shift of a picture against its reference, proved before it is believed."""

from __future__ import annotations

import cv2
import numpy as np

from vision.frame import Pixels
from vision.motion.cells import Map

_LEAST, _MOST = 0.7, 0.2  # cells below which nothing has moved; share of the picture above which an answer is chance
_BETTER = 0.75  # the shifted reference must fit at the edges so much better
_STEEP = 16.0  # grey levels that make an edge


def shift(reference: Map, picture: Pixels) -> tuple[float, float] | None:
    """How far `picture` lies right of and below `reference`, in cells (arrays of the same shape); None when it does not.

    Phase correlation (Kuglin & Hines 1975) finds the shift; people who walk can mislead it, so that it counts only when
    the reference, so shifted, fits the picture clearly better at the reference's edges.
    """
    now = picture.astype(np.float32)
    rows, columns = now.shape
    halves = [
        cv2.resize(values, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA) for values in (reference, now)
    ]
    window = cv2.createHanningWindow((columns // 2, rows // 2), cv2.CV_32F)
    # The window is applied here: some builds of OpenCV apply it to the arrays of the caller.
    (dx, dy), _ = cv2.phaseCorrelate(halves[0] * window, halves[1] * window)
    dx, dy = 2 * dx, 2 * dy
    if max(abs(dx), abs(dy)) < _LEAST or abs(dx) > _MOST * columns or abs(dy) > _MOST * rows:
        return None
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    moved = cv2.warpAffine(reference, move, (columns, rows), borderMode=cv2.BORDER_REPLICATE)
    nearby = np.ones((3, 3), np.uint8)
    edges = cv2.dilate(reference, nearby) - cv2.erode(reference, nearby) > _STEEP
    if not edges.any():
        return None
    before, after = np.abs(now - reference)[edges], np.abs(now - moved)[edges]
    return (dx, dy) if float(np.median(after)) < _BETTER * float(np.median(before)) else None
