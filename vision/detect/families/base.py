"""The seam of a detector family: how it wants its pixels and how its outputs are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from vision.detect.letterbox import InputStyle
from vision.geometry import Boxes
from vision.plugins import Plugins

Array = npt.NDArray[np.float32]
Shape = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """What a model file says of itself: input height and width (None: any), output shapes (None: any), metadata."""

    height: int | None
    width: int | None
    outputs: tuple[Shape, ...]
    metadata: Mapping[str, str]

    def cells(self, strides: Sequence[int] = (8, 16, 32)) -> int | None:
        """Number of grid cells over all strides, None where the input size is free."""
        if self.height is None or self.width is None:
            return None
        return sum((self.height // s) * (self.width // s) for s in strides)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes in pixels of the network's input, before suppression."""

    xyxy: Boxes
    score: Array
    class_id: npt.NDArray[np.int32]


class Family(Protocol):
    """One output format. Stateless: everything it needs is passed in."""

    name: ClassVar[str]
    style: ClassVar[InputStyle]
    nms_iou: ClassVar[float | None]  # None: the network has already suppressed

    def matches(self, signature: Signature) -> bool:
        """Whether a model of this signature writes this format."""

    def classes(self, signature: Signature) -> int | None:
        """Number of classes, None where the file does not tell."""

    def decode(self, outputs: Sequence[Array], height: int, width: int, min_score: float) -> Candidates:
        """The candidates above `min_score` from the raw outputs of an input of `height` x `width`."""


_plugins: Plugins[Family] = Plugins("vision.detect.families")


def register(family: type[Family]) -> type[Family]:
    """Class decorator: makes the family known by its name."""
    _plugins.add(family.name, family())
    return family


def families() -> dict[str, Family]:
    """Every family by name; imports the files of this folder at first use."""
    return _plugins.all()


def best_class(scores: Array, min_score: float) -> tuple[npt.NDArray[np.intp], Array, npt.NDArray[np.int32]]:
    """Rows of `scores` [N, classes] whose best class is at least `min_score`, with that score and class."""
    class_id = scores.argmax(axis=1)
    score = scores[np.arange(len(scores)), class_id]
    rows = np.flatnonzero(score >= min_score)
    return rows, score[rows], class_id[rows].astype(np.int32)


def from_centres(cx: Array, cy: Array, w: Array, h: Array) -> Boxes:
    """Centre boxes as xyxy, float32 [N, 4]."""
    return np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1).astype(np.float32)
