"""A folder of pictures, or one picture, read as a clip."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import av
from av.video.reformatter import VideoReformatter

from vision.errors import MediaError
from vision.frame import Picture
from vision.media.clip import Clip
from vision.media.picture import DecodedPicture, orientation

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """Sorting key under which 2.jpg comes before 10.jpg."""
    parts = re.split(r"(\d+)", name.lower())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part]


def _decode(path: Path) -> av.VideoFrame | None:
    """The picture in a file, None where there is none."""
    try:
        with av.open(f"file:{path}", mode="r", options={"protocol_whitelist": "file"}) as container:
            if not container.streams.video:
                return None
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            return next(container.decode(stream), None)
    except (av.FFmpegError, OSError, ValueError):
        return None


class FolderClip(Clip):
    """Pictures in the natural order of their names, `fps` a second; sizes that differ are resized to the first's."""

    def __init__(self, path: Path, files: list[Path], camera: str = "", *, fps: float = 10.0) -> None:
        """Decode the first readable picture. Raises MediaError where there is none."""
        super().__init__(path, camera)
        self.fps = fps
        self._files = files
        self._converter = VideoReformatter()
        self._broken: list[str] = []
        self._resized = 0
        self._decoded = self._decode_all()
        first = next(self._decoded, None)
        if first is None:
            what = "it cannot" if len(files) == 1 else f"none of its {len(files)} pictures can"
            raise MediaError(f"{path}: {what} be decoded; the data are damaged or no picture at all, copy them again")
        self._first = first
        self.codec = first[1].suffix.lstrip(".").lower()
        self.width, self.height = orientation(first[0]).size(first[0].width, first[0].height)
        self.duration_s = len(files) / fps

    def _decode_all(self) -> Iterator[tuple[av.VideoFrame, Path]]:
        for file in self._files:
            frame = _decode(file)
            if frame is None:
                self._broken.append(file.name)
            else:
                yield frame, file

    def _pictures(self) -> Iterator[tuple[Picture, float]]:
        yield self._picture(self._first[0]), 0.0
        del self._first
        for frame, _ in self._decoded:
            yield self._picture(frame), self.frames_read / (self.fps or 1)

    def _picture(self, frame: av.VideoFrame) -> DecodedPicture:
        turn = orientation(frame)
        size = (self.width, self.height)
        self._resized += turn.size(frame.width, frame.height) != size
        return DecodedPicture(frame, self._converter, turn, size)

    def close(self) -> None:
        """Nothing stays open between two pictures."""

    def _finish(self) -> None:
        if self._broken:
            more = f" and {len(self._broken) - 3} more" if len(self._broken) > 3 else ""
            self.notes.append(
                f"{len(self._broken)} of {len(self._files)} pictures cannot be decoded: {', '.join(self._broken[:3])}{more}"
            )
        if self._resized:
            self.notes.append(f"{self._resized} pictures of another size resized to {self.width}x{self.height}")
