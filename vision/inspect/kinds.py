"""What a defect is called: by what it joins and parts on a two-tone print, by tone and shape on a photograph.

Two-tone names are those of printed boards: *open* and *short* change what hangs together, *mouse bite* and *spur* only
its outline, *pinhole* and *island* touch no outline.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from vision.inspect.difference import Difference

Foreground = Literal["dark", "bright"]
Bits = npt.NDArray[np.bool_]
Window = tuple[slice, slice]

_TWO_TONE = 0.12  # at most this share of pixels lies between the two tones of a print
_AROUND = 12  # pixels around a defect in which it is seen what hangs together
_LONG = 3.5  # a line is at least so many times as long as wide
_WIDE = 0.004  # an area is at least this share of the region, a spot less


def namer(found: Difference, foreground: Foreground) -> Callable[[Bits, Window], str]:
    """Gives the kind of a defect from its pixels in a window of the difference's pictures."""
    tones = _two_tones(found)
    if tones is None:
        return lambda pixels, window: _by_tone(found, pixels, window)
    image, reference = tones if foreground == "bright" else (~tones[0], ~tones[1])
    return lambda pixels, window: _by_joints(image[window], reference[window], pixels)


def window_of(box: tuple[int, int, int, int], shape: tuple[int, ...]) -> Window:
    """The box with what is around it, within a picture of this shape."""
    x1, y1, x2, y2 = box
    return (
        slice(max(0, y1 - _AROUND), min(shape[0], y2 + _AROUND)),
        slice(max(0, x1 - _AROUND), min(shape[1], x2 + _AROUND)),
    )


def _two_tones(found: Difference) -> tuple[Bits, Bits] | None:
    """Image and reference as bright or not, where the reference is a print of two tones."""
    if found.reference.shape[2] != 1:
        return None
    reference, image = found.reference[..., 0], found.image[..., 0]
    low, high = (float(v) for v in np.percentile(reference, (1, 99)))
    quarter = (high - low) / 4
    if quarter < 16 or float(np.mean((reference > low + quarter) & (reference < high - quarter))) > _TWO_TONE:
        return None
    middle = (low + high) / 2
    return image > middle, reference > middle


def _touching(labels: npt.NDArray[np.int32], pixels: Bits, at_least: int = 1) -> int:
    """How many components lie against these pixels."""
    around = np.asarray(cv2.dilate(pixels.astype(np.uint8), np.ones((5, 5), np.uint8))) > 0
    counts = np.bincount(labels[around])
    return int(np.count_nonzero(counts[1:] >= at_least))


def _components(bits: Bits) -> npt.NDArray[np.int32]:
    return np.asarray(cv2.connectedComponents(bits.astype(np.uint8), connectivity=8)[1], np.int32)


def _by_joints(image: Bits, reference: Bits, pixels: Bits) -> str:
    added = int(np.count_nonzero(image & ~reference & pixels))
    gone = int(np.count_nonzero(~image & reference & pixels))
    if added >= gone:
        joined = _touching(_components(reference & ~pixels), pixels, 3)
        return "island" if joined == 0 else "spur" if joined == 1 else "short"
    if _touching(_components(~reference & ~pixels), pixels, 3) == 0:
        return "pinhole"
    parts, before = _touching(_components(image & ~pixels), pixels, 3), _touching(_components(reference), pixels, 3)
    return "open" if parts > before else "mouse bite"


def _by_tone(found: Difference, pixels: Bits, window: Window) -> str:
    image, reference = (p[window][pixels].astype(np.float64) for p in (found.image, found.reference))
    change = (image - reference).mean(axis=0)
    light = float(change.mean())
    # the channels go apart by more than they go together: it is the colour that has changed
    coloured = len(change) == 3 and float(np.ptp(change)) > 1.5 * abs(light)
    tone = "discoloured" if coloured else "bright" if light > 0 else "dark"
    ys, xs = np.nonzero(pixels)
    (_, (a, b), _) = cv2.minAreaRect(np.stack([xs, ys], 1).astype(np.float32))
    length, width = max(a, b) + 1, len(xs) / (max(a, b) + 1)
    if length > _LONG * width and length > 8:
        return f"{tone} line"
    return f"{tone} {'area' if len(xs) > _WIDE * found.valid.size else 'spot'}"
