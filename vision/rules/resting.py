"""Static regions of one kind in a zone, followed as things even where their region is lost for a moment or falls apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from vision.geometry import Box, Point, inside
from vision.motion.base import StaticRegion
from vision.motion.static import PEOPLE
from vision.rules.base import Subject
from vision.rules.company import Person
from vision.track.base import Track

_MISSING_S = 2.0  # a thing without a region for so long is gone
_RENEWED_S = 3.0  # a region that rests only since so much later is another thing
_SAME = 0.3  # overlap (IoU) by which a new region is a lost one found again
_MOST_SURE = 0.99  # clarity is no proof
_SURE = 0.5  # a label less sure than this is worse than none
_LABEL = 0.4  # overlap (IoU) by which a detector's object is the thing


@dataclass(slots=True)
class Thing:
    """A thing at rest. Times in seconds; `near_t` is when one of its people was last near it, `people` nearest first."""

    key: str
    region: StaticRegion
    begin: float
    since: float
    seen_t: float
    first_t: float
    present: bool = True
    opened: bool = False
    people: tuple[Person, ...] = ()
    heirs: int = 0
    longest_s: float = 0.0
    near_t: float | None = None
    label: str | None = None
    score: float | None = None
    parts: set[int] = field(default_factory=set)

    @property
    def box(self) -> Box:
        """Where it is, in pixels."""
        return self.region.box

    @property
    def reach(self) -> float:
        """Twice its width (half its height where it is tall and thin), in pixels: as near as its owner stays."""
        return 2 * max(self.box.width, self.box.height / 2)

    def subject(self, track_id: int | None = None) -> Subject:
        """What an event shows."""
        score = min(self.region.clarity, _MOST_SURE) if self.score is None else self.score
        return Subject(self.box, self.label, score, track_id)

    def name(self, tracks: Sequence[Track]) -> None:
        """Take the label of a detected object in the same place; the surest one stays."""
        for track in tracks:
            surer = track.score > max(self.score or 0.0, _SURE)
            if surer and track.label not in PEOPLE and track.box.iou(self.box) >= _LABEL:
                self.label, self.score = track.label, track.score


class Things:
    """The things of one kind with their centre in `zone` (pixels)."""

    def __init__(self, kind: Literal["appeared", "removed"], zone: Sequence[Point]) -> None:
        self._kind = kind
        self._zone = zone
        self._things: dict[str, Thing] = {}
        self._other: dict[int, float] = {}

    def step(self, regions: Sequence[StaticRegion], t: float) -> tuple[list[Thing], list[Thing]]:
        """All things at time `t`, new ones included, and those that have just ended."""
        for thing in self._things.values():
            thing.present = False
        ids = {region.id for region in regions}
        self._other = {number: when for number, when in self._other.items() if number in ids}
        self._other.update({region.id: t for region in regions if region.kind != self._kind})
        fresh = []
        for region in regions:
            thing_or_none = next((x for x in self._things.values() if region.id in x.parts), None)
            if thing_or_none is None:
                fresh.append(region)
            else:
                self._keep(thing_or_none, region, t)
        for region in fresh:
            if region.kind == self._kind and inside(region.box.centre, self._zone):
                self._place(region, t)
        ended = [thing for thing in self._things.values() if t - thing.seen_t >= _MISSING_S]
        for thing in ended:
            del self._things[thing.key]
        return list(self._things.values()), ended

    def all(self) -> list[Thing]:
        """Every thing that has not ended."""
        return list(self._things.values())

    def _keep(self, thing: Thing, region: StaticRegion, t: float) -> None:
        # A thing that has not been reported yet may still turn out to be of the other kind.
        if region.kind != self._kind and not thing.opened:
            return
        if not thing.present or region.area > thing.region.area:
            thing.region = region
        thing.seen_t, thing.present = t, True
        if region.since > thing.since + _RENEWED_S and not thing.opened and len(thing.parts) == 1:
            # Something else lies there now.
            thing.begin = thing.since = region.since
            thing.first_t, thing.people, thing.near_t, thing.label, thing.score = t, (), None, None, None

    def _place(self, region: StaticRegion, t: float) -> None:
        """A region not seen before: a part of a thing, a thing found again, or a new thing."""
        for thing in self._things.values():
            lost = not thing.present and thing.box.iou(region.box) >= _SAME
            piece = (
                thing.box.gap(region.box) <= 0.5 * max(thing.box.width, thing.box.height)
                and abs(region.since - thing.since) <= 3.0
            )
            if lost or piece:
                thing.parts.add(region.id)
                self._keep(thing, region, t)
                return
        # What was taken and is put back counts from then on.
        since = max(region.since, self._other.get(region.id, region.since))
        begin = region.begin if since == region.since else since
        key = str(region.id)
        self._things[key] = Thing(key, region, begin, since, t, t, parts={region.id})
