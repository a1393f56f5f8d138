"""What a picture has that its reference has not, and the other way round, with tolerance for where edges lie exactly.

A pixel counts where no pixel of the other picture within the tolerance comes as near: brighter than all that are near in
the reference, or darker, or a reference's pixel brighter or darker than all that are near in the picture. The first pair
finds what was added in the open, the second what is gone altogether, however thin it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from vision.inspect.bend import straightened
from vision.inspect.light import Planes, blurred, focus, relit
from vision.inspect.part import Mask

Plane = npt.NDArray[np.uint8]  # [height, width], grey levels
Levels = npt.NDArray[np.uint8]  # [height, width, channels]
_OWN_BLUR = 0.7  # pixels; takes the jags off edges and the noise off faces


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """`rest` is what no tolerated shift explains and `plain` the difference pixel by pixel, both in grey levels.

    `image` and `reference` are the two as compared: same light, same blur. `valid` is where both are,
    `noise` the standard deviation of pixels that agree. `lost`: the picture is too blurred for its edges to be compared.
    """

    rest: Plane
    plain: Plane
    image: Levels
    reference: Levels
    valid: Mask
    blur_px: float
    lost: bool
    noise: float

    def least(self, other: Difference) -> Difference:
        """What neither of two references explains, seen beside the one that explains more."""
        nearer = self if int(self.rest.sum()) <= int(other.rest.sum()) else other
        rest, plain = np.minimum(self.rest, other.rest), np.minimum(self.plain, other.plain)
        return replace(nearer, rest=rest, plain=plain, lost=self.lost and other.lost)


def planes(image: npt.NDArray[np.uint8]) -> Planes:
    """The picture as float32 planes; one plane where the channels are the same."""
    if (
        image.ndim == 3
        and np.array_equal(image[..., 0], image[..., 1])
        and np.array_equal(image[..., 0], image[..., 2])
    ):
        return image[..., :1].astype(np.float32)
    return image.astype(np.float32)


def disc(radius: float) -> npt.NDArray[np.uint8]:
    """A round neighbourhood for morphology."""
    reach = int(np.floor(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return np.asarray(x * x + y * y <= radius * radius + 0.3, np.uint8)


def difference(
    reference: Planes, image: Planes, tolerance: float, mask: Mask | None = None, seen: Mask | None = None
) -> Difference:
    """Compare; both float32 [height, width, channels] of one size, `tolerance` in pixels.

    `mask` is what is judged, `seen` what the original picture shows at all.
    """
    if image.shape[2] != reference.shape[2]:  # one of the two is grey all over
        image, reference = (np.repeat(p, 3, axis=2) if p.shape[2] == 1 else p for p in (image, reference))
    full = np.full(image.shape[:2], 255, np.uint8)
    there = full if mask is None else mask
    lit = relit(reference, image, there)
    found = focus(lit, image)
    a = blurred(lit, float(np.hypot(max(0.0, found.blur_px), _OWN_BLUR)))
    b = blurred(image, float(np.hypot(max(0.0, -found.blur_px), _OWN_BLUR)))
    a, b = a.reshape(reference.shape), b.reshape(image.shape)
    b = straightened(b, _mean(a), _mean(b), 2 * tolerance)
    one, other = np.rint(a).astype(np.uint8), np.rint(b).astype(np.uint8)
    kernel = disc(tolerance)
    rest = np.maximum(_beyond(other, one, kernel), _beyond(one, other, kernel))
    plain = _worst(np.asarray(cv2.absdiff(one, other), np.uint8).reshape(one.shape))
    # what comes in over the border of the picture has nothing to be compared with
    rest[_inner(full if seen is None else seen, 2 * tolerance + 2) == 0] = 0
    rest[there == 0] = 0
    plain[there == 0] = 0
    noise = 1.4826 * float(np.median(plain[::3, ::3][there[::3, ::3] > 0])) if there.any() else 0.0
    return Difference(rest, plain, other, one, there, found.blur_px, found.lost, noise)


def _inner(valid: Mask, depth: float) -> Mask:
    framed = cv2.copyMakeBorder(valid, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return np.asarray(cv2.erode(framed, disc(depth)), np.uint8)[1:-1, 1:-1]


def _beyond(one: Levels, other: Levels, kernel: npt.NDArray[np.uint8]) -> Plane:
    """By how much `one` lies outside of what `other` has near by; the worst channel."""
    over = cv2.subtract(one, np.asarray(cv2.dilate(other, kernel)).reshape(other.shape))
    under = cv2.subtract(np.asarray(cv2.erode(other, kernel)).reshape(other.shape), one)
    return _worst(np.asarray(np.maximum(over, under), np.uint8).reshape(one.shape))


def _worst(values: Levels) -> Plane:
    """The greatest of the channels; channel by channel, which is many times faster than along the last axis."""
    worst = values[..., 0]
    for channel in range(1, values.shape[2]):
        worst = np.maximum(worst, values[..., channel])
    return np.ascontiguousarray(worst)


def _mean(values: Planes) -> npt.NDArray[np.float32]:
    """The mean of the channels."""
    total = values[..., 0].copy()
    for channel in range(1, values.shape[2]):
        total += values[..., channel]
    return total / np.float32(values.shape[2])
