"""YOLOv5 and YOLOv7: [1, 3 x cells, 5 + classes], centre boxes in pixels, objectness and class scores already sigmoid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from vision.detect.families.base import Array, Candidates, Signature, best_class, from_centres, register
from vision.detect.letterbox import InputStyle


@register
class YoloV5:
    """See the module."""

    name: ClassVar[str] = "yolov5"
    style: ClassVar[InputStyle] = InputStyle(rgb=True, centred=True, std=(255.0, 255.0, 255.0))
    nms_iou: ClassVar[float | None] = 0.5

    def matches(self, signature: Signature) -> bool:
        """One output with three anchors for every cell."""
        if len(signature.outputs) != 1 or len(signature.outputs[0]) != 3:
            return False
        cells = signature.cells()
        return cells is not None and signature.outputs[0][1] == 3 * cells

    def classes(self, signature: Signature) -> int | None:
        """Columns less the five of box and objectness."""
        columns = signature.outputs[0][2]
        return None if columns is None else columns - 5

    def decode(self, outputs: Sequence[Array], height: int, width: int, min_score: float) -> Candidates:
        """See `Family.decode`."""
        raw = outputs[0][0]
        part = raw[np.flatnonzero(raw[:, 4] >= min_score)]
        keep, score, class_id = best_class(part[:, 4:5] * part[:, 5:], min_score)
        box = part[keep]
        return Candidates(from_centres(box[:, 0], box[:, 1], box[:, 2], box[:, 3]), score, class_id)
