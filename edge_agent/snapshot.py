"""The picture of an event: box, zone or line and a label, drawn so that they are read at a glance and hide nothing.

Everything scales with the picture. The same event and picture give the same bytes (for one OpenCV version: its own
letters are used, which cover Chinese from OpenCV 5 on; before that a name with other letters than Latin is left out).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import cv2
import numpy as np

from vision.events import Event
from vision.frame import Pixels
from vision.geometry import Box, Point
from vision.rules.base import View
from vision.track.base import Track

Colour = tuple[int, int, int]

JPEG_QUALITY = 88
# BGR; bright enough on a night picture, and every one is drawn over a dark edge for snow and concrete
COLOURS: dict[str, Colour] = {"alert": (60, 72, 235), "warning": (40, 160, 250), "info": (225, 165, 70)}
_PLATE: Colour = (26, 22, 20)
_INK: Colour = (245, 245, 245)
_EDGE: Colour = (20, 20, 20)
_SMALLEST_TEXT = 11  # pixels; below that letters cannot be read


class _Scale(NamedTuple):
    """Sizes in pixels that suit a picture."""

    line: int
    text: int
    gap: int


def draw(image: Pixels, event: Event, view: View | None) -> Pixels:
    """A copy of `image` (BGR, uint8 [height, width, 3]) with the event's zone or line, box and label.

    Zones and lines come from `view`, in pixels of its own size; the event's box is in 0..1.
    """
    picture = np.ascontiguousarray(image).copy()
    height, width = picture.shape[:2]
    scale = _scale(width, height)
    colour = COLOURS.get(event.severity, COLOURS["info"])
    taken: list[Box] = []
    where = _draw_place(picture, event, view, colour, scale)
    if event.box is not None:
        box = Box(*event.box)
        pixels = Box(box.x1 * width, box.y1 * height, box.x2 * width, box.y2 * height).clipped(width - 1, height - 1)
        _outline(picture, _corners(pixels), colour, scale.line + 1, closed=True)
        taken.append(pixels)
        anchor: Point = (pixels.x1, pixels.y1)
    else:
        anchor = (0.0, 0.0)
    plate = _label(picture, _title(event), anchor, colour, scale, avoid=taken)
    if where is not None and event.zone and plate is not None:
        _label(picture, event.zone, where, colour, scale, avoid=[*taken, plate], quiet=True)
    return picture


def draw_live(image: Pixels, tracks: Sequence[Track], view: View) -> Pixels:
    """A copy of `image` with all zones and lines of the camera and a box with label for each track."""
    picture = np.ascontiguousarray(image).copy()
    height, width = picture.shape[:2]
    scale = _scale(width, height)
    across, down = width / view.width, height / view.height
    for name, points in (*view.zones.items(), *view.lines.items()):
        fitted = [(x * across, y * down) for x, y in points]
        _outline(picture, fitted, COLOURS["info"], scale.line, closed=name in view.zones)
        corner = min(fitted, key=lambda point: (point[1], point[0]))
        _label(picture, name, corner, COLOURS["info"], scale, avoid=[], quiet=True)
    for track in tracks:
        x1, y1, x2, y2 = track.box
        box = Box(x1 * across, y1 * down, x2 * across, y2 * down).clipped(width - 1, height - 1)
        _outline(picture, _corners(box), COLOURS["warning"], scale.line + 1, closed=True)
        _label(picture, f"{track.label} {track.id}", (box.x1, box.y1), COLOURS["warning"], scale, avoid=[box])
    return picture


def encode_jpeg(image: Pixels, quality: int = JPEG_QUALITY) -> bytes:
    """The picture as JPEG bytes."""
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:  # cannot happen for uint8 BGR
        raise ValueError(f"no JPEG from a picture of shape {image.shape}")
    return bytes(data)


def _scale(width: int, height: int) -> _Scale:
    """Letters of about 1/34 of the picture's smaller side: 11 px at 320x240, 32 px at 1080p, 64 px at 4K."""
    smaller = min(height, width * 0.75)
    text = max(_SMALLEST_TEXT, round(smaller / 34))
    return _Scale(line=max(1, round(smaller / 430)), text=text, gap=max(2, round(text * 0.35)))


def _title(event: Event) -> str:
    kind = event.type.replace("_", " ")
    parts = [kind[:1].upper() + kind[1:]]
    if event.label:
        parts.append(event.label if event.score is None else f"{event.label} {event.score:.0%}")
    return ": ".join(parts)


def _draw_place(picture: Pixels, event: Event, view: View | None, colour: Colour, scale: _Scale) -> Point | None:
    """The event's zone as a faint area or its line with dots at its ends; where its name goes."""
    if view is None or event.zone is None:
        return None
    height, width = picture.shape[:2]
    points = view.zones.get(event.zone) or view.lines.get(event.zone)
    if not points:
        return None
    fitted = [(x * width / view.width, y * height / view.height) for x, y in points]
    closed = event.zone in view.zones
    if closed:
        area = picture.copy()
        cv2.fillPoly(area, [_fixed(fitted)], colour, cv2.LINE_AA, _SHIFT)
        cv2.addWeighted(area, 0.10, picture, 0.90, 0, dst=picture)
    _outline(picture, fitted, colour, scale.line, closed=closed)
    if not closed:
        for x, y in (fitted[0], fitted[-1]):
            cv2.circle(picture, (round(x), round(y)), scale.line * 2 + 1, colour, -1, cv2.LINE_AA)
    return min(fitted, key=lambda point: (point[1], point[0]))


