"""NanoDet: for each stride class scores [cells, classes] and distances [cells, 4 x bins] as distributions.

The outputs are told apart by their shapes: exports name them in any order. A distance is the expectation of the softmax
over its bins, times the stride, from the cell's centre. Source: the NanoDet project; Li et al., "Generalized Focal Loss".
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

import numpy as np

from vision.detect.families.base import Array, Candidates, Shape, Signature, best_class, register
from vision.detect.letterbox import InputStyle

_STRIDES = (8, 16, 32, 64)
_BINS = (32, 44)  # 4 sides x 8 bins (NanoDet-m), 4 x 11


@lru_cache(maxsize=64)
def _centres(height: int, width: int, stride: int) -> Array:
    """Cell centres [cells, 2] in pixels of the input, row-major."""
    y, x = np.mgrid[0 : -(-height // stride), 0 : -(-width // stride)]
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32) * stride + (stride - 1) / 2


def _pairs(shapes: Sequence[Shape]) -> list[tuple[int, int]] | None:
    """Indices (scores, distances) of outputs that belong together, None where this is no NanoDet."""
    by_cells: dict[int | None, list[int]] = {}
    for index, shape in enumerate(shapes):
        flat = shape[1:] if len(shape) == 3 else shape
        if len(flat) != 2:
            return None
        by_cells.setdefault(flat[0], []).append(index)
    pairs = []
    for members in by_cells.values():
        if len(members) != 2:
            return None
        a, b = members
        if shapes[b][-1] not in _BINS:
            a, b = b, a
        if shapes[b][-1] not in _BINS:
            return None
        pairs.append((a, b))
    return pairs


@register
class NanoDet:
    """See the module."""

    name: ClassVar[str] = "nanodet"
    style: ClassVar[InputStyle] = InputStyle(
        rgb=False, centred=True, pad=0, mean=(103.53, 116.28, 123.675), std=(57.375, 57.12, 58.395)
    )
    nms_iou: ClassVar[float | None] = 0.6

    def matches(self, signature: Signature) -> bool:
        """Pairs of outputs with the same number of cells, one of them with a whole number of bins for four sides."""
        return len(signature.outputs) >= 4 and bool(_pairs(signature.outputs))

    def classes(self, signature: Signature) -> int | None:
        """Columns of a score output."""
        pairs = _pairs(signature.outputs)
        return signature.outputs[pairs[0][0]][-1] if pairs else None

    def decode(self, outputs: Sequence[Array], height: int, width: int, min_score: float) -> Candidates:
        """See `Family.decode`."""
        flat = [out.reshape(-1, out.shape[-1]) for out in outputs]
        boxes, scores, classes = [], [], []
        for score_index, side_index in _pairs([out.shape for out in flat]) or []:
            keep, score, class_id = best_class(flat[score_index], min_score)
            cells = len(flat[score_index])
            stride = next(s for s in _STRIDES if -(-height // s) * -(-width // s) == cells)
            logits = flat[side_index][keep].reshape(len(keep), 4, flat[side_index].shape[1] // 4)
            weight = np.exp(logits - logits.max(axis=2, keepdims=True))
            bins = np.arange(logits.shape[2], dtype=np.float32)
            side = (weight @ bins) / weight.sum(axis=2) * np.float32(stride)
            centre = _centres(height, width, stride)[keep]
            boxes.append(np.concatenate([centre - side[:, :2], centre + side[:, 2:]], axis=1))
            scores.append(score)
            classes.append(class_id)
        return Candidates(np.concatenate(boxes).astype(np.float32), np.concatenate(scores), np.concatenate(classes))
