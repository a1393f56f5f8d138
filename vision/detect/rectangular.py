"""Giving a fully convolutional model an input of another size, so that a 16:9 picture does not waste 40 % of a square.

Only the declared shapes change, no weight and no operator. Whether a model stands it is found out by running it once:
those with fixed reshapes inside (most exports of NanoDet and YOLOv8) do not, and keep their square.

The `onnx` package could do this too; for four fields it would add 35 MB to every installation and 0.2 s to every start.
The field numbers are those of onnx.proto (ModelProto.graph = 7, GraphProto.input = 11, .output = 12, .value_info = 13,
ValueInfoProto.type = 2, TypeProto.tensor_type = 1, Tensor.shape = 2, TensorShapeProto.dim = 1, Dimension.dim_value = 1);
the encoding is that of Protocol Buffers, https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

Edit = Callable[[bytes], bytes | None]
_LENGTH_DELIMITED = 2


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
        return b"" if size is None else _field(1, size)

    def shaped(dim: Edit) -> Edit:
        """An edit of a ValueInfoProto that applies `dim` to each dimension of its shape."""
        return lambda info: _edited(info, {2: lambda kind: _edited(kind, {1: lambda t: _edited(t, {2: _each(dim)})})})

    fixed, free = shaped(side), shaped(lambda _: b"")
    graph: Mapping[int, Edit] = {11: fixed, 12: free, 13: lambda _: None}
    return _edited(model, {7: lambda body: _edited(body, graph)})


def _each(dim: Edit) -> Edit:
    return lambda shape: _edited(shape, {1: dim})


def _edited(message: bytes, edits: Mapping[int, Edit]) -> bytes:
    """The message with the sub-messages of some fields replaced by what their edit makes of them; None drops one."""
    parts = []
    for number, wire, whole, body in _fields(message):
        if wire != _LENGTH_DELIMITED or number not in edits:
            parts.append(whole)
            continue
        new = edits[number](body)
        if new is not None:
            parts.append(_varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(new)) + new)
    return b"".join(parts)


def _fields(message: bytes) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Number, wire type, encoded field and, where it has a length, body of every field."""
    at = 0
    while at < len(message):
        begin = at
        key, at = _read_varint(message, at)
        number, wire = key >> 3, key & 7
        body = at
        if wire == 0:
            _, at = _read_varint(message, at)
        elif wire == _LENGTH_DELIMITED:
            length, body = _read_varint(message, at)
            at = body + length
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire} is none that ONNX uses")
        if at > len(message):
            raise ValueError("the message ends within a field")
        yield number, wire, message[begin:at], message[body:at]


def _field(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