_SHIFT = 4  # OpenCV draws in sixteenths of a pixel


def _fixed(points: list[Point]) -> Any:
    return np.round(np.array(points, dtype=np.float64) * (1 << _SHIFT)).astype(np.int32)


def _corners(box: Box) -> list[Point]:
    return [(box.x1, box.y1), (box.x2, box.y1), (box.x2, box.y2), (box.x1, box.y2)]


def _outline(picture: Pixels, points: list[Point], colour: Colour, thickness: int, *, closed: bool) -> None:
    """A thin line over a slightly wider dark one that is half seen through: visible on any ground."""
    shadow = picture.copy()
    cv2.polylines(shadow, [_fixed(points)], closed, _EDGE, thickness + 2, cv2.LINE_AA, _SHIFT)
    cv2.addWeighted(shadow, 0.4, picture, 0.6, 0, dst=picture)
    cv2.polylines(picture, [_fixed(points)], closed, colour, thickness, cv2.LINE_AA, _SHIFT)


def _label(
    picture: Pixels, text: str, at: Point, colour: Colour, scale: _Scale, *, avoid: list[Box], quiet: bool = False
) -> Box | None:
    """A small dark plate with `text` near `at`, inside the picture; None where there is no room for letters."""
    height, width = picture.shape[:2]
    size = scale.text if not quiet else max(_SMALLEST_TEXT, round(scale.text * 0.85))
    bar = 0 if quiet else max(2, scale.line * 2)
    room = width - 2 * scale.gap - bar
    text = _fitted(drawable(text), room, size)
    plate_h = size + 2 * scale.gap
    if not text or plate_h > height / 3:
        return None
    plate_w = _text_width(text, size) + 2 * scale.gap + bar
    left, top = _place(at, plate_w, plate_h, width, height, avoid)
    patch = picture[top : top + plate_h, left : left + plate_w]
    patch[:] = cv2.addWeighted(patch, 0.25, np.full_like(patch, _PLATE), 0.75, 0)
    if bar:
        patch[:, :bar] = colour
    _write(picture, text, (left + bar + scale.gap, top + scale.gap + round(size * 0.83)), size)
    return Box(left, top, left + plate_w, top + plate_h)


def _place(at: Point, wide: int, high: int, width: int, height: int, avoid: list[Box]) -> tuple[int, int]:
    """The plate's corner: above `at`, else below what is to be avoided, else where it hides least; always inside."""
    x, y = at
    left = min(max(0, round(x)), max(0, width - wide))
    tops = [round(y) - high - 1, round(y) + 1, *(round(box.y2) + 2 for box in avoid), 0, height - high]
    inside = [top for top in tops if 0 <= top <= height - high] or [0]

    def hidden(top: int) -> float:
        return sum(Box(left, top, left + wide, top + high).intersection(box) for box in avoid)

    return left, min(inside, key=hidden)


def drawable(text: str) -> str:
    """What can be drawn of `text`: all of it from OpenCV 5 on, else nothing of a name with other than Latin letters."""
    plain = " ".join(text.split())
    if hasattr(cv2, "FontFace"):
        return plain
    return plain if plain.isascii() else ""


def _fitted(text: str, room: int, size: int) -> str:
    """`text` cut to `room` pixels, with dots where something is missing."""
    if _text_width(text, size) <= room:
        return text
    for end in range(len(text) - 1, 0, -1):
        cut = text[:end].rstrip() + "..."
        if _text_width(cut, size) <= room:
            return cut
    return ""


class _Faces(threading.local):
    """Letters of OpenCV, one set for each thread: they are drawn from a cache of their own."""

    def __init__(self) -> None:
        self.sans: Any = cv2.FontFace("sans") if hasattr(cv2, "FontFace") else None


@cache
def _faces() -> _Faces:
    return _Faces()


def _face() -> Any:
    return _faces().sans


def _text_width(text: str, size: int) -> int:
    face = _face()
    if face is not None:
        _, _, width, _ = cv2.getTextSize((1, 1), text, (0, 0), face, size, 500)
        return int(width)
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size / 30, 1)
    return int(width)


def _write(picture: Pixels, text: str, baseline: tuple[int, int], size: int) -> None:
    face = _face()
    if face is not None:
        cv2.putText(picture, text, baseline, _INK, face, size, 500)
    else:
        thickness = max(1, round(size / 16))
        cv2.putText(picture, text, baseline, cv2.FONT_HERSHEY_SIMPLEX, size / 30, _INK, thickness, cv2.LINE_AA)
