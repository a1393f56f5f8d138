"""Who is in a zone and since when, without flapping at its edge; shared by the rules about zones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vision.geometry import Point, depth
from vision.rules.base import View
from vision.rules.lineage import Lineage
from vision.track.base import Track


@dataclass(slots=True)
class Stay:
    """One object's stay in the zone: from `since` to `until` (seconds), the last time its foot point was inside.

    `key` names the object's stay; it lasts when the object's track breaks off and another takes its place.
    """

    key: str
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

    def __init__(self, polygon: Sequence[Point], view: View, *, edge: float, leave_s: float) -> None:
        self._polygon = polygon
        self._edge = edge
        self._leave_s = leave_s
        self._lineage = Lineage((view.width, view.height), within_s=min(2.0, leave_s))
        self._stays: dict[int, Stay] = {}
        self._count = 0

    def update(self, tracks: Sequence[Track], t: float) -> tuple[list[Stay], list[Stay]]:
        """The stays that go on (of objects in sight), and those that have just ended."""
        going_on = []
        for number, track in self._lineage.update(tracks):
            stay = self._stays.get(number)
            reach = depth(track.foot, self._polygon)
            if stay is None:
                if reach < 0 or not track.observed:
                    continue
                self._count += 1
                stay = self._stays[number] = Stay(str(self._count), track, t, t)
            elif reach >= -self._edge and track.observed:
                stay.track, stay.until = track, t
            going_on.append(stay)
        ended = {n: stay for n, stay in self._stays.items() if t - stay.until >= self._leave_s and stay.until < t}
        for number in ended:
            del self._stays[number]
        return [stay for stay in going_on if stay.key not in {gone.key for gone in ended.values()}], list(
            ended.values()
        )

    def all(self) -> list[Stay]:
        """Every stay that has not ended."""
        return list(self._stays.values())
