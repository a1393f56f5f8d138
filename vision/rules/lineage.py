"""Which tracks are one and the same object: a track that starts where and when another was lost takes its place.

Trackers lose people behind pillars and in quick turns, and give them a new number afterwards. Rules that remember
something of an object (its stay in a zone, its side of a line) keep it under the number given here instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vision.geometry import Box
from vision.track.base import Track

_AT_ONCE = 0.5  # how far, in box lengths, a track may start from where the other was lost, with no time between
_DRIFT = 0.75  # so many box lengths further for every second between; a walking person makes about one
_COAST_S = 0.5  # the lost track is taken to keep its speed for at most so long
_TALLER = 2.0  # the same object does not change its longer side by more than this factor meanwhile
_BORDER = 0.01  # this near to the picture's border (share of its side) an object counts as leaving or entering


@dataclass(slots=True)
class _Line:
    number: int
    track: Track


class Lineage:
    """Lasting numbers for objects, beyond those of their tracks.

    `within_s` is the longest time between the last sight of one track and the first of its successor. `size` is the
    picture's width and height in pixels: where one track ends at the border and another starts at the border, one object
    has left and another has come.
    """

    def __init__(self, size: tuple[int, int], *, within_s: float = 2.0) -> None:
        self._size = size
        self._within_s = within_s
        self._lines: dict[int, _Line] = {}
        self._count = 0

    def update(self, tracks: Sequence[Track]) -> list[tuple[int, Track]]:
        """Every track with its object's number."""
        new = [track for track in tracks if track.id not in self._lines and track.observed]
        for track in tracks:
            if track.id in self._lines and track.observed:
                self._lines[track.id].track = track
        for track, heir in self._pairs(new):
            self._lines[heir.id] = _Line(self._lines.pop(track.id).number, heir)
        for track in new:
            if track.id not in self._lines:
                self._count += 1
                self._lines[track.id] = _Line(self._count, track)
        self._forget(tracks)
        return [(self._lines[track.id].number, track) for track in tracks if track.id in self._lines]

    def _forget(self, tracks: Sequence[Track]) -> None:
        """Drop the objects that nobody can succeed any more; a track still followed keeps its number."""
        if not tracks:
            return
        now = max(track.seen_t for track in tracks)
        present = {track.id for track in tracks}
        gone = [
            id_ for id_, at in self._lines.items() if id_ not in present and now - at.track.seen_t > 10 * self._within_s
        ]
        for id_ in gone:
            del self._lines[id_]

    def _pairs(self, new: Sequence[Track]) -> list[tuple[Track, Track]]:
        """Lost tracks with their successors, the nearest first, each taken once."""
        found = []
        for heir in new:
            for line in self._lines.values():
                distance = self._distance(line.track, heir)
                if distance is not None:
                    found.append((distance, line.track, heir))
        pairs = []
        taken: set[int] = set()
        for _, track, heir in sorted(found, key=lambda pair: (pair[0], pair[1].id, pair[2].id)):
            if track.id not in taken and heir.id not in taken:
                taken |= {track.id, heir.id}
                pairs.append((track, heir))
        return pairs

    def _distance(self, lost: Track, heir: Track) -> float | None:
        """How far, in box lengths, the heir is from where the lost one should be; None where it cannot be the same."""
        gap = heir.first_t - lost.seen_t
        if lost.label != heir.label or not 0 < gap <= self._within_s:
            return None
        # The longer side: somebody who falls is as long lying as he was tall.
        small, tall = sorted(max(box.width, box.height) for box in (lost.box, heir.box))
        if small <= 0 or tall / small > _TALLER or (self._at_border(lost.box) and self._at_border(heir.box)):
            return None
        (x, y), (x1, y1), (vx, vy) = lost.box.centre, heir.box.centre, lost.velocity
        coast = min(heir.seen_t - lost.seen_t, _COAST_S)
        stayed, moved = math.hypot(x1 - x, y1 - y), math.hypot(x1 - x - vx * coast, y1 - y - vy * coast)
        distance = min(stayed, moved) / tall
        apart = heir.seen_t - lost.seen_t + max(0.0, heir.blind_s - lost.blind_s)  # with what nobody saw in between
        return distance if distance <= _AT_ONCE + _DRIFT * apart else None

    def _at_border(self, box: Box) -> bool:
        width, height = self._size
        dx, dy = _BORDER * width, _BORDER * height
        return box.x1 <= dx or box.y1 <= dy or box.x2 >= width - dx or box.y2 >= height - dy
