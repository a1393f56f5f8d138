"""Who was where: the trails of people over the last while, for rules that ask who belongs to a thing."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from vision.geometry import Box
from vision.motion.static import PEOPLE
from vision.rules.base import View
from vision.rules.lineage import Lineage
from vision.track.base import Track

_KEEP_S = 60.0  # trails reach back so far
_EVERY_S = 0.2  # and hold a place every so often
_BORDER = 0.02  # share of the picture's side within which somebody is leaving the picture
_NOW_S = 0.6  # somebody seen no longer ago than this is still there


@dataclass(slots=True)
class Person:
    """One person's trail: times (seconds) and boxes (pixels), oldest first; `track` as last observed."""

    number: int
    track: Track
    trail: deque[tuple[float, Box]] = field(default_factory=deque)
    first: Box = field(init=False)
    walked_in: bool = False

    def __post_init__(self) -> None:
        self.first = self.track.box

    def gap(self, box: Box, begin: float, end: float) -> float | None:
        """How near the person came to `box` from `begin` to `end`, in pixels; None when not seen then."""
        return min((place.gap(box) for t, place in self.trail if begin <= t <= end), default=None)

    def last_near(self, box: Box, reach: float) -> float | None:
        """When the person was last within `reach` pixels of `box`."""
        return next((t for t, place in reversed(self.trail) if place.gap(box) <= reach), None)


class Company:
    """Everybody seen lately, by lasting number. `step` once a sampled picture, with tracks of any class."""

    def __init__(self, view: View) -> None:
        self._size = view.width, view.height
        self._lineage = Lineage(self._size)
        self._people: dict[int, Person] = {}
        self._t = 0.0

    def step(self, tracks: Sequence[Track], t: float) -> None:
        """Take in where everybody is at time `t`."""
        self._t = t
        for number, track in self._lineage.update([track for track in tracks if track.label in PEOPLE]):
            person = self._people.setdefault(number, Person(number, track, walked_in=self._at_border(track.box)))
            if not track.observed:
                continue
            person.track = track
            if len(person.trail) > 1 and t - person.trail[-2][0] < _EVERY_S:
                person.trail.pop()
            person.trail.append((t, track.box))
            while t - person.trail[0][0] > _KEEP_S:
                person.trail.popleft()
        self._people = {number: p for number, p in self._people.items() if t - p.track.seen_t <= _KEEP_S}

    def near(self, box: Box, reach: float, begin: float, end: float) -> list[Person]:
        """Who came within `reach` pixels of `box` from `begin` to `end`, nearest first."""
        gaps = [(person.gap(box, begin, end), person) for person in self._people.values()]
        close = [(gap, person) for gap, person in gaps if gap is not None and gap <= reach]
        return [person for _, person in sorted(close, key=lambda pair: (pair[0], pair[1].number))]

    def here(self, person: Person) -> bool:
        """Whether the person is in the picture now."""
        return self._t - person.track.seen_t <= _NOW_S

    def walked_out(self, person: Person) -> bool:
        """Whether the person was last seen at the picture's border."""
        return self._at_border(person.track.box)

    def _at_border(self, box: Box) -> bool:
        width, height = self._size
        dx, dy = _BORDER * width, _BORDER * height
        return box.x1 <= dx or box.y1 <= dy or box.x2 >= width - dx or box.y2 >= height - dy
