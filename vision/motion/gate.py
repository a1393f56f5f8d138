"""The motion gate: where the picture has changed since the detector last looked.

Works on luma reduced to about 160 pixels in width. A pixel counts as changed when it differs from its value at the last
look by more than the sensor's noise explains (the noise is measured as the picture goes); small groups of changed pixels
make a cell of the grid changed. Cells that keep moving without the detector ever finding anything there (leaves, water, a
flag) are learned to be idle motion; they still count, but less urgently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
_IDLE_S = 20.0  # seconds over which idle motion is learned and forgotten
_IDLE_LEVEL = 0.5

Cells = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Change:
    """Cells [rows, columns] that differ from the last look, and the share of the picture that moved since the last step."""

    cells: Cells
    idle: Cells
    moved: float

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
        self._before: npt.NDArray[np.uint8] | None = None
        self._looked: npt.NDArray[np.uint8] | None = None
        self._noise = 2.0
        self._idle = np.zeros((self._rows, self._columns), np.float32)
        self._idle_t: float | None = None

    def step(self, luma: Pixels) -> Change:
        """What has changed in this picture, uint8 [height, width]."""
        small = self._small(luma)
        before, looked = self._before, self._looked
        self._before = small
        everything = np.ones((self._rows, self._columns), np.bool_)
        if before is None or looked is None:
            self._looked = small
            return Change(everything & ~self._ignored, np.zeros_like(everything), 1.0)
        step_cells = self._cells(small, before, learn=True)
        cells = self._cells(small, looked, learn=False)
        moved = float(step_cells.mean())
        return Change(cells, self._idle > _IDLE_LEVEL, moved)

    def looked(self, t: float, change: Change, found: Sequence[Box]) -> None:
        """The detector has looked at the picture of the last step at time `t` and found things in `found` (pixels)."""
        self._looked = self._before
        if not change.cells.any():
            return
        dt = 0.0 if self._idle_t is None else min(1.0, t - self._idle_t)
        self._idle_t = t
        idle_now = change.cells & ~self.covered(found, 0.3)
        self._idle += (idle_now - self._idle) * np.float32(dt / _IDLE_S)
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

    def _small(self, luma: Pixels) -> npt.NDArray[np.uint8]:
        step = self._step
        height, width = luma.shape[0] // step, luma.shape[1] // step
        whole = luma[: height * step, : width * step]
        if step % 2 == 0 and step > 2:
            whole = whole[::2, ::2]  # a quarter of the pixels averages the noise well enough, at a third of the cost
        return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)

    def _cells(self, a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8], *, learn: bool) -> Cells:
        difference = cv2.absdiff(a, b)
        if learn:
            # Half of all pixels are background at any time: their median step is the noise (0.6745 sigma, two pictures).
            middle = float(np.partition(difference.ravel()[::7], difference.size // 14)[difference.size // 14])
            self._noise += 0.1 * ((middle + 0.5) / 0.6745 - self._noise)
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
