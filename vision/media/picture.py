"""A decoded frame as a lazy picture: brightness straight from the Y plane, colours only when asked for."""

from __future__ import annotations

import math
import struct
import threading
from dataclasses import dataclass
from typing import Protocol, cast

import cv2
import numpy as np
from av import FFmpegError, VideoFrame
from av.sidedata.sidedata import SideDataContainer
from av.video.plane import VideoPlane
from av.video.reformatter import VideoReformatter

from vision.errors import MediaError
from vision.frame import Picture, Pixels

_ROTATIONS = {1: cv2.ROTATE_90_CLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_COUNTERCLOCKWISE}
_PACKED_LUMA = {"yuyv422": 0, "yvyu422": 0, "uyvy422": 1}


@dataclass(frozen=True, slots=True)
class Orientation:
    """How stored pixels are turned for display: mirrored left to right first, then `quarters` x 90 degrees clockwise."""

    quarters: int = 0
    mirrored: bool = False

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height as displayed."""
        return (height, width) if self.quarters % 2 else (width, height)

    def apply(self, image: Pixels) -> Pixels:
        """The image as displayed."""
        if self.mirrored:
            image = np.asarray(cv2.flip(image, 1), dtype=np.uint8)
        if self.quarters:
            image = np.asarray(cv2.rotate(image, _ROTATIONS[self.quarters]), dtype=np.uint8)
        return image


UPRIGHT = Orientation()


def orientation(frame: VideoFrame) -> Orientation:
    """The orientation that a frame's display matrix asks for; angles are rounded to quarter turns.

    The matrix is nine 32-bit integers, rows (a b u)(c d v)(x y w), that take a stored point to
    (a*x + c*y, b*x + d*y), y down: see libavutil/display.h.
    """
    try:
        sides = cast("SideDataContainer", frame.side_data)
        matrix = next((side for side in sides if side.type.name == "DISPLAYMATRIX"), None)
    except ValueError:  # PyAV lists nothing beside a kind that is new to it (the EXIF of a photo), but knows the angle
        return Orientation(round(-frame.rotation / 90) % 4)
    if matrix is None:
        return UPRIGHT
    a, b, _, c, d = struct.unpack_from("=5i", bytes(matrix))
    if a == b == c == d == 0:
        return UPRIGHT
    mirrored = a * d - b * c < 0
    if mirrored:  # the matrix is mirror-then-turn: taking the mirror away leaves the turn
        a, b = -a, -b
    return Orientation(quarters=round(math.degrees(math.atan2(b, a)) / 90) % 4, mirrored=mirrored)


class Converter(Protocol):
    """What turns a frame into another pixel format: PyAV's `VideoReformatter`, or one that threads may share."""

    def reformat(self, frame: VideoFrame, *, format: str, threads: int) -> VideoFrame:  # noqa: A002  # PyAV's name
        """The frame in that format."""


class SharedConverter:
    """One `VideoReformatter` for pictures that are converted by several threads, one after the other."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._lock = threading.Lock()

    def reformat(self, frame: VideoFrame, *, format: str, threads: int) -> VideoFrame:  # noqa: A002  # PyAV's name
        """The frame in that format."""
        with self._lock:
            return self._reformatter.reformat(frame, format=format, threads=threads)


class ResizedPicture:
    """Another picture in another size (width, height in pixels)."""

    def __init__(self, picture: Picture, size: tuple[int, int]) -> None:
        self._picture = picture
        self._size = size

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._size

    def bgr(self) -> Pixels:
        """The picture as uint8 [height, width, 3] in BGR order."""
        return self._resized(self._picture.bgr())

    def luma(self) -> Pixels:
        """The brightness plane as uint8 [height, width]."""
        return self._resized(self._picture.luma())

    def _resized(self, image: Pixels) -> Pixels:
        return np.asarray(cv2.resize(image, self._size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


class DecodedPicture:
    """A `vision.frame.Picture` over a decoded frame.

    The converter is shared by all pictures of one source (setting one up costs more than using it); a plain
    `VideoReformatter` must stay in one thread, a `SharedConverter` need not. `size` differs from the frame's own where
    the stream changed its size on the way: the picture is then resized.
    """

    def __init__(
        self,
        frame: VideoFrame,
        converter: Converter,
        turn: Orientation = UPRIGHT,
        size: tuple[int, int] | None = None,
    ) -> None:
        self._frame = frame
        self._converter = converter
        self._turn = turn
        self._size = size or turn.size(frame.width, frame.height)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as displayed."""
        return self._size

    def bgr(self) -> Pixels:
        """The picture as uint8 [height, width, 3] in BGR order."""
        return self._displayed(self._stored_bgr())

    def luma(self) -> Pixels:
        """The brightness plane as uint8 [height, width], read-only where it is the decoder's own memory.

        Limited range (16..235) is left as it is: whoever compares pictures of one source needs no stretching.
        """
        plane = _luma_plane(self._frame)
        if plane is None:
            plane = np.asarray(cv2.cvtColor(self._stored_bgr(), cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        return self._displayed(plane)

    def _stored_bgr(self) -> Pixels:
        frame = self._frame
        # threads=1: starting the scaler's own threads costs several milliseconds a picture
        try:
            converted = self._converter.reformat(frame, format="bgr24", threads=1)
        except (FFmpegError, ValueError):
            raise MediaError(
                f"pictures of the kind {frame.format.name} ({frame.width}x{frame.height}) cannot be shown in colour; "
                "convert the clip to MP4 (H.264)"
            ) from None
        rows = _rows(converted.planes[0])[: frame.height, : frame.width * 3]
        return np.ascontiguousarray(rows).reshape(frame.height, frame.width, 3)

    def _displayed(self, image: Pixels) -> Pixels:
        image = self._turn.apply(image)
        if (image.shape[1], image.shape[0]) != self._size:
            image = np.asarray(cv2.resize(image, self._size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        return image


def _rows(plane: VideoPlane) -> Pixels:
    """A plane's own memory as uint8 [lines, bytes a line]; it lives as long as the array does."""
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)


def _luma_plane(frame: VideoFrame) -> Pixels | None:
    """The Y plane without any conversion, None where the pixel format has none."""
    form, width, height = frame.format, frame.width, frame.height
    plane = frame.planes[0]
    if plane.line_size <= 0 or form.is_rgb or form.has_palette or form.is_big_endian:
        return None
    if form.name in _PACKED_LUMA:
        return np.ascontiguousarray(_rows(plane)[:height, _PACKED_LUMA[form.name] : 2 * width : 2])
    first = form.components[0]
    alone = all(part.plane != 0 for part in form.components[1:])
    if not (first.is_luma and alone and form.name.startswith(("yuv", "nv12", "nv21", "nv16", "gray"))):
        return None
    if first.bits == 8:
        rows = _rows(plane)[:height, :width]
        rows.flags.writeable = False  # the decoder predicts its next pictures from this memory
        return rows
    if form.name.endswith("msble") or not 8 < first.bits <= 16:
        return None
    wide = _rows(plane).view(np.uint16)[:height, :width]
    narrow: Pixels = (wide >> (first.bits - 8)).astype(np.uint8)
    return narrow
