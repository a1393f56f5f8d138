"""Which picture of an event a language model is shown, and how.

The best moment's box with as much context again around it, square; the whole picture where a part would not tell (an
uncovered lens, a crowd); and for what can only be told from its course (a fall, a climb, a thing that is left) a sheet of
up to four moments of the same place, in order, the box drawn in each. The same moments give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from vision.events import Event
from vision.frame import Pixels
from vision.language.prompts.task import Shown

Box01 = tuple[float, float, float, float]

SIDE = 512  # pixels; for a model whose encoder is not known
DEMO_SIDE = 128  # the demo model's encoder
CONTEXT = 2.0  # the square's side over the box's longer one
SHEETS = frozenset({"fall", "climbing", "left_object"})
WHOLE = frozenset({"tamper", "crowd"})

_LEAST = 96  # pixels of the camera's picture; a smaller square shows blocks, not things
_LEAST_SHARE = 0.12  # and of its smaller side
_MOST_MOMENTS = 4
_APART_S = 0.3  # moments nearer than this show the same
# Small pictures: to a model, blocks of JPEG would be things, and at half the resolution colours would run into each other.
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
_PAD = (104, 116, 122)  # BGR; what llama.cpp pads with (122, 116, 104 in RGB)
_LINE = (0, 220, 255)  # BGR


class Region(NamedTuple):
    """A part of a picture in whole pixels; right and bottom are the first ones outside."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Moment:
    """A picture (BGR, uint8 [height, width, 3]) at time `t` (seconds) and the subject's box in 0..1 of it."""

    picture: Pixels
    box: Box01 | None
    t: float


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is shown: JPEG bytes, of which kind, and the mean grey level (0..255) of the best moment's part of it."""

    images: tuple[bytes, ...]
    shown: Shown
    light: float


def choose(event: Event, moments: Sequence[Moment], *, side: int = SIDE, sheets: bool = True) -> Chosen:
    """The picture for this event, `side` pixels square.

    `moments`: at least the best one, in any order; the one nearest to `event.at` is the best, and the event's box is its.
    `sheets`: False for a model that was not made for several moments in one picture. Raises `ValueError` without moments.
    """
    if not moments:
        raise ValueError("an event without a picture cannot be shown")
    best = min(moments, key=lambda moment: (abs(moment.t - event.at), moment.t))
    box = _valid(event.box) or _valid(best.box)
    if box is None or event.type in WHOLE:
        return Chosen((_jpeg(fitted(best.picture, side)),), "whole", light(best.picture))
    lit = light(_cut(best.picture, around(box, best.picture)))
    course = _course(event, moments, best) if sheets and event.type in SHEETS else []
    if len(course) > 1:
        return Chosen((_jpeg(_sheet(course, side)),), "strip", lit)
    return Chosen((_jpeg(fitted(_cut(best.picture, around(box, best.picture)), side)),), "crop", lit)


def around(box: Box01, picture: Pixels, context: float = CONTEXT) -> Region:
    """The square around a box with its context, moved into the picture; as much of it as the picture has."""
    height, width = picture.shape[:2]
    x1, y1, x2, y2 = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    least = max(_LEAST, _LEAST_SHARE * min(width, height))
    side = math.ceil(max(least, context * max(x2 - x1, y2 - y1)) - 1e-6)
    left, right = _placed((x1 + x2) / 2, side, width)
    top, bottom = _placed((y1 + y2) / 2, side, height)
    return Region(left, top, right, bottom)


