"""The small, smooth bending that is left after registration: a lens, a part that gives way, a print that has shrunk.

Source: Lucas and Kanade (1981) over windows of a tenth of the region, held to no bend where there is nothing to see.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]

_SIDE = 320  # pixels of the longer side at which the bend is measured
_CELL = 16  # pixels of a cell of the field
_WIDE = 2.0  # cells, standard deviation, over which the shift is the same
_ROUNDS = 3


def straightened(
    image: npt.NDArray[np.float32], reference: Plane, plane: Plane, most: float
) -> npt.NDArray[np.float32]:
    """`image` [height, width, channels] pulled onto the reference by a smooth field of at most `most` pixels.

    `reference` and `plane` [height, width] are the same light: the reference's and the image's brightness. Every pixel's
    shift is the mean of a wide neighbourhood, so that a defect stays what it is.
    """
    height, width = plane.shape
    scale = min(1.0, _SIDE / max(height, width))
    if min(height, width) * scale < 3 * _CELL:
        return image
    field = _field(_reduced(reference, scale), _reduced(plane, scale), most * scale) / scale
    if float(np.abs(field).max()) < 0.25:
        return image
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    full = cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC)
    done = cv2.remap(image, x + full[..., 0], y + full[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(done, np.float32).reshape(image.shape)


def _reduced(plane: Plane, scale: float) -> Plane:
    if scale < 1:
        plane = np.asarray(cv2.resize(plane, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), 1.2), np.float32)


def _field(reference: Plane, plane: Plane, most: float) -> npt.NDArray[np.float32]:
    """The shift [height, width, 2] at which the plane shows each pixel of the reference."""
    height, width = reference.shape
    grid = (-(-width // _CELL), -(-height // _CELL))
    gx, gy = cv2.Sobel(reference, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(reference, cv2.CV_32F, 0, 1, scale=1 / 8)
    gx, gy = np.asarray(gx, np.float32), np.asarray(gy, np.float32)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    field = np.zeros((height, width, 2), np.float32)

    def local(values: Plane) -> Plane:
        cells = cv2.resize(values, grid, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.GaussianBlur(cells, (0, 0), _WIDE), np.float32)

    for _ in range(_ROUNDS):
        seen = cv2.remap(plane, x + field[..., 0], y + field[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        rest = np.asarray(seen, np.float32) - reference
        explained = (most + 1) * (np.abs(gx) + np.abs(gy)) + 4  # more than any allowed shift makes is a defect
        weight = (np.abs(rest) < explained).astype(np.float32)
        xx, xy, yy = local(gx * gx * weight), local(gx * gy * weight), local(gy * gy * weight)
        xt, yt = local(gx * rest * weight), local(gy * rest * weight)
        hold = 4.0 + 0.05 * (xx + yy)
        a, c = xx + hold, yy + hold
        below = a * c - xy * xy
        step = np.stack([-(c * xt - xy * yt) / below, -(a * yt - xy * xt) / below], -1)
        field += cv2.resize(step, (width, height), interpolation=cv2.INTER_CUBIC)
        np.clip(field, -most, most, out=field)
    return field
