"""Are there people in a picture that leaves the place? Found by faces (YuNet), by a detector's persons, or by both.

YuNet: W. Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 20, 2023; the ONNX file
is the user's (OpenCV Zoo, MIT). A face from about 10 px on is found; a person who looks away only by the detector.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from vision.capture.quality import reduced
from vision.detect.base import Detector
from vision.errors import ModelError
from vision.frame import Pixels
from vision.geometry import Box

PERSON = "person"
_FACE_SCORE = 0.6  # lower than for a door: a face too many costs nothing
_PERSON_SCORE = 0.3
_FACE_SIDE = 1280  # larger pictures are looked at in this size; smaller faces than 10 px are nobody's


class PeopleFinder(Protocol):
    """Finds what must not be recognised."""

    def people(self, image: Pixels) -> list[Box]:
        """Boxes in pixels of `image` (BGR uint8 [height, width, 3])."""


def sees_all(finder: PeopleFinder | None) -> bool:
    """Whether a finder sees people whichever way they look, so that none found means none there; faces alone do not."""
    return isinstance(finder, Persons) or (isinstance(finder, Everybody) and any(map(sees_all, finder.finders)))


class Faces:
    """Faces by a YuNet file. Raises `ModelError` where that is none."""

    def __init__(self, path: Path) -> None:
        try:
            if not path.is_file():
                raise ModelError(f"{path}: no such file; it is to be a YuNet model (face_detection_yunet_….onnx)")
            self._model = cv2.FaceDetectorYN.create(str(path), "", (320, 320), _FACE_SCORE)
            self._found(np.zeros((320, 320, 3), np.uint8))
        except cv2.error:
            raise ModelError(f"{path}: no face detector that OpenCV can load; it is to be a YuNet model") from None
        self._lock = threading.Lock()

    def people(self, image: Pixels) -> list[Box]:
        """See `PeopleFinder`."""
        small = reduced(image, _FACE_SIDE)
        scale = image.shape[1] / small.shape[1]
        with self._lock:  # the model holds the size of its input
            return [Box(x * scale, y * scale, (x + w) * scale, (y + h) * scale) for x, y, w, h in self._found(small)]

    def _found(self, image: Pixels) -> list[tuple[float, float, float, float]]:
        self._model.setInputSize((image.shape[1], image.shape[0]))
        _, faces = self._model.detect(image)
        return [] if faces is None else [(float(f[0]), float(f[1]), float(f[2]), float(f[3])) for f in faces]


class Persons:
    """Whole people, by the camera's own detector. Raises `ModelError` where it knows no persons."""

    def __init__(self, detector: Detector) -> None:
        if PERSON not in detector.names:
            raise ModelError(f"model: it knows no class {PERSON}; give uplink.faces, or another model")
        self._detector = detector

    def people(self, image: Pixels) -> list[Box]:
        """See `PeopleFinder`."""
        (found,) = self._detector.detect([image])
        rows = [row for row in range(len(found)) if found.label(row) == PERSON and found.score[row] >= _PERSON_SCORE]
        return [found.box(row) for row in rows]


class Everybody:
    """Several finders at once."""

    def __init__(self, finders: Sequence[PeopleFinder]) -> None:
        self.finders = tuple(finders)

    def people(self, image: Pixels) -> list[Box]:
        """See `PeopleFinder`."""
        return [box for finder in self.finders for box in finder.people(image)]
