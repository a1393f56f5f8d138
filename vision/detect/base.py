"""What a detector gives and the seam behind which every detector stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from vision.frame import Pixels
from vision.geometry import Box, Boxes


@dataclass(frozen=True, slots=True)
class Detections:
    """Objects found in one picture, best first.

    `xyxy` float32 [N, 4] in pixels of the picture, `score` float32 [N] in 0..1, `class_id` int32 [N] into `names`.
    """

    xyxy: Boxes
    score: npt.NDArray[np.float32]
    class_id: npt.NDArray[np.int32]
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.score)

    @classmethod
    def none(cls, names: tuple[str, ...] = ()) -> Detections:
        """No object at all."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32), names)

    def where(self, keep: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Detections:
        """The rows that `keep` selects (mask or indices)."""
        return Detections(self.xyxy[keep], self.score[keep], self.class_id[keep], self.names)

    def label(self, row: int) -> str:
        """The class name of a row; its number where the names do not reach."""
        number = int(self.class_id[row])
        return self.names[number] if number < len(self.names) else str(number)

    def box(self, row: int) -> Box:
        """One row's box."""
        x1, y1, x2, y2 = self.xyxy[row].tolist()
        return Box(x1, y1, x2, y2)


class Detector(Protocol):
    """Finds objects in pictures. The same picture gives the same answer, every time."""

    @property
    def names(self) -> tuple[str, ...]:
        """Class names by class number."""

    def detect(self, images: Sequence[Pixels]) -> list[Detections]:
        """Objects of each picture (BGR uint8 [height, width, 3], any size)."""


class ScriptedDetector:
    """A detector that gives what it was told to, picture by picture: the fake for tests."""

    def __init__(self, script: Sequence[Detections], names: tuple[str, ...] = ("person",)) -> None:
        self.names = names
        self.calls = 0
        self._script = list(script)

    def detect(self, images: Sequence[Pixels]) -> list[Detections]:
        """The next entries of the script; nothing once it is used up."""
        answers = []
        for _ in images:
            answers.append(self._script[self.calls] if self.calls < len(self._script) else Detections.none(self.names))
            self.calls += 1
        return answers
