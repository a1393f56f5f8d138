"""Giving a fully convolutional model an input of another size, so that a 16:9 picture does not waste 40 % of a square.

Only the declared shapes change, no weight and no operator. Whether a model stands it is found out by running it once:
those with fixed reshapes inside (most exports of NanoDet and YOLOv8) do not, and keep their square.
"""

from __future__ import annotations

import math


def rectangle(width: int, height: int, side: int, stride: int = 32) -> tuple[int, int]:
    """Width and height of the network input for a picture of this size, long side `side`, multiples of `stride`."""
    scale = side / max(width, height)
    return (
        min(side, math.ceil(round(width * scale, 3) / stride) * stride),
        min(side, math.ceil(round(height * scale, 3) / stride) * stride),
    )


def resized(model: bytes, width: int, height: int) -> bytes:
    """The same ONNX model with its input declared as [1, 3, height, width] and all inner shapes left to inference."""
    import onnx

    proto = onnx.load_from_string(model)
    dims = proto.graph.input[0].type.tensor_type.shape.dim
    for index, value in ((0, 1), (2, height), (3, width)):
        dims[index].Clear()
        dims[index].dim_value = value
    del proto.graph.value_info[:]
    for output in proto.graph.output:
        for dim in output.type.tensor_type.shape.dim:
            dim.Clear()
    return bytes(proto.SerializeToString())
