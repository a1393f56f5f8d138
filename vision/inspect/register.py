"""Bringing a picture to its reference: where the reference's pixels lie in the picture, to a small part of a pixel.

Coarse to fine: `vision.inspect.locate` proposes a start, robust Gauss-Newton steps on the strongest edges refine it. The
light may differ by a gain and an offset; what fits nowhere, a defect, loses its weight.

Source: Baker and Matthews, "Lucas-Kanade 20 Years On" (IJCV 2004), inverse compositional; Tukey's biweight.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from vision.frame import Pixels
from vision.inspect.part import Affine, Mask

Motion = Literal["shift", "rigid", "affine"]
Grey = npt.NDArray[np.float32]

_SMALLEST = 72  # pixels of the longer side at the coarsest level
_POINTS = 9000  # edges looked at, at the finest level
_CELLS = 24  # the picture is cut into so many cells each way, and each gives its strongest points
_STEPS = 14


def grey(image: Pixels) -> Grey:
    """Brightness as float32 [height, width]."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.float32)


def whole(matrix: Affine) -> npt.NDArray[np.float64]:
    """A 2x3 matrix as 3x3."""
    return np.vstack([matrix, (0.0, 0.0, 1.0)])


def inverse(matrix: Affine) -> Affine:
    """The way back."""
    return np.asarray(np.linalg.inv(whole(matrix))[:2])


def scaled(matrix: Affine, a: float, b: float) -> Affine:
    """A matrix between pixel centres for pictures that are resized: source by `a`, target by `b`."""

    def resize(s: float) -> npt.NDArray[np.float64]:
        return np.array([[s, 0, (s - 1) / 2], [0, s, (s - 1) / 2], [0, 0, 1]])

    return np.asarray((resize(b) @ whole(matrix) @ np.linalg.inv(resize(a)))[:2])


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    scale: float
    points: npt.NDArray[np.float64]  # [N, 2]
    values: npt.NDArray[np.float64]  # [N]
    jacobian: npt.NDArray[np.float64]  # [N, parameters + 2]
    centre: npt.NDArray[np.float64]
    unit: float


class Aligner:
    """Refines where a reference lies in pictures. The reference's part of the work is done once."""

    def __init__(self, reference: Pixels, mask: Mask | None = None, motion: Motion = "affine") -> None:
        """`mask` is 255 where the reference shows the part; the rest takes no part."""
        self.motion = motion
        self._levels: list[_Level] = []
        image, side = grey(reference), max(reference.shape[:2])
        scales = [1.0]
        while side * scales[-1] / 2 >= _SMALLEST:
            scales.append(scales[-1] / 2)
        for scale in reversed(scales):
            level = _level(_small(image, scale), None if mask is None else _small_mask(mask, scale), scale, motion)
            if level is not None:
                self._levels.append(level)

    @property
    def blind(self) -> bool:
        """The reference has no edges to hold on to."""
        return not self._levels

    def refine(self, picture: Grey, start: Affine, finest: float = 1.0) -> Affine:
        """From `start`, the matrix that leads from the reference to the picture; levels finer than `finest` are left."""
        matrix = np.asarray(start, np.float64)
        for level in self._levels:
            if level.scale <= finest:
                small = _small(picture, level.scale)
                matrix = scaled(_descend(small, level, scaled(matrix, level.scale, level.scale), self.motion),
                                1 / level.scale, 1 / level.scale)  # fmt: skip
        return matrix


def _small(image: Grey, scale: float) -> Grey:
    if scale < 1:
        image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1.0), np.float32)


