"""H.264 as a camera writes it: no B-frames, a key frame every two seconds, yuv420p."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av

from .effects import Picture


def encode(path: Path, pictures: Sequence[Picture], fps: int, crf: int) -> int:
    """Writes an MP4 file and returns its size."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, fps)
        stream.options = {
            "crf": str(crf),
            "preset": "medium",
            "bf": "0",
            "g": str(2 * fps),
            "keyint_min": str(2 * fps),
            "sc_threshold": "0",
            "threads": "2",
        }
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    return path.stat().st_size


def write_clip(path: Path, pictures: Sequence[Picture], fps: int, limit: int = 690_000, crf: int = 27) -> int:
    """Writes the clip with the best quality that stays under `limit` bytes; returns the crf taken."""
    while encode(path, pictures, fps, crf) > limit and crf < 40:
        crf += 1
    return crf
