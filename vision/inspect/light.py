"""The reference in the light and the focus of a picture, so that only what is wrong with the part is left to see.

The reference is brought to the picture and not the other way round: where the picture is clipped to white or black, the
reference is clipped alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision.inspect.part import Mask

Planes = npt.NDArray[np.float32]  # [height, width, channels], 0..255

_BLURS = (0.6, 0.9, 1.3, 1.8, 2.5, 3.5)  # pixels, standard deviation
_SMALL = 64  # pixels of the longer side on which light is measured
_FIELD = 6  # light is smooth over a sixth of the region
_GAIN_RANGE = (0.6, 1.6)


@dataclass(frozen=True, slots=True)
class Focus:
    """How much more blurred the picture is than the reference, in pixels; negative: the reference is."""

    blur_px: float

    @property
    def lost(self) -> bool:
        """The picture is more blurred than can be told."""
        return self.blur_px >= _BLURS[-1]


def blurred(planes: Planes, sigma: float) -> Planes:
    """Blurred by a standard deviation in pixels."""
    if sigma <= 0:
        return planes
    done = cv2.GaussianBlur(planes, (0, 0), sigma)
    return np.asarray(done, np.float32).reshape(planes.shape)


def relit(reference: Planes, image: Planes, valid: Mask | None = None) -> Planes:
    """The reference with the image's gain and offset in every channel, and its smooth fall of light."""
    scale = _SMALL / max(image.shape[:2])
    a, b, weight = _reduced(reference, scale), _reduced(image, scale), _weight(valid, image.shape[:2], scale)
    lit = np.empty_like(reference)
    for channel in range(reference.shape[2]):
        gain, offset = _line(a[..., channel], b[..., channel], weight)
        small = gain * a[..., channel] + offset
        field = _field(small, b[..., channel], weight)
        size = (reference.shape[1], reference.shape[0])
        lit[..., channel] = (gain * reference[..., channel] + offset) * cv2.resize(field, size)
    return np.clip(lit, 0, 255)


def _reduced(planes: Planes, scale: float) -> Planes:
    if scale >= 1:
        return planes
    small = cv2.resize(planes, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32).reshape(small.shape[0], small.shape[1], planes.shape[2])


def _weight(valid: Mask | None, shape: tuple[int, int], scale: float) -> npt.NDArray[np.float32]:
    full = np.ones(shape, np.float32) if valid is None else (valid > 0).astype(np.float32)
    return _reduced(full[..., None], scale)[..., 0]


def _unclipped(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    return (a > 3) & (a < 252) & (b > 3) & (b < 252)


def _line(
    a: npt.NDArray[np.float32], b: npt.NDArray[np.float32], weight: npt.NDArray[np.float32]
) -> tuple[float, float]:
    """Gain and offset from `a` to `b` by their means and spreads, without what differs: defects, clipped pixels."""
    inside = weight > 0.5
    if np.count_nonzero(inside) < 12:
        return 1.0, 0.0
    keep = inside & _unclipped(a, b)
    if np.count_nonzero(keep) < 0.2 * np.count_nonzero(inside):
        keep = inside
    gain, offset = 1.0, float(np.median(b[keep] - a[keep]))
    for _ in range(4):
        x, y = a[keep].astype(np.float64), b[keep].astype(np.float64)
        spread = float(x.std())
        # a region of one tone tells no gain: its offset says all
        gain = float(np.clip(y.std() / spread, *_GAIN_RANGE)) if spread > 4 else 1.0
        offset = float(np.median(y - gain * x))
        rest = np.abs(b - gain * a - offset)
        limit = 4 * 1.4826 * float(np.median(rest[keep])) + 4
        new = inside & (rest < limit) & (_unclipped(a, b) | ~_unclipped(a, b) & (keep == inside))
        if np.count_nonzero(new) < 0.2 * np.count_nonzero(inside):
            break
        keep = new
    return gain, offset


def _field(
    lit: npt.NDArray[np.float32], image: npt.NDArray[np.float32], weight: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """How the light falls off over the region: a smooth ratio of what agrees anyway."""
    rest = np.abs(image - lit)
    bright = np.maximum(lit, 1)
    # where both are clipped to white they agree as far as can be told; where one is, nothing can
    agreed = ((weight > 0.5) & (lit > 12) & ((lit < 250) == (image < 250))).astype(np.float32)
    if agreed.sum() < 40:
        return np.ones_like(lit)
    limit = 3 * 1.4826 * float(np.median(rest[agreed > 0])) + 6
    agreed *= rest < np.maximum(limit, 0.15 * bright)
    sigma = max(lit.shape) / _FIELD
    above = cv2.GaussianBlur(image * agreed, (0, 0), sigma)
    below = cv2.GaussianBlur(lit * agreed, (0, 0), sigma)
    share = cv2.GaussianBlur(agreed, (0, 0), sigma)
    ratio = np.asarray(above) / np.maximum(np.asarray(below), 1e-3)
    trust = np.clip(np.asarray(share) / 0.2, 0, 1)
    return np.asarray(1 + trust * (np.clip(ratio, 0.75, 1.33) - 1), np.float32)


def focus(reference: Planes, image: Planes) -> Focus:
    """How much the sharper of the two must be blurred to look like the other, where the reference has most edges."""
    rows, columns = _busiest(reference[..., 0])
    a, b = reference[rows, columns, 0], image[rows, columns, 0]
    best, least = 0.0, _apart(a, b, 0.0)
    for sign in (1, -1):
        for sigma in _BLURS:
            off = _apart(a, b, sign * sigma)
            if off > least * 0.95 - 0.02:  # the smaller blur unless the larger is clearly better
                break
            best, least = sign * sigma, off
    return Focus(best)


def _apart(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32], sigma: float) -> float:
    """The mean difference once `a` (where sigma is negative, `b`) is blurred; without the worst 3 %: a defect is no blur."""
    x = cv2.GaussianBlur(a, (0, 0), sigma) if sigma > 0 else a
    y = cv2.GaussianBlur(b, (0, 0), -sigma) if sigma < 0 else b
    off = np.asarray(cv2.absdiff(x, y)).ravel()
    count = max(1, int(0.97 * len(off)))
    return float(np.partition(off, count - 1)[:count].mean())


def _busiest(plane: npt.NDArray[np.float32], side: int = 256) -> tuple[slice, slice]:
    """The square with the most edges; the whole of a smaller region."""
    height, width = plane.shape
    if max(height, width) <= side:
        return slice(0, height), slice(0, width)
    edges = np.abs(cv2.Laplacian(plane, cv2.CV_32F))
    low, wide = min(side, height), min(side, width)
    total = cv2.boxFilter(edges, cv2.CV_32F, (wide, low), anchor=(0, 0), normalize=False)
    y, x = np.unravel_index(
        int(np.argmax(total[: height - low + 1, : width - wide + 1])), (height - low + 1, width - wide + 1)
    )
    return slice(int(y), int(y) + low), slice(int(x), int(x) + wide)
