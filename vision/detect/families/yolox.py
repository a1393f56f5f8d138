"""YOLOX: rows of [dx, dy, log w, log h, objectness, classes…] over the cells of strides 8, 16, 32.

Source: Ge et al., "YOLOX: Exceeding YOLO Series in 2021", and its ONNX export with `--decode_in_inference` off.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

import numpy as np

from vision.detect.families.base import Array, Candidates, Signature, best_class, from_centres, register
from vision.detect.letterbox import InputStyle

_STRIDES = (8, 16, 32)


@lru_cache(maxsize=16)
def _grid(height: int, width: int) -> tuple[Array, Array, Array]:
    """Column, row and stride of every cell, strides in turn, row-major."""
    columns, rows, strides = [], [], []
    for stride in _STRIDES:
        y, x = np.mgrid[0 : height // stride, 0 : width // stride]
        columns.append(x.ravel())
        rows.append(y.ravel())
        strides.append(np.full(x.size, stride))
    grid = [np.concatenate(part).astype(np.float32) for part in (columns, rows, strides)]
    return grid[0], grid[1], grid[2]


@register
class Yolox:
    """See the module."""

    name: ClassVar[str] = "yolox"
    style: ClassVar[InputStyle] = InputStyle(rgb=False, centred=False)
    nms_iou: ClassVar[float | None] = 0.5

    def matches(self, signature: Signature) -> bool:
        """One output [1, cells, 5 + classes]; with a free input size the metadata must name the family."""
        if len(signature.outputs) != 1 or len(signature.outputs[0]) != 3:
            return False
        cells = signature.cells()
        return cells is not None and signature.outputs[0][1] == cells

    def classes(self, signature: Signature) -> int | None:
        """Columns less the five of box and objectness."""
        columns = signature.outputs[0][2]
        return None if columns is None else columns - 5

    def decode(self, outputs: Sequence[Array], height: int, width: int, min_score: float) -> Candidates:
        """See `Family.decode`."""
        raw = outputs[0][0]
        rows = np.flatnonzero(raw[:, 4] >= min_score)  # score = objectness * class cannot exceed objectness
        part = raw[rows]
        keep, score, class_id = best_class(part[:, 4:5] * part[:, 5:], min_score)
        part, rows = part[keep], rows[keep]
        column, row, stride = (axis[rows] for axis in _grid(height, width))
        size = np.exp(part[:, 2:4]) * stride[:, None]
        xyxy = from_centres((part[:, 0] + column) * stride, (part[:, 1] + row) * stride, size[:, 0], size[:, 1])
        return Candidates(xyxy, score, class_id)
