"""YOLOv8, YOLO11 and others with the same raw head: [1, 4 + classes, cells], centre boxes in pixels, sigmoid scores.

Source: the ONNX export of these models without built-in suppression.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from vision.detect.families.base import Array, Candidates, Signature, best_class, from_centres, register
from vision.detect.letterbox import InputStyle


@register
class YoloV8:
    """See the module."""

    name: ClassVar[str] = "yolov8"
    style: ClassVar[InputStyle] = InputStyle(rgb=True, centred=True, std=(255.0, 255.0, 255.0))
    nms_iou: ClassVar[float | None] = 0.5

    def matches(self, signature: Signature) -> bool:
        """One output [1, few, many]: channels before cells."""
        if len(signature.outputs) != 1 or len(signature.outputs[0]) != 3:
            return False
        _, channels, cells = signature.outputs[0]
        if channels is None or channels < 5:
            return False
        expected = signature.cells()
        return cells == expected if expected is not None and cells is not None else cells is None or cells > channels

    def classes(self, signature: Signature) -> int | None:
        """Channels less the four of the box."""
        channels = signature.outputs[0][1]
        return None if channels is None else channels - 4

    def decode(self, outputs: Sequence[Array], height: int, width: int, min_score: float) -> Candidates:
        """See `Family.decode`."""
        raw = outputs[0][0]
        # The best score of every cell first: only those columns are ever transposed.
        columns = np.flatnonzero(raw[4:].max(axis=0) >= min_score)
        part = np.ascontiguousarray(raw[:, columns].T)
        keep, score, class_id = best_class(part[:, 4:], min_score)
        box = part[keep]
        return Candidates(from_centres(box[:, 0], box[:, 1], box[:, 2], box[:, 3]), score, class_id)
