"""Giving a fully convolutional model an input of another size, so that a 16:9 picture does not waste 40 % of a square.

Only the declared shapes change, no weight and no operator. Whether a model stands it is found out by running it once:
those with fixed reshapes inside (most exports of NanoDet and YOLOv8) do not, and keep their square.

The field numbers are those of onnx.proto (ModelProto.graph = 7, GraphProto.input = 11, .output = 12, .value_info = 13,
ValueInfoProto.type = 2, TypeProto.tensor_type = 1, Tensor.shape = 2, TensorShapeProto.dim = 1, Dimension.dim_value = 1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from vision.detect.protobuf import Edit, edited, whole_number


def rectangle(width: int, height: int, side: int, stride: int = 32) -> tuple[int, int]:
    """Width and height of the network input for a picture of this size, long side `side`, multiples of `stride`."""
    scale = side / max(width, height)
    return (
        min(side, math.ceil(round(width * scale, 3) / stride) * stride),
        min(side, math.ceil(round(height * scale, 3) / stride) * stride),
    )


def resized(model: bytes, width: int, height: int, *, one: bool = True) -> bytes:
    """The same ONNX model with its input declared as [1, 3, height, width] and all inner shapes left to inference.

    Without `one` the number of pictures is left free.
    """
    sizes = iter((1 if one else None, 3, height, width))

    def side(_: bytes) -> bytes:
        size = next(sizes)
        return b"" if size is None else whole_number(1, size)

    def shaped(dim: Edit) -> Edit:
        """An edit of a ValueInfoProto that applies `dim` to each dimension of its shape."""
        return lambda info: edited(info, {2: lambda kind: edited(kind, {1: lambda t: edited(t, {2: _each(dim)})})})

    fixed, free = shaped(side), shaped(lambda _: b"")
    graph: Mapping[int, Edit] = {11: fixed, 12: free, 13: lambda _: None}
    return edited(model, {7: lambda body: edited(body, graph)})


def _each(dim: Edit) -> Edit:
    return lambda shape: edited(shape, {1: dim})
