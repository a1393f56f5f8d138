"""Makes small videos and pictures for tests, sound ones and broken ones; every frame carries its own number."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.stream import Disposition

Pixels = npt.NDArray[np.uint8]
_BITS = 8
TICKS = 1000  # timestamps below are in milliseconds


def picture(number: int, width: int = 64, height: int = 48) -> Pixels:
    """A grey picture (BGR) whose top half shows `number` as eight bars, dark for 0 and bright for 1; red below."""
    image = np.full((height, width, 3), 90, np.uint8)
    for bit in range(_BITS):
        left, right = bit * width // _BITS, (bit + 1) * width // _BITS
        image[: height // 2, left:right] = 220 if number >> bit & 1 else 30
    image[height // 2 :, : width // 2] = (40, 40, 200)
    return image


def number_of(image: Pixels) -> int:
    """The number in a picture (BGR or grey), None of it lost to compression."""
    grey = image if image.ndim == 2 else image[..., 1]
    height, width = grey.shape
    row = grey[height // 8 : height * 3 // 8]
    middles = [(2 * bit + 1) * width // (2 * _BITS) for bit in range(_BITS)]
    return sum(1 << bit for bit, x in enumerate(middles) if row[:, x - 1 : x + 2].mean() > 125)


def write_video(
    path: Path | io.BytesIO,
    *,
    count: int = 20,
    fps: float = 10.0,
    stamps_ms: Sequence[int] | None = None,
    codec: str = "libx264",
    size: tuple[int, int] = (64, 48),
    pix_fmt: str = "yuv420p",
    gop: int = 10,
    bframes: int = 0,
    rotation: int | None = None,
    mirrored: bool = False,
    container: str | None = None,
    muxer: dict[str, str] | None = None,
    first: int = 0,
    options: dict[str, str] | None = None,
    audio: bool = False,
) -> None:
    """Encode `count` numbered pictures; their times are i / fps or `stamps_ms`."""
    rate = Fraction(fps).limit_denominator(1001)
    stamps = range(count) if stamps_ms is None else stamps_ms
    tick = 1 / rate if stamps_ms is None else Fraction(1, TICKS)
    target = str(path) if isinstance(path, Path) else path
    with av.open(target, "w", format=container, options=muxer or {}) as out:
        defaults = {"preset": "ultrafast", "bf": str(bframes), "g": str(gop), "sc_threshold": "0", "qp": "18"}
        chosen = {**(defaults if codec in {"libx264", "libx265"} else {"g": str(gop)}), **(options or {})}
        if codec == "libx265":
            chosen["x265-params"] = "log-level=none"
        stream = out.add_stream(codec, rate=rate, options=chosen)
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.time_base = stream.codec_context.time_base = tick
        if rotation is not None or mirrored:
            stream.set_display_rotation(rotation or 0, hflip=mirrored)
        sound = out.add_stream("aac", rate=48000, layout="mono") if audio else None
        for i, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(picture(first + i, *size), format="bgr24").reformat(format=pix_fmt)
            frame.pts, frame.time_base = stamp, tick
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if sound is not None:
            out.mux(_silence(sound, float(stamps[-1] * tick)))


def _silence(stream: av.AudioStream, seconds: float) -> list[av.Packet[av.AudioStream]]:
    packets = []
    for i in range(max(1, round(seconds * 48000 / 1024))):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, i * 1024, Fraction(1, 48000)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def write_audio(path: Path, *, cover: bool = False) -> None:
    """A second of sound; with `cover`, a picture of the record that is no video."""
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=48000, layout="mono")
        if cover:
            art = out.add_stream("mjpeg", rate=1)
            art.width, art.height, art.pix_fmt, art.disposition = 64, 48, "yuvj420p", Disposition.attached_pic
            frame = av.VideoFrame.from_ndarray(picture(3), format="bgr24").reformat(format="yuvj420p")
            frame.pts = 0
            out.mux([*art.encode(frame), *art.encode(None)])
        out.mux(_silence(stream, 1.0))


def write_stamped(path: Path, stamps_ms: Sequence[int], container: str = "matroska") -> None:
    """Motion JPEG whose presentation times are exactly `stamps_ms`, also backwards or twice the same (at least 1000)."""
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS)
        for i, stamp in enumerate(stamps_ms):
            frame = av.VideoFrame.from_ndarray(picture(i), format="bgr24").reformat(format="yuvj420p")
            frame.pts, frame.time_base = i, Fraction(1, TICKS)
            for packet in stream.encode(frame):
                packet.stream, packet.time_base = stream, Fraction(1, TICKS)
                packet.dts, packet.pts = i, stamp  # a muxer insists on rising dts and dts <= pts only
                out.mux(packet)


def write_header_only(path: Path) -> None:
    """A video track without one picture."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        out.start_encoding()


def write_image(path: Path, number: int = 0, size: tuple[int, int] = (64, 48)) -> None:
    """One picture file of the kind its name says."""
    codec = {".jpg": "mjpeg", ".png": "png", ".bmp": "bmp", ".webp": "libwebp"}[path.suffix]
    pix_fmt = {".jpg": "yuvj420p", ".png": "rgb24", ".bmp": "bgr24", ".webp": "yuv420p"}[path.suffix]
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt, context.time_base = *size, pix_fmt, Fraction(1, 10)
    frame = av.VideoFrame.from_ndarray(picture(number, *size), format="bgr24").reformat(format=pix_fmt)
    frame.pts, frame.time_base = 0, Fraction(1, 10)
    path.write_bytes(b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)]))


def video_bytes(container: str, **kwargs: object) -> bytes:
    """The bytes of `write_video` in the given container format."""
    buffer = io.BytesIO()
    write_video(buffer, container=container, **kwargs)  # type: ignore[arg-type]  # passed through as given
    return buffer.getvalue()


def truncated(source: Path, share: float) -> None:
    """Keep the first part of a file only."""
    data = source.read_bytes()
    source.write_bytes(data[: int(len(data) * share)])


def flipped(source: Path, start: float, end: float, every: int = 97) -> None:
    """Turn bits over between two shares of a file."""
    data = bytearray(source.read_bytes())
    for at in range(int(len(data) * start), int(len(data) * end), every):
        data[at] ^= 0xFF
    source.write_bytes(bytes(data))