def _small_mask(mask: Mask, scale: float) -> Mask:
    small = cv2.resize(mask, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else mask
    return np.asarray(
        cv2.dilate(small, np.ones((5, 5), np.uint8)) > 127, np.uint8
    )  # its outline is an edge to hold on to


def _level(image: Grey, mask: Mask | None, scale: float, motion: Motion) -> _Level | None:
    height, width = image.shape
    dx, dy = cv2.Sobel(image, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(image, cv2.CV_32F, 0, 1, scale=1 / 8)
    # numpy and not cv2.magnitude, whose last bit depends on where in memory its result happens to lie
    strength = np.sqrt(np.asarray(dx) ** 2 + np.asarray(dy) ** 2).astype(np.float32)
    strength[:3], strength[-3:], strength[:, :3], strength[:, -3:] = 0, 0, 0, 0
    if mask is not None:
        strength[mask == 0] = 0
    ys, xs = _strongest(strength, max(1, round(_POINTS * min(1.0, scale * 2)) // _CELLS**2))
    if len(ys) < 40:
        return None
    points = np.stack([xs, ys], 1).astype(np.float64)
    centre, unit = np.array([(width - 1) / 2, (height - 1) / 2]), max(width, height) / 2
    x, y = ((points - centre) / unit).T
    gx, gy = dx[ys, xs].astype(np.float64), dy[ys, xs].astype(np.float64)
    values = image[ys, xs].astype(np.float64)
    columns = {
        "shift": [gx, gy],
        "rigid": [gx, gy, gy * x - gx * y],
        "affine": [gx, gy, gx * x, gx * y, gy * x, gy * y],
    }[motion]
    jacobian = np.stack([*columns, values - values.mean(), np.ones_like(values)], 1)
    return _Level(scale, points, values, jacobian, centre, unit)


def _strongest(strength: Grey, each: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The strongest pixels of every cell, as long as they are edges at all: spread over the picture, so that all counts."""
    height, width = strength.shape
    floor = max(2.0, 0.12 * float(np.percentile(strength, 99.5)))
    down, across = np.linspace(0, height, _CELLS + 1).astype(int), np.linspace(0, width, _CELLS + 1).astype(int)
    rows, columns = [], []
    for y1, y2 in itertools.pairwise(down):
        for x1, x2 in itertools.pairwise(across):
            cell = strength[y1:y2, x1:x2].ravel()
            best = np.argsort(-cell, kind="stable")[: each * 2 : 1 if len(cell) < each * 4 else 2][:each]
            best = best[cell[best] > floor]
            rows.append(best // max(1, x2 - x1) + y1)
            columns.append(best % max(1, x2 - x1) + x1)
    return np.concatenate(rows), np.concatenate(columns)


def _descend(picture: Grey, level: _Level, matrix: Affine, motion: Motion) -> Affine:
    height, width = picture.shape
    current = whole(matrix)
    for _ in range(_STEPS):
        at = level.points @ current[:2, :2].T + current[:2, 2]
        there = (at[:, 0] >= 0) & (at[:, 0] <= width - 1) & (at[:, 1] >= 0) & (at[:, 1] <= height - 1)
        if np.count_nonzero(there) < max(30, 0.2 * len(there)):
            break
        seen = _sampled(picture, at)
        error = seen - level.values
        step = _solved(level.jacobian[there], error[there])
        change = _change(step, level, motion)
        current = current @ np.linalg.inv(change)
        if float(np.abs(step[:-2]).max()) < 2e-3:
            break
    return np.asarray(current[:2])


def _sampled(picture: Grey, at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Values between pixels; rows of 256, since OpenCV's maps may not be long."""
    many = len(at)
    padded = np.zeros((-(-many // 256) * 256, 2), np.float32)
    padded[:many] = at
    maps = padded.reshape(-1, 256, 2)
    x, y = np.ascontiguousarray(maps[..., 0]), np.ascontiguousarray(maps[..., 1])
    found = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float64).ravel()[:many]


def _solved(jacobian: npt.NDArray[np.float64], error: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The step that explains the differences best; those it cannot explain count for little (Tukey)."""
    weight: npt.NDArray[Any] = np.ones_like(error)
    solution = np.zeros(jacobian.shape[1])
    diagonal = np.arange(jacobian.shape[1])
    for _ in range(2):
        weighted = jacobian * weight[:, None]
        # einsum and not @: the sums must not depend on how many threads a linear algebra library takes
        normal = np.einsum("ni,nj->ij", weighted, jacobian)
        normal[diagonal, diagonal] = normal[diagonal, diagonal] * (1 + 1e-6) + 1e-9
        solution = np.linalg.solve(normal, np.einsum("ni,n->i", weighted, error))
        rest = error - np.einsum("ni,i->n", jacobian, solution)
        spread = 1.4826 * float(np.median(np.abs(rest))) + 2.0
        weight = np.asarray(np.clip(1 - (rest / (4.685 * spread)) ** 2, 0, None) ** 2)
        if weight.sum() < 20:
            break
    return np.asarray(solution)


def _change(step: npt.NDArray[np.float64], level: _Level, motion: Motion) -> npt.NDArray[np.float64]:
    """The small motion about the picture's centre that a step stands for, as 3x3 in pixels."""
    linear, unit = np.eye(2), level.unit
    if motion == "rigid":
        angle = float(step[2]) / unit
        linear = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    elif motion == "affine":
        linear = np.eye(2) + np.array([[step[2], step[3]], [step[4], step[5]]]) / unit
    change = np.eye(3)
    change[:2, :2] = linear
    change[:2, 2] = step[:2] + level.centre - linear @ level.centre
    return change


def likeness(reference: Grey, picture: Grey, matrix: Affine, mask: Mask | None = None, side: int = 320) -> float:
    """Correlation (-1..1) of the reference with the picture brought to it, where both are there; 0 where hardly."""
    scale = min(1.0, side / max(reference.shape))
    small = _small(reference, scale)
    size = (small.shape[1], small.shape[0])
    way = scaled(matrix, scale, scale)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    brought = cv2.warpAffine(_small(picture, scale), way, size, flags=flags, borderValue=-1.0)
    there = np.asarray(brought) >= 0
    if mask is not None:
        there &= cv2.resize(mask, size, interpolation=cv2.INTER_AREA) > 127
    if np.count_nonzero(there) < 0.3 * (there.size if mask is None else max(1, np.count_nonzero(mask) * scale**2)):
        return 0.0
    a, b = small[there].astype(np.float64), np.asarray(brought, np.float64)[there]
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > 0 else 0.0
