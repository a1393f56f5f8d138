"""Pictures that mean harm, or only look like pictures."""

from __future__ import annotations

import struct

from tests.cloud_adapter.intake.serving import jpeg, webp


def resized(picture: bytes, width: int, height: int) -> bytes:
    """A JPEG whose header claims another size: a decompression bomb in a few hundred bytes."""
    at = picture.index(b"\xff\xc0") + 5
    return picture[:at] + struct.pack(">HH", height, width) + picture[at + 4 :]


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def with_segment(picture: bytes, marker: int, content: bytes) -> bytes:
    return picture[:2] + segment(marker, content) + picture[2:]


def exif(orientation: int) -> bytes:
    """An EXIF block (TIFF, big-endian) with one entry."""
    return b"Exif\0\0MM\0\x2a" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(n + struct.pack("<I", len(c)) + c + b"\0" * (len(c) % 2) for n, c in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def extended(width: int, height: int, flags: int = 0) -> tuple[bytes, bytes]:
    """The VP8X chunk."""
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return b"VP8X", bytes([flags, 0, 0, 0]) + sides


SECRET_TAIL = b"PK\x03\x04<script>alert(1)</script><?php system($_GET[0]); ?>"
POLYGLOTS = {
    "zip behind the end": jpeg() + SECRET_TAIL,
    "script in a comment": with_segment(jpeg(), 0xFE, SECRET_TAIL),
    "script in EXIF": with_segment(jpeg(), 0xE1, exif(1) + SECRET_TAIL),
    "second picture behind the end": jpeg() + jpeg(seed=9),
    "webp with a tail": webp() + SECRET_TAIL,
    "webp with a strange chunk": riff((b"VP8 ", webp()[20:]), (b"EVIL", SECRET_TAIL)),
}
BOMBS = {
    "65535 x 65535": resized(jpeg(), 65535, 65535),
    "60000 x 300": resized(jpeg(), 60000, 300),
    "no height": resized(jpeg(), 64, 0),
    "webp of 16384 x 16384": riff(extended(16384, 16384), (b"VP8 ", webp()[20:])),
    "webp of 2^24 x 2^24": riff(extended(1 << 24, 1 << 24), (b"VP8 ", webp()[20:])),
    "moving webp": riff(extended(64, 48, flags=2), (b"ANIM", b"\0" * 6)),
    "65 scans": jpeg()[:-2] + b"\xff\xda\0\x02" * 65 + b"\xff\xd9",
    "two frames": with_segment(jpeg(), 0xC0, b"\x08\0\x40\0\x40\x03" + b"\1\x11\0" * 3),
    "lossless jpeg": jpeg().replace(b"\xff\xc0", b"\xff\xc3", 1),
    "cmyk": with_segment(jpeg(), 0xC0, b"\x08\0\x40\0\x40\x04" + b"\1\x11\0" * 4),
}
NO_PICTURES = {
    "nothing": b"\0",
    "text": b"hello, I am a picture",
    "gif": b"GIF89a" + b"\0" * 100,
    "png": b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "only a start": b"\xff\xd8\xff\xe0\0\x10",
    "only markers": b"\xff\xd8" + b"\xff\xe0\0\x02" * 1000,
    "html with a jpeg in it": b"<html>" + jpeg(),
    "riff of sound": b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 40,
    "cut jpeg": jpeg()[:300],
    "cut webp": webp()[:-10],
    "empty webp": riff(),
    "two webp pictures": riff((b"VP8 ", webp()[20:]), (b"VP8 ", webp()[20:])),
}
