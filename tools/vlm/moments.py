"""Moments of the demo's clips and what is to be seen in them, known from their scripts. The clips were not in training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .fields import Look


@dataclass(frozen=True)
class Moment:
    """A frame of a clip, the track of its ground truth (None: the whole picture), an alarm, what is to be seen."""

    clip: str
    track: int | None
    frame: int
    alarm: str
    look: Look


def _walks(colour: str, *, carried: str = "nothing", visibility: str = "clear") -> Look:
    activity = "carrying" if carried == "bag" else "walking"
    return Look("person", activity, "upright", colour, carried, visibility)


# clip, track, first frame, last frame, step, alarms, what is to be seen
_TABLE: tuple[tuple[str, int | None, int, int, int, tuple[str, ...], Look], ...] = (
    ("climb", 2, 134, 158, 4, ("climbing", "intrusion", "fall"), Look("person", "climbing", "climbing", "black")),
    ("climb", 2, 182, 212, 6, ("intrusion", "climbing"), _walks("black")),
    ("loiter", 1, 65, 140, 15, ("loitering", "fall"), Look("person", "standing", "upright", "red")),
    ("bag", 1, 45, 80, 5, ("line_crossing", "intrusion", "left_object"), _walks("blue", carried="bag")),
    ("bag", 1, 118, 146, 7, ("intrusion", "climbing"), _walks("blue")),
    ("bag", 2, 160, 320, 20, ("left_object", "intrusion"), Look("bag")),
    ("fall", 2, 120, 145, 5, ("intrusion", "fall"), _walks("yellow")),
    ("fall", 2, 172, 262, 10, ("fall", "intrusion", "climbing"), Look("person", "lying", "lying", "yellow")),
    ("car", 2, 46, 61, 5, ("intrusion", "loitering"), Look("car")),
    ("car", 3, 102, 132, 6, ("line_crossing", "climbing"), Look("car")),
    ("night", 1, 60, 135, 8, ("line_crossing", "intrusion", "climbing"), _walks("unsure", visibility="dark")),
    ("covered", None, 125, 195, 10, ("tamper",), Look().covered()),
    ("quiet", None, 10, 190, 30, ("tamper",), Look()),
)


def moments() -> Iterator[Moment]:
    """Every moment under every alarm of the table."""
    for clip, track, first, last, step, alarms, look in _TABLE:
        for frame in range(first, last + 1, step):
            for alarm in alarms:
                yield Moment(clip, track, frame, alarm, look)


def moment_picture(moment: Moment, demo: Path) -> NDArray[np.uint8]:
    """The RGB crop of a moment: a square of twice the box inside the picture, or the whole picture."""
    frame = _frame(demo / "clips" / f"{moment.clip}.mp4", moment.frame)
    if moment.track is None:
        return frame
    truth = json.loads((demo / "ground_truth" / f"{moment.clip}.json").read_text(encoding="utf-8"))
    track = next(t for t in truth["tracks"] if t["id"] == moment.track)
    x1, y1, x2, y2 = min(track["boxes"], key=lambda row: abs(row[0] - moment.frame))[1:5]
    return around(frame, (x1, y1, x2, y2))


def around(frame: NDArray[np.uint8], box: tuple[float, float, float, float]) -> NDArray[np.uint8]:
    """The square of twice the box, as far as it lies inside the picture."""
    x1, y1, x2, y2 = box
    h, w = frame.shape[:2]
    side = min(round(2 * max(x2 - x1, y2 - y1)), h, w)
    left = round(min(max(0, (x1 + x2 - side) / 2), w - side))
    top = round(min(max(0, (y1 + y2 - side) / 2), h - side))
    return np.ascontiguousarray(frame[top : top + side, left : left + side])


def _frame(clip: Path, number: int) -> NDArray[np.uint8]:
    video = cv2.VideoCapture(str(clip))
    try:
        for _ in range(number):
            video.grab()
        ok, picture = video.read()
    finally:
        video.release()
    if not ok:
        raise ValueError(f"{clip} has no frame {number}")
    return np.ascontiguousarray(picture[..., ::-1]).astype(np.uint8)
