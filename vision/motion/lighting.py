"""Global light: how the brightness of a whole picture maps onto that of its reference.

Exposure control, a cloud or a lamp changes all of a picture by about one gain and one offset. Both come from medians of
the dark and the bright half of the reference, so that things which stand in the picture do not bend them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision.frame import Pixels

_SPREAD = 24.0  # grey levels between the halves' medians from which a gain can be told from an offset
_FITS, _BETTER = 4.0, 0.1  # grey levels that count as explained; the share of cells by which a fit must be better
_ENOUGH = 200  # cells a fit needs


@dataclass(frozen=True, slots=True)
class Light:
    """`picture = gain * reference + offset`, in grey levels."""

    gain: float = 1.0
    offset: float = 0.0

    @property
    def distance(self) -> float:
        """How far from no change, in grey levels at mid grey or at black, whichever is more."""
        return max(abs((self.gain - 1) * 128 + self.offset), abs(self.offset))

    def undo(self, picture: Pixels) -> Pixels:
        """The picture in the reference's light; uint8 of any shape."""
        table = (np.arange(256, dtype=np.float32) - self.offset) / self.gain
        return np.asarray(cv2.LUT(picture, np.clip(np.rint(table), 0, 255).astype(np.uint8)), dtype=np.uint8)


def fit(reference: npt.NDArray[np.float32], picture: Pixels, where: npt.NDArray[np.bool_]) -> Light:
    """The light of `picture` against `reference` (same shape) over the cells `where`; no change where it cannot be told.

    A fit that does not explain clearly more cells than "no change" does is not believed: it would only add its own noise.
    """
    old, new = reference[where], picture[where].astype(np.float32)
    if old.size < _ENOUGH:
        return Light()
    unchanged = np.count_nonzero(np.abs(new - old) < _FITS)
    if unchanged > (1 - _BETTER) * old.size:
        return Light()
    dark = old < np.median(old)
    if not dark.any() or dark.all():
        return Light()
    old_low, old_high = float(np.median(old[dark])), float(np.median(old[~dark]))
    new_low, new_high = float(np.median(new[dark])), float(np.median(new[~dark]))
    gain = 1.0
    if old_high - old_low >= _SPREAD:
        gain = min(2.5, max(0.4, (new_high - new_low) / (old_high - old_low)))
    light = Light(gain, (new_low + new_high - gain * (old_low + old_high)) / 2)
    explained = np.count_nonzero(np.abs(new - light.gain * old - light.offset) < _FITS)
    return light if explained > unchanged + _BETTER * old.size else Light()
