"""The motion gate: where the picture has changed since the detector last looked.

Works on luma reduced to about 160 pixels in width. A pixel counts as changed when it leaves the range that its
neighbourhood had at the last look by more than the sensor's noise explains: so neither a shaking camera nor a waving twig
moves an edge into a change. The noise is measured as the picture goes; small groups of changed pixels make a cell of the
grid changed. Cells that keep moving without the detector ever finding anything there (leaves, water, a
flag) are learned to be idle motion; they still count, but less urgently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vision.frame import Pixels
from vision.geometry import Box, Point

_WIDTH = 160  # working width in pixels, at least
_CELL = 8  # working pixels along a cell's side
_LEAST_STEP = 7.0  # grey levels that no eye sees
_NOISE_STEPS = 5.0  # standard deviations of the noise that count as change
_CELL_PIXELS = 3  # changed working pixels that make a cell changed
_IDLE_LEARN_S = 5.0  # seconds of motion without an object after which a cell's motion counts as idle, or so
_IDLE_FORGET_S = 60.0
_IDLE_LEVEL = 0.5

Cells = npt.NDArray[np.bool_]
Grey = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Change:
    """Cells [rows, columns] that differ from the last look, and those whose motion is idle."""

    cells: Cells
    idle: Cells

    @property
    def any(self) -> bool:
        """Whether anything changed at all."""
        return bool(self.cells.any())


class MotionGate:
    """Compares each sampled picture with the one at the last look. Sizes in pixels of the picture."""

    def __init__(self, width: int, height: int, masks: Sequence[Sequence[Point]] = ()) -> None:
        self._step = max(1, width // _WIDTH)
        self._rows = -(-(height // self._step) // _CELL)
        self._columns = -(-(width // self._step) // _CELL)
        self._cell_px = _CELL * self._step
        self._ignored = self._mask(masks)
        self._before: Grey | None = None
        self._range: tuple[Grey, Grey] | None = None  # lowest and highest neighbour of each pixel at the last look
        self._noise = 2.0
        self._idle = np.zeros((self._rows, self._columns), np.float32)
        self._idle_t: float | None = None

    def step(self, luma: Pixels) -> Change:
        """What has changed in this picture, uint8 [height, width]."""
        small = self._small(luma)
        before, self._before = self._before, small
        if before is None or self._range is None:
            self._range = _neighbours(small)
            everything = np.ones((self._rows, self._columns), np.bool_)
            return Change(everything & ~self._ignored, np.zeros_like(everything))
        step = cv2.absdiff(small, before)
        # Half of all pixels are background at any time: their median step is the noise (0.6745 sigma, two pictures).
        half = step.size // 14
        self._noise += 0.1 * ((float(np.partition(step.ravel()[::7], half)[half]) + 0.5) / 0.6745 - self._noise)
        low, high = self._range
        beyond = cv2.max(cv2.subtract(small, high), cv2.subtract(low, small))
        return Change(self._cells(beyond), self._idle > _IDLE_LEVEL)

    def looked(self, t: float, change: Change, found: Sequence[Box]) -> None:
        """The detector has looked at the picture of the last step at time `t` and found things in `found` (pixels)."""
        if self._before is not None:
            self._range = _neighbours(self._before)
        if not change.cells.any():
            return
        dt = 0.0 if self._idle_t is None else min(1.0, t - self._idle_t)
        self._idle_t = t
        idle_now = change.cells & ~self.covered(found, 0.3)
        pace = np.where(idle_now, np.float32(dt / _IDLE_LEARN_S), np.float32(dt / _IDLE_FORGET_S))
        self._idle += (idle_now - self._idle) * pace
        self._idle[change.cells & ~idle_now] = 0.0

    def covered(self, boxes: Sequence[Box], margin: float) -> Cells:
        """Cells that touch one of the boxes grown by `margin` of their size on each side."""
        cells = np.zeros((self._rows, self._columns), np.bool_)
        size = self._cell_px
        for box in boxes:
            dx, dy = box.width * margin + size / 2, box.height * margin + size / 2
            x1, x2 = max(0, int((box.x1 - dx) // size)), int((box.x2 + dx) // size) + 1
            y1, y2 = max(0, int((box.y1 - dy) // size)), int((box.y2 + dy) // size) + 1
            cells[y1 : max(0, y2), x1 : max(0, x2)] = True
        return cells

    def regions(self, cells: Cells) -> tuple[Box, ...]:
        """Connected groups of cells as boxes in pixels of the picture."""
        if not cells.any():
            return ()
        count, _, stats, _ = cv2.connectedComponentsWithStats(cells.astype(np.uint8), connectivity=8)
        size = float(self._cell_px)
        rows = sorted((int(y), int(x), int(w), int(h)) for x, y, w, h, _ in stats[1:count])
        return tuple(Box(x * size, y * size, (x + w) * size, (y + h) * size) for y, x, w, h in rows)

    def _small(self, luma: Pixels) -> Grey:
        step = self._step
        height, width = luma.shape[0] // step, luma.shape[1] // step
        whole = luma[: height * step, : width * step]
        if step % 2 == 0 and step > 2:
            whole = whole[::2, ::2]  # a quarter of the pixels averages the noise well enough, at a third of the cost
        return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)

    def _cells(self, difference: npt.NDArray[Any]) -> Cells:
        limit = max(_LEAST_STEP, _NOISE_STEPS * self._noise)
        changed = cv2.threshold(difference, limit, 255, cv2.THRESH_BINARY)[1]
        padded = np.zeros((self._rows * _CELL, self._columns * _CELL), np.uint8)
        padded[: changed.shape[0], : changed.shape[1]] = changed
        # 255 a changed pixel, so the mean of a cell's 64 pixels is about 4 times their number.
        mean = cv2.resize(padded, (self._columns, self._rows), interpolation=cv2.INTER_AREA)
        cells: Cells = (mean >= int(_CELL_PIXELS * 255 / _CELL**2)) & ~self._ignored
        return cells

    def _mask(self, masks: Sequence[Sequence[Point]]) -> Cells:
        ignored = np.zeros((self._rows, self._columns), np.uint8)
        for polygon in masks:
            corners = np.array([[x / self._cell_px - 0.5, y / self._cell_px - 0.5] for x, y in polygon])
            cv2.fillPoly(ignored, [np.rint(corners).astype(np.int32)], 1)
        return ignored.astype(np.bool_)


def _neighbours(picture: Grey) -> tuple[Grey, Grey]:
    """The lowest and the highest value of the 3 x 3 pixels around each pixel."""
    kernel = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.erode(picture, kernel), np.uint8), np.asarray(cv2.dilate(picture, kernel), np.uint8)
