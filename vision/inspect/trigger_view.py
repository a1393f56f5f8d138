"""Triggers in the picture: a part's centre crosses a line, or a part has come to a standstill.

Parts are what differs from the table that the picture's rim shows; from picture to picture the nearest one is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vision.frame import Pixels
from vision.geometry import Point, crossing

_SIDE = 160  # pixels of the longer side: a place to one percent of the picture is enough
_CONTRAST = 18.0  # grey levels between part and table at least
_LOST_S = 0.5  # a part that is not seen for so long has gone
_NEAR = 0.2  # of the picture: so far a part may move from one look to the next


@dataclass(frozen=True, slots=True)
class Blob:
    """Something on the table: its centre and its size in 0..1 of the picture; whether the picture shows all of it."""

    x: float
    y: float
    width: float
    height: float
    whole: bool


@dataclass(slots=True)
class PartTrack:
    """One part on its way; `still_since`, `rest`: since when and where it stands still."""

    number: int
    blob: Blob
    t: float
    still_since: float
    rest: Point
    told: bool = False


def blobs(picture: Pixels, min_share: float) -> list[Blob]:
    """The parts in a picture (BGR uint8 [height, width, 3]) that are at least this share 0..1 of it, the largest first."""
    scale = min(1.0, _SIDE / max(picture.shape[:2]))
    small = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
    rim = np.concatenate([small[:2].reshape(-1, 3), small[-2:].reshape(-1, 3), small[:, :2].reshape(-1, 3)])
    far = np.abs(small - np.median(rim, axis=0)).max(axis=2)
    levels = np.clip(far, 0, 255).astype(np.uint8)
    limit, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    mask = (levels > max(_CONTRAST, min(limit, 60.0))).astype(np.uint8)
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), np.uint8)
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
    many, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    height, width = mask.shape
    found = []
    for x, y, w, h, area in sorted((tuple(int(v) for v in stats[i]) for i in range(1, many)), key=lambda s: -s[4]):
        if area >= min_share * width * height:
            whole = x > 0 and y > 0 and x + w < width and y + h < height
            found.append(Blob((x + w / 2) / width, (y + h / 2) / height, w / width, h / height, whole))
    return found


class PartTracker:
    """Follows parts from picture to picture by their centres."""

    def __init__(self) -> None:
        self.tracks: list[PartTrack] = []
        self._count = 0

    def update(self, seen: Sequence[Blob], t: float) -> list[tuple[PartTrack, Point]]:
        """Every part seen now, with where its centre was before (where it is, for a new one)."""
        self.tracks = [track for track in self.tracks if 0 <= t - track.t <= _LOST_S]
        free, found = list(self.tracks), []
        for blob in seen:
            near = min(free, key=lambda track: _apart(track.blob, blob), default=None)
            if near is not None and _apart(near.blob, blob) <= _NEAR:
                free.remove(near)
                before = (near.blob.x, near.blob.y)
                near.blob, near.t = blob, t
            else:
                self._count += 1
                before = (blob.x, blob.y)
                near = PartTrack(self._count, blob, t, t, before)
                self.tracks.append(near)
            found.append((near, before))
        return found


class LineTrigger:
    """Tells of each part once, when its centre crosses a line (two points in 0..1 of the picture), either way."""

    def __init__(self, line: tuple[Point, Point], min_share: float) -> None:
        self._line, self._min_share = line, min_share
        self._tracker = PartTracker()

    def look(self, picture: Pixels, t: float) -> bool:
        """Whether a part crosses the line with this picture."""
        crossed = False
        for track, before in self._tracker.update(blobs(picture, self._min_share), t):
            now = (track.blob.x, track.blob.y)
            if not track.told and now != before and crossing(before, now, *self._line) is not None:
                track.told = crossed = True
        return crossed


class StandstillTrigger:
    """Tells of each part once, when all of it has stood still for `seconds`; again only once it has gone."""

    def __init__(self, seconds: float, move: float, min_share: float) -> None:
        """`move`: of the picture; what moves less stands still."""
        self._seconds, self._move, self._min_share = seconds, move, min_share
        self._tracker = PartTracker()

    def look(self, picture: Pixels, t: float) -> bool:
        """Whether a part has stood still for long enough with this picture."""
        stands = False
        for track, _ in self._tracker.update(blobs(picture, self._min_share), t):
            blob = track.blob
            if not blob.whole or max(abs(blob.x - track.rest[0]), abs(blob.y - track.rest[1])) > self._move:
                track.still_since, track.rest = t, (blob.x, blob.y)
            elif not track.told and t - track.still_since >= self._seconds:
                track.told = stands = True
        return stands


def _apart(one: Blob, other: Blob) -> float:
    return float(np.hypot(one.x - other.x, one.y - other.y))
