"""What an uploaded file is by its own bytes, and how many pixels it claims, before anything decodes it.

Only JPEG (ITU-T T.81: baseline, extended, progressive; 8 bits; grey or colour) and still WebP (RFC 9649). What comes
after the picture's end is not looked at: it is gone once the picture has been encoded anew.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_FRAMES = {0xC0, 0xC1, 0xC2}  # start of frame: baseline, extended sequential, progressive
_OTHER_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}  # lossless, hierarchical, arithmetic
_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a length
_SCANS = 64  # a progressive picture has about ten; each one costs a pass over all pixels
_SEGMENTS = 512
_ANIMATED = 0x02


class ShapeError(ValueError):
    """A file that is no picture of a kind that is taken; the text says why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the header says: media type, width and height in pixels as stored."""

    media_type: str
    width: int
    height: int


def shape(data: bytes) -> Shape:
    """The kind and size of a picture, from its header alone. Raises `ShapeError`."""
    try:
        if data[:3] == b"\xff\xd8\xff":
            return _jpeg(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
    except (struct.error, IndexError):
        raise ShapeError("the picture is cut off") from None
    raise ShapeError("this is neither a JPEG nor a WebP picture")


def _jpeg(data: bytes) -> Shape:
    found: Shape | None = None
    for marker, at, length in _segments(data):
        if marker in _OTHER_FRAMES:
            raise ShapeError("this kind of JPEG is not taken; send a baseline or progressive one")
        if marker in _FRAMES:
            if found is not None:
                raise ShapeError("the JPEG holds more than one picture")
            precision, height, width, components = struct.unpack_from(">BHHB", data, at)
            if precision != 8 or components not in {1, 3} or length != 8 + 3 * components:
                raise ShapeError("only JPEGs of 8 bits in grey or colour are taken")
            found = Shape("image/jpeg", width, height)
        if marker == 0xDA:
            if found is None:
                raise ShapeError("the JPEG has no frame header")
            end = data.find(b"\xff\xd9", at)
            if end < 0:
                raise ShapeError("the picture is cut off")
            if data.count(b"\xff\xda", at, end) > _SCANS:
                raise ShapeError("the JPEG has more scans than any camera makes")
            return found
    raise ShapeError("the JPEG holds no picture")


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, place of its content and length of each segment up to the end of the data."""
    at = 2
    for _ in range(_SEGMENTS):
        if data[at] != 0xFF:
            raise ShapeError("the JPEG is damaged")
        while data[at] == 0xFF:  # fill bytes
            at += 1
        marker = data[at]
        if marker in _ALONE:
            at += 1
            continue
        (length,) = struct.unpack_from(">H", data, at + 1)
        if length < 2 or at + 1 + length > len(data):
            raise ShapeError("the picture is cut off")
        yield marker, at + 3, length
        at += 1 + length
    raise ShapeError("the JPEG has more segments than any camera makes")


def _webp(data: bytes) -> Shape:
    (size,) = struct.unpack_from("<I", data, 4)
    end = 8 + size
    if end > len(data):
        raise ShapeError("the picture is cut off")
    at, width, height, pictures = 12, 0, 0, 0
    for _ in range(_SEGMENTS):
        if at + 8 > end:
            break
        name, (length,) = data[at : at + 4], struct.unpack_from("<I", data, at + 4)
        if at + 8 + length > end:
            raise ShapeError("the picture is cut off")
        if name in {b"ANIM", b"ANMF"} or (name == b"VP8X" and data[at + 8] & _ANIMATED):
            raise ShapeError("moving pictures are not taken")
        sides = _webp_sides(name, data[at + 8 : at + 8 + length])
        pictures += name in {b"VP8 ", b"VP8L"}
        width, height = max(width, sides[0]), max(height, sides[1])
        at += 8 + length + length % 2
    if pictures != 1:
        raise ShapeError("the WebP must hold one picture")
    return Shape("image/webp", width, height)


def _webp_sides(name: bytes, chunk: bytes) -> tuple[int, int]:
    """Width and height that a chunk claims; (0, 0) for one that claims none."""
    if name == b"VP8X":
        wide, high = struct.unpack_from("<I", chunk, 4)[0] & 0xFFFFFF, struct.unpack("<I", chunk[7:10] + b"\0")[0]
        return wide + 1, high + 1
    if name == b"VP8L":
        signature, bits = struct.unpack_from("<BI", chunk)
        if signature != 0x2F:
            raise ShapeError("the WebP is damaged")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if name == b"VP8 ":
        if chunk[3:6] != b"\x9d\x01\x2a":
            raise ShapeError("the WebP is damaged")
        wide, high = struct.unpack_from("<HH", chunk, 6)
        return wide & 0x3FFF, high & 0x3FFF
    return 0, 0
