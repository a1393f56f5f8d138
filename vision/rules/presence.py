"""Who is in a zone and since when, without flapping at its edge; shared by the rules about zones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vision.geometry import Point, depth
from vision.track.base import Track


@dataclass(slots=True)
class Stay:
    """One object's stay in the zone: from `since` to `until` (seconds), the last time its foot point was inside."""

    track: Track
    since: float
    until: float

    @property
    def seconds(self) -> float:
        """Length of the stay so far."""
        return self.until - self.since


class Presence:
    """Stays in one zone.

    An object is in once its foot point is inside the polygon; it is out once the foot point has been more than `edge`
    pixels outside, or the object gone, for `leave_s` seconds. In between it keeps the state it had.
    """

    def __init__(self, polygon: Sequence[Point], *, edge: float, leave_s: float) -> None:
        self._polygon = polygon
        self._edge = edge
        self._leave_s = leave_s
        self._stays: dict[int, Stay] = {}

    def update(self, tracks: Sequence[Track], t: float) -> tuple[list[Stay], list[Stay]]:
        """The stays that go on, and those that have just ended."""
        going_on = []
        for track in tracks:
            stay = self._stays.get(track.id)
            reach = depth(track.foot, self._polygon)
            if stay is None:
                if reach < 0 or not track.observed:
                    continue
                stay = self._stays[track.id] = Stay(track, t, t)
            elif reach >= -self._edge and track.observed:
                stay.track, stay.until = track, t
            going_on.append(stay)
        ended = [stay for stay in self._stays.values() if t - stay.until >= self._leave_s and stay.until < t]
        for stay in ended:
            del self._stays[stay.track.id]
        return [stay for stay in going_on if stay.track.id in self._stays], ended

    def all(self) -> list[Stay]:
        """Every stay that has not ended."""
        return list(self._stays.values())
