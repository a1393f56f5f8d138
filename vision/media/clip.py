"""What every recorded source looks like to its reader: a clip that is iterated once and gives frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from vision.frame import Frame, Picture
from vision.media.sampling import Sampler


class Clip(ABC):
    """An opened recording.

    `width`, `height`: pixels as displayed (rotation applied, sample aspect ratio ignored). `fps`: average frames a second,
    None where unknown. `duration_s`: as the file states it, after reading as it truly was; None where unknown.
    `notes`: what the reader had to repair or leave out, one line for people each. `frames_read`: frames decoded so far.

    Iterating gives every frame once, in the order of display, with times that start at 0 and rise strictly.
    """

    path: Path
    camera: str
    width: int
    height: int
    fps: float | None
    duration_s: float | None
    codec: str
    notes: list[str]
    frames_read: int

    def __init__(self, path: Path, camera: str) -> None:
        self.path = path
        self.camera = camera
        self.fps = None
        self.duration_s = None
        self.notes = []
        self.frames_read = 0
        self._begun = False

    @abstractmethod
    def _pictures(self) -> Iterator[tuple[Picture, float]]:
        """Every decodable picture with its time."""

    @abstractmethod
    def _finish(self, last: float, step: float) -> None:
        """Add the closing notes; the last picture came at `last` seconds, `step` after the one before it."""

    @abstractmethod
    def close(self) -> None:
        """Let the file go; frames already given stay valid."""

    def frames(self, fps: float | None = None) -> Iterator[Frame]:
        """The frames sampled to `fps` by their timestamps; all of them by default.

        Every frame is decoded, since codecs need it, but pixels are made only for frames that are asked for them.
        `Frame.index` counts all decoded frames. A clip is read once; open it again for a second pass.
        """
        if self._begun:
            raise RuntimeError(f"{self.path.name} was read already; open it again for a second pass")
        self._begun = True
        return self._read(Sampler(fps) if fps is not None else None)

    def _read(self, sampler: Sampler | None) -> Iterator[Frame]:
        last, step = 0.0, 0.0
        for picture, t in self._pictures():
            index = self.frames_read
            self.frames_read += 1
            step, last = t - last, t
            if sampler is None or sampler.take(t):
                yield Frame(picture, t=t, index=index, camera=self.camera)
        self._finish(last, step)
        stated, one = self.duration_s, step or (1 / self.fps if self.fps else 0.0)
        if not (one or stated):
            self.duration_s = None  # a single picture
        elif stated is None or not last < stated <= last + 1.5 * one:
            self.duration_s = last + one

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
