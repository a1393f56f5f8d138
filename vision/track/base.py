"""What a tracker gives and its seam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vision.detect.base import Detections
from vision.geometry import Box, Point


@dataclass(frozen=True, slots=True)
class Track:
    """One object followed over time, as it stands at one moment.

    `box` in pixels; `velocity` of the box centre in pixels a second; times in seconds. `observed` tells a box that a
    detection confirmed just now from one that was only predicted. `score` is that of the last detection. `blind_s` counts
    the seconds without pictures (`Tracker.skip`) up to when it was last seen.
    """

    id: int
    label: str
    score: float
    box: Box
    velocity: Point
    first_t: float
    seen_t: float
    hits: int
    observed: bool
    blind_s: float = 0.0

    @property
    def foot(self) -> Point:
        """Middle of the box's lower edge, in pixels."""
        return self.box.foot


class Tracker(Protocol):
    """Gives detections a lasting identity."""

    def update(self, detections: Detections | None, t: float) -> list[Track]:
        """The confirmed tracks at time `t`.

        `None` means that nobody looked (the tracks are predicted and do not age towards being lost any faster than
        time passes); empty detections mean that somebody looked and found nothing.
        """

    def skip(self, seconds: float) -> None:
        """So many seconds went by of which there is no picture, and which `t` leaves out: anybody may have moved on."""

    def reset(self) -> None:
        """Forget everything; numbers are not used again."""
