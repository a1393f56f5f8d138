"""Global light: how the brightness of a whole picture maps onto that of its reference.

Exposure control, a cloud or a lamp changes all of a picture by about one gain and one offset. They are
guessed from medians and refined where the guess holds, so that things which stand in the picture do not bend them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision.frame import Pixels

Levels = npt.NDArray[np.float32]

_SPREAD = 16.0  # grey levels between the halves' medians from which a gain can be told from an offset
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

    Of a gain alone, an offset alone and both, the one that explains most cells is refined on those cells. One that does
    not explain clearly more than "no change" is not believed: it would only add its own noise.
    """
    old, new = reference[where], picture[where].astype(np.float32)
    if old.size < _ENOUGH:
        return Light()
    unchanged = _explained(Light(), old, new)
    if np.count_nonzero(unchanged) > (1 - _BETTER) * old.size:
        return Light()
    best = max(_guesses(old, new), key=lambda light: int(np.count_nonzero(_explained(light, old, new))))
    near = _explained(best, old, new, 2 * _FITS)
    if np.count_nonzero(near) >= _ENOUGH / 2 and float(old[near].std()) >= _SPREAD / 2:
        gain = _bounded(float(np.polyfit(old[near], new[near], 1)[0]))
        best = Light(gain, float(np.median(new[near] - gain * old[near])))
    explained = np.count_nonzero(_explained(best, old, new))
    return best if explained > np.count_nonzero(unchanged) + _BETTER * old.size else Light()


def _guesses(old: Levels, new: Levels) -> list[Light]:
    guesses = [
        Light(1.0, float(np.median(new - old))),
        Light(_bounded(float(np.median((new + 1) / (old + 1)))), 0.0),
    ]
    dark = old < np.median(old)
    if dark.any() and not dark.all():
        old_low, old_high = float(np.median(old[dark])), float(np.median(old[~dark]))
        new_low, new_high = float(np.median(new[dark])), float(np.median(new[~dark]))
        if old_high - old_low >= _SPREAD:
            gain = _bounded((new_high - new_low) / (old_high - old_low))
            guesses.append(Light(gain, (new_low + new_high - gain * (old_low + old_high)) / 2))
    return guesses


def _explained(light: Light, old: Levels, new: Levels, within: float = _FITS) -> npt.NDArray[np.bool_]:
    return np.asarray(np.abs(new - light.gain * old - light.offset) < within)


def _bounded(gain: float) -> float:
    return min(2.5, max(0.4, gain))
