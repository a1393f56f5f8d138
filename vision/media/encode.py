"""Encodes pictures to an MP4 that browsers play: the way for clips that cannot be cut without re-encoding."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from vision.frame import Picture, Pixels

_TICK = Fraction(1, 90_000)
# Larger pictures are halved until they fit: a clip is looked at in a report, the recording itself is kept elsewhere.
_LARGEST = 1920
_ENCODERS = ("libx264", "libopenh264", "h264_videotoolbox", "mpeg4")
_OPTIONS = {"libx264": {"preset": "superfast", "crf": "26", "threads": "1", "bf": "0"}}


def encode(path: Path, pictures: Iterable[tuple[Picture, float]], fps: float) -> tuple[int, float, float]:
    """Write pictures with their times (seconds, rising) as H.264 4:2:0 in MP4.

    Returns the number of pictures and the times of the first and the last one. Raises av.FFmpegError, OSError.
    """
    first = last = 0.0
    count = 0
    codec = next(name for name in _ENCODERS if name in av.codecs_available)
    with av.open(str(path), mode="w", format="mp4", options={"movflags": "+faststart"}) as out:
        stream = out.add_stream(codec, rate=Fraction(fps).limit_denominator(1001), options=_OPTIONS.get(codec, {}))
        if not isinstance(stream, av.VideoStream):
            raise TypeError(f"{codec} encodes no video")
        for picture, t in pictures:
            image = _fitting(picture.bgr())
            if count == 0:
                first = t
                stream.height, stream.width = image.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.codec_context.time_base = _TICK
                stream.gop_size = max(1, round(2 * fps))
            frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format="yuv420p", threads=1)
            frame.pts, frame.time_base = round((t - first) / _TICK), _TICK
            out.mux(stream.encode(frame))
            last, count = t, count + 1
        if count:
            out.mux(stream.encode(None))
    return count, first, last


def _fitting(image: Pixels) -> Pixels:
    """Even sides, as 4:2:0 needs them, and none longer than the largest: an odd last row or column is cut off."""
    while max(image.shape[:2]) > _LARGEST:
        image = np.asarray(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    height, width = (side if side < 2 else side - side % 2 for side in image.shape[:2])
    if height < 2 or width < 2:
        image = np.repeat(np.repeat(image, 2, axis=0), 2, axis=1)
        height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    return np.ascontiguousarray(image[:height, :width])
