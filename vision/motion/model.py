"""All that is computed from luma, put together: the gate always, the rest only when a rule needs it."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from vision.frame import Pixels
from vision.geometry import Point, inside
from vision.motion.base import Motion
from vision.motion.gate import Change, MotionGate
from vision.motion.picture import PictureModel
from vision.motion.static import StaticForeground
from vision.track.base import Track


class MotionModel:
    """Motion of one camera. `needs` are those of its rules (`static`, `picture`)."""

    def __init__(self, width: int, height: int, needs: AbstractSet[str], masks: Sequence[Sequence[Point]] = ()) -> None:
        self.gate = MotionGate(width, height, masks)
        self._masks = masks
        self._static = StaticForeground(width, height) if "static" in needs else None
        self._picture = PictureModel(width, height) if "picture" in needs else None

    def step(self, luma: Pixels, t: float, tracks: Sequence[Track]) -> tuple[Motion, Change]:
        """Motion at time `t` from the brightness plane; `tracks` are those of the step before."""
        change = self.gate.step(luma)
        static = self._static.step(luma, t, tracks) if self._static else ()
        static = tuple(r for r in static if not any(inside(r.box.centre, mask) for mask in self._masks))
        picture = self._picture.step(luma, t) if self._picture else None
        return Motion(t, float(change.cells.mean()), self.gate.regions(change.cells), static, picture), change
