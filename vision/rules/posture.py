"""What a person's box tells of the posture: standing height, how far the head has come down, lying or not.

All measures are shares of the standing height H in pixels, so that they hold near and far from the camera. Figures for a
person of 1.7 m, camera at 2.5..4 m, seen from 12..27 degrees above the horizon:

posture                       head down by   height of the box   width over height
standing, walking             0..0.1         0.9..1.05           0.2..0.45 (running 0.75)
bending, sitting on a chair   0.2..0.42      0.6..0.86           0.4..1.0
crouching                     0.41..0.5      0.52..0.62          0.5..0.7
sitting on the ground         0.4..0.46      0.56..0.79          0.4..1.2
lying across the view         0.74..0.79     0.2..0.3            3.5..4.5
lying at 45 degrees           0.56..0.79     0.3..0.52           1.5..2.4
lying towards the camera      0.8            0.4..0.75           0.5..0.8
lying away from the camera    0.43..0.65     0.33..0.52          0.55..0.9

So the head tells most; lying away from a steep camera (more than 25 degrees) looks like crouching, and no box can tell.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Literal

from vision.geometry import Box

FLAT_ASPECT = 1.3  # a box so wide for its height is lying, if it is also low
FLAT_HEIGHT = 0.58
FLAT_DROP = 0.35
_FLAT_WIDER = 1.4  # and so much wider than the person was upright: not somebody half hidden who sits down
TALL_DROP = 0.62  # a box that stays tall is lying if the head came down so far: towards the camera
TALL_HEIGHT = 0.8
_AWAY_DROP = 0.48  # or if it is lower than anybody crouching, and the person was seen whole
_AWAY_HEIGHT = 0.47
_WHOLE_ASPECT = 0.45
_STANDING_ASPECT = 0.75
_STANDING_HEIGHT = 0.8
_REFERENCE_S = 1.5  # over so many seconds the standing height is taken; longer, and walking away looks like sinking
_FOOT_LAG_S = 0.5
_LOWER_EDGE = 0.985  # a box that ends below this share of the picture's height may be cut off there

Posture = Literal["standing", "between", "lying"]


@dataclass(frozen=True, slots=True)
class Stature:
    """A person as last seen standing: height and foot line in pixels, width over height, and when."""

    height: float
    foot: float
    aspect: float
    t: float

    def drop(self, box: Box) -> float:
        """How far the head has come down since, as a share of the standing height."""
        return (box.y1 - (self.foot - self.height)) / self.height

    def share(self, box: Box) -> float:
        """Height of the box as a share of the standing height."""
        return box.height / self.height


def aspect(box: Box) -> float:
    """Width over height."""
    return box.width / max(box.height, 1.0)


def posture(box: Box, stature: Stature, picture_height: float) -> Posture:
    """What the box says of a person of that stature.

    A box that ends at the picture's lower edge may be somebody walking out of the picture there: then only a wide box, as
    long as half a body, is lying.
    """
    drop, share, wide = stature.drop(box), stature.share(box), aspect(box)
    cut = box.y2 >= _LOWER_EDGE * picture_height
    flat = wide >= FLAT_ASPECT and share <= FLAT_HEIGHT and drop >= FLAT_DROP
    least = _FLAT_WIDER * stature.aspect * stature.height
    if flat and box.width >= (max(least, stature.height / 2) if cut else least):
        return "lying"
    if not cut and drop >= TALL_DROP and share <= TALL_HEIGHT:
        return "lying"
    if not cut and drop >= _AWAY_DROP and share <= _AWAY_HEIGHT and stature.aspect <= _WHOLE_ASPECT:
        return "lying"
    return "standing" if share >= _STANDING_HEIGHT and wide <= 1.0 else "between"


class StandingHeight:
    """Learns a person's stature from boxes that look like somebody standing; median of the last 1.5 seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, Box]] = deque()

    def add(self, box: Box, t: float) -> None:
        """Take in a box, if it is of somebody upright."""
        if aspect(box) <= _STANDING_ASPECT:
            self._seen.append((t, box))
        while self._seen and t - self._seen[0][0] > _REFERENCE_S:
            self._seen.popleft()

    def clear(self) -> None:
        """Forget: what was taken for standing was not."""
        self._seen.clear()

    @property
    def stature(self) -> Stature | None:
        """The stature, once somebody was upright at two moments."""
        if len(self._seen) < 2:
            return None
        boxes = [box for _, box in self._seen]
        t = self._seen[-1][0]
        # The foot line of a moment ago: somebody falling towards the camera is still tall while the box already sinks.
        foot = next((box.y2 for at, box in reversed(self._seen) if t - at >= _FOOT_LAG_S), boxes[0].y2)
        return Stature(median(b.height for b in boxes), foot, median(map(aspect, boxes)), t)