def fitted(picture: Pixels, side: int) -> Pixels:
    """The picture in a square of `side` pixels, its shape kept, the rest filled evenly."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(picture, inner, interpolation=way)
    square = np.full((side, side, 3), _PAD, dtype=np.uint8)
    top, left = (side - inner[1]) // 2, (side - inner[0]) // 2
    square[top : top + inner[1], left : left + inner[0]] = small
    return square


def light(picture: Pixels) -> float:
    """Mean grey level, 0..255."""
    return round(float(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).mean()), 1)


def _placed(centre: float, side: int, length: int) -> tuple[int, int]:
    """Where a stretch of `side` around `centre` lies in 0..length, moved inside where it sticks out."""
    if side >= length:
        return 0, length
    first = min(max(0, round(centre - side / 2)), length - side)
    return first, first + side


def _valid(box: Box01 | None) -> Box01 | None:
    """The box within the picture; None for one that is empty, reversed or not a number."""
    if box is None or not all(math.isfinite(value) for value in box):
        return None
    x1, y1, x2, y2 = (min(1.0, max(0.0, float(value))) for value in box)
    return (x1, y1, x2, y2) if x2 > x1 and y2 > y1 else None


def _course(event: Event, moments: Sequence[Moment], best: Moment) -> list[Moment]:
    """Up to four moments with a box, in order and apart: the first, the best, the last, and one between."""
    shape = best.picture.shape
    boxed = [
        Moment(moment.picture, box, moment.t)
        for moment in sorted(moments, key=lambda moment: moment.t)
        if (box := _valid(event.box if moment is best and event.box else moment.box)) and moment.picture.shape == shape
    ]
    apart: list[Moment] = []
    for moment in boxed:
        if not apart or moment.t - apart[-1].t >= _APART_S:
            apart.append(moment)
        elif moment.t == best.t:
            apart[-1] = moment
    if len(apart) <= _MOST_MOMENTS:
        return apart
    last = len(apart) - 1
    middle = next((number for number, moment in enumerate(apart) if moment.t == best.t), last // 2)
    picked = {0, middle, last}
    while len(picked) < _MOST_MOMENTS:  # the one farthest in time from those that are in
        rest = [number for number in range(len(apart)) if number not in picked]
        picked.add(max(rest, key=lambda number: min(abs(apart[number].t - apart[other].t) for other in picked)))
    return [apart[number] for number in sorted(picked)]


def _sheet(course: Sequence[Moment], side: int) -> Pixels:
    """Two moments side by side, or four in two rows, all of the same part of the picture."""
    boxes = [moment.box for moment in course if moment.box is not None]
    union = (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))
    picture = course[0].picture
    largest = max(boxes, key=lambda b: max(b[2] - b[0], b[3] - b[1]))
    wide, close = around(union, picture, context=1.3), around(largest, picture)
    region = wide if wide.right - wide.left >= close.right - close.left else around(union, picture, context=CONTEXT)
    cell, gap = side // 2, max(1, side // 128)
    sheet = np.full((side, side, 3), _PAD, dtype=np.uint8)
    first = side // 4 if len(course) == 2 else 0  # a single row stands in the middle
    for number, moment in enumerate(course):
        top, left = first + number // 2 * cell, number % 2 * cell
        small = fitted(_cut(moment.picture, region), cell - gap)
        _draw(small, moment, region)
        sheet[top : top + cell - gap, left : left + cell - gap] = small
    return sheet


def _draw(cell: Pixels, moment: Moment, region: Region) -> None:
    """The moment's box, thin, in its cell of a sheet."""
    if moment.box is None:
        return
    height, width = moment.picture.shape[:2]
    across, down = region.right - region.left, region.bottom - region.top
    side = cell.shape[0]
    scale = side / max(across, down)
    left, top = (side - across * scale) / 2, (side - down * scale) / 2
    x1, y1, x2, y2 = moment.box
    one = (round(left + (x1 * width - region.left) * scale), round(top + (y1 * height - region.top) * scale))
    other = (round(left + (x2 * width - region.left) * scale), round(top + (y2 * height - region.top) * scale))
    cv2.rectangle(cell, one, other, _LINE, max(1, round(side / 80)), cv2.LINE_8)


def _cut(picture: Pixels, region: Region) -> Pixels:
    return picture[region.top : region.bottom, region.left : region.right]


def _jpeg(picture: Pixels) -> bytes:
    done, data = cv2.imencode(".jpg", picture, _JPEG)
    if not done:  # cannot happen for uint8 BGR
        raise ValueError(f"no JPEG from a picture of shape {picture.shape}")
    return bytes(data)
