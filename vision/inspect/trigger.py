"""One picture of one part: from triggers and frames to the sharpest frame of each part's window.

    trigger --(the same part within same_part_s)--> forgotten
        |
        +--> window [t + delay - before, t + delay + after] --its end has been seen, or wait_s is over--> the sharpest frame
                                                                        +--none of use--> no frame, with the reason

Pure: times of triggers and of frames come from the caller and are on one clock.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from vision.frame import Frame, Pixels

_FRAMES = 240  # that are held at most, whatever the window
_MARGIN_S = 1.0  # pictures are held for so long beyond the window, for triggers that come late
_REMEMBERED = 512  # parts by name, for triggers that come twice
_SIDE = 640  # pixels of the longer side on which sharpness is measured


class WindowParams(BaseModel):
    """Which picture of a part is taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    delay_s: float = Field(0.0, ge=-5, le=60, description="The part is in the picture so long after its trigger.")
    before_s: float = Field(0.1, ge=0, le=5, description="Pictures up to so long before that moment will do.")
    after_s: float = Field(0.1, ge=0, le=5, description="Pictures up to so long after it will do.")
    wait_s: float = Field(
        0.5, ge=0, le=30, description="Pictures may come so much later than they were taken; then there is none."
    )
    same_part_s: float = Field(
        0.3, ge=0, le=60, description="Triggers within so many seconds are the same part, unless they name two."
    )
    min_sharpness: float = Field(
        4.0,
        ge=0,
        description="Variance of the Laplacian (grey levels squared, at most 640 pixels wide) below which a picture is "
        "of no use: black, covered, out of focus.",
    )


@dataclass(frozen=True, slots=True)
class Trigger:
    """A part is there: at `t` (seconds), told by `source`; `part` is its name or number, empty where nobody knows.

    `order` says what is expected of this very part.
    """

    t: float
    source: str
    part: str = ""
    order: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """A part with its picture; `reason` says why there is none. `looked_at`: frames of the window."""

    trigger: Trigger
    frame: Frame | None = None
    sharpness: float = 0.0
    looked_at: int = 0
    reason: str = ""


def sharpness(luma: Pixels) -> float:
    """Variance of the Laplacian of a brightness plane uint8 [height, width], in grey levels squared.

    The focus measure LAPV of Pertuz, Puig and Garcia, "Analysis of focus measure operators for shape-from-focus",
    Pattern Recognition 46 (2013).
    """
    scale = _SIDE / max(luma.shape[:2])
    small = luma if scale >= 1 else cv2.resize(luma, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return float(np.asarray(cv2.Laplacian(small, cv2.CV_32F)).var())


class Taker:
    """Gives every part its picture, exactly once. Not safe for several threads at a time."""

    def __init__(self, params: WindowParams) -> None:
        self.params = params
        self.repeated = 0  # triggers that told of a part a second time
        self._frames: deque[Frame] = deque(maxlen=_FRAMES)
        self._open: list[Trigger] = []
        self._parts: OrderedDict[str, None] = OrderedDict()
        self._last: Trigger | None = None

    def trigger(self, trigger: Trigger) -> bool:
        """A part is told of; False where it is one that has been told of before."""
        if self._known(trigger):
            self.repeated += 1
            return False
        if trigger.part:
            self._parts[trigger.part] = None
            while len(self._parts) > _REMEMBERED:
                self._parts.popitem(last=False)
        self._last = trigger
        self._open.append(trigger)
        return True

    def frame(self, frame: Frame) -> None:
        """A picture has come; older ones that no window can reach any more are let go."""
        if self._frames and frame.t < self._frames[-1].t - _MARGIN_S:
            self._frames.clear()  # the camera's clock was set back: what is held would never be let go
        self._frames.append(frame)
        params = self.params
        reach = params.before_s + params.after_s + params.wait_s + max(0.0, -params.delay_s) + _MARGIN_S
        oldest = min([frame.t - reach, *(self._window(one)[0] for one in self._open)])
        while self._frames[0].t < oldest:
            self._frames.popleft()

    def due(self, now: float) -> list[Taken]:
        """The parts whose windows are over at `now`, in the order of their triggers."""
        newest = self._frames[-1].t if self._frames else float("-inf")
        over = [t for t in self._open if newest >= self._window(t)[1] or now >= self._window(t)[1] + self.params.wait_s]
        self._open = [trigger for trigger in self._open if trigger not in over]
        return [self._taken(trigger) for trigger in over]

    def next_due(self) -> float | None:
        """When the next window is over even if no picture comes; None while none is open."""
        return min((self._window(t)[1] + self.params.wait_s for t in self._open), default=None)

    @property
    def waiting(self) -> int:
        """Parts whose windows are open."""
        return len(self._open)

    def _known(self, trigger: Trigger) -> bool:
        last = self._last
        if trigger.part and trigger.part in self._parts:
            return True
        if last is None or abs(trigger.t - last.t) >= self.params.same_part_s:
            return False
        return not (trigger.part and last.part)  # two names are two parts, however near

    def _window(self, trigger: Trigger) -> tuple[float, float]:
        moment = trigger.t + self.params.delay_s
        return moment - self.params.before_s, moment + self.params.after_s

    def _taken(self, trigger: Trigger) -> Taken:
        first, last = self._window(trigger)
        inside = [frame for frame in self._frames if first <= frame.t <= last]
        if not inside:
            return Taken(trigger, reason=self._why_none(first, last))
        measured = [(sharpness(frame.luma), frame) for frame in inside]
        best, frame = max(measured, key=lambda pair: pair[0])
        if best < self.params.min_sharpness:
            reason = (
                f"no usable picture: the sharpest of {len(inside)} has sharpness {best:.1f}, "
                f"at least {self.params.min_sharpness:g} is needed (black, covered or out of focus?)"
            )
            return Taken(trigger, None, best, len(inside), reason)
        return Taken(trigger, frame, best, len(inside))

    def _why_none(self, first: float, last: float) -> str:
        if not self._frames:
            return "no picture: the camera shows none"
        before = [first - frame.t for frame in self._frames if frame.t < first]
        after = [frame.t - last for frame in self._frames if frame.t > last]
        near = [f"the one before came {min(before):.2f} s too early"] if before else []
        near += [f"the next one {min(after):.2f} s too late"] if after else []
        return f"no picture within the part's window of {last - first:.2f} s: {', '.join(near)}"
