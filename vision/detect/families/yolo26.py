"""YOLOv10, YOLO26 and exports with built-in suppression: [1, N, 6] rows of x1, y1, x2, y2, score, class in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from vision.detect.families.base import Array, Candidates, Signature, register
from vision.detect.letterbox import InputStyle


@register
class Yolo26:
    """See the module."""

    name: ClassVar[str] = "yolo26"
    style: ClassVar[InputStyle] = InputStyle(rgb=True, centred=True, std=(255.0, 255.0, 255.0))
    nms_iou: ClassVar[float | None] = None

    def matches(self, signature: Signature) -> bool:
        """One output whose rows have six columns, and fewer rows than a grid has cells."""
        if len(signature.outputs) != 1 or len(signature.outputs[0]) != 3 or signature.outputs[0][2] != 6:
            return False
        rows, cells = signature.outputs[0][1], signature.cells()
        return rows is None or cells is None or rows not in (cells, 3 * cells)

    def classes(self, signature: Signature) -> int | None:
        """The file does not tell."""
        return None

    def decode(self, outputs: Sequence[Array], height: int, width: int, min_score: float) -> Candidates:
        """See `Family.decode`."""
        raw = outputs[0][0]
        part = raw[raw[:, 4] >= min_score]
        return Candidates(
            np.ascontiguousarray(part[:, :4]), np.ascontiguousarray(part[:, 4]), np.rint(part[:, 5]).astype(np.int32)
        )
