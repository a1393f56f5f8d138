"""One picture of one camera with its time; pixels are made on demand, in the form that is asked for."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


class Picture(Protocol):
    """Where a frame's pixels come from; `vision.media` has one over PyAV, `ArrayPicture` is the plain one."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as displayed (rotation applied)."""

    def bgr(self) -> Pixels:
        """The picture as uint8 [height, width, 3] in BGR order."""

    def luma(self) -> Pixels:
        """The brightness plane as uint8 [height, width]; cheap where the source is YUV."""


class ArrayPicture:
    """A picture that is already in memory, uint8 [height, width, 3] in BGR order."""

    def __init__(self, image: Pixels) -> None:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"a picture is uint8 [height, width, 3], not {image.dtype} {list(image.shape)}")
        self._image = image

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._image.shape[1], self._image.shape[0]

    def bgr(self) -> Pixels:
        """The picture as given."""
        return self._image

    def luma(self) -> Pixels:
        """Grey by ITU-R BT.601 weights."""
        return np.asarray(cv2.cvtColor(self._image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)


class Frame:
    """A picture of `camera` at time `t`.

    `t` is in seconds: from the start of the clip when replaying, epoch UTC when live. `index` counts the source's
    decodable frames from 0. Pixels are computed at first use and kept as long as the frame is.
    """

    def __init__(self, picture: Picture, *, t: float, index: int = 0, camera: str = "") -> None:
        self.picture = picture
        self.t = t
        self.index = index
        self.camera = camera
        self.width, self.height = picture.size

    @classmethod
    def from_array(cls, image: Pixels, *, t: float, index: int = 0, camera: str = "") -> Frame:
        """A frame over a BGR array, uint8 [height, width, 3]."""
        return cls(ArrayPicture(image), t=t, index=index, camera=camera)

    @cached_property
    def image(self) -> Pixels:
        """BGR, uint8 [height, width, 3]."""
        return self.picture.bgr()

    @cached_property
    def luma(self) -> Pixels:
        """Brightness, uint8 [height, width]."""
        return self.picture.luma()

    def __repr__(self) -> str:
        return f"Frame({self.camera!r}, index={self.index}, t={self.t:.3f}, {self.width}x{self.height})"
