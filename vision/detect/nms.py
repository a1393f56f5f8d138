"""Non-maximum suppression, class by class, over arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vision.geometry import Boxes, iou_matrix

_MOST = 1000  # candidates looked at; a picture with more is noise, and the matrix stays small


def nms(
    xyxy: Boxes, score: npt.NDArray[np.float32], class_id: npt.NDArray[np.int32], iou: float
) -> npt.NDArray[np.intp]:
    """Rows to keep, best first: within a class no two boxes overlap by more than `iou`.

    Ties in score keep the order of the rows, so that the result does not depend on the sort.
    """
    order = np.argsort(-score, kind="stable")[:_MOST]
    if len(order) < 2:
        return order
    overlap = iou_matrix(xyxy[order], xyxy[order]) > iou
    overlap &= class_id[order][:, None] == class_id[order][None, :]
    alive = np.ones(len(order), np.bool_)
    for row in np.flatnonzero(overlap.sum(axis=1) > 1):
        if alive[row]:
            alive[row + 1 :] &= ~overlap[row, row + 1 :]
    return order[alive]
