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
    """Pictures in the natural order of their names, `fps` a second; sizes that differ are resized to the first's.

    A picture that cannot be decoded is left out and keeps its time: the others stay where they were taken.
    """

    def __init__(self, path: Path, files: list[Path], camera: str = "", *, fps: float = 10.0) -> None:
        """Decode the first readable picture. Raises MediaError where there is none."""
        super().__init__(path, camera)
        self.fps = fps
        self._files = files
        self.duration_s = len(files) / fps
        self._converter = VideoReformatter()
        self._broken: list[str] = []
        self._resized = 0
        for self._start, file in enumerate(files):
            first = _decode(file)
            if first is not None:
                break
            self._broken.append(file.name)
        else:
            raise MediaError(
                f"{path}: none of its {len(files)} pictures can be decoded; they are damaged, copy them again"
            )
        self.codec = file.suffix.lstrip(".").lower()
        self.width, self.height = orientation(first).size(first.width, first.height)

    def _pictures(self) -> Iterator[tuple[Picture, float]]:
        return self.jump(0.0)

    def jump(self, t: float) -> Iterator[tuple[Picture, float]]:
        """Pictures from `t` seconds on; those before are not opened."""
        skipped = max(0, round(t * (self.fps or 1) - 1e-6))
        for position in range(self._start + skipped, len(self._files)):
            frame = _decode(self._files[position])
            if frame is None:
                self._broken.append(self._files[position].name)
            else:
                yield self._picture(frame), (position - self._start) / (self.fps or 1)

    def _picture(self, frame: av.VideoFrame) -> DecodedPicture:
        turn = orientation(frame)
        size = (self.width, self.height)
        self._resized += turn.size(frame.width, frame.height) != size
        return DecodedPicture(frame, self._converter, turn, size)

    def close(self) -> None:
        """Nothing stays open between two pictures."""

    def _finish(self, last: float, step: float) -> None:
        if self._broken:
            more = f" and {len(self._broken) - 3} more" if len(self._broken) > 3 else ""
            self.notes.append(
                f"{len(self._broken)} of {len(self._files)} pictures cannot be decoded: {', '.join(self._broken[:3])}{more}"
            )
        if self._resized:
            self.notes.append(f"{self._resized} pictures of another size resized to {self.width}x{self.height}")
