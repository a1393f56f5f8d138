"""Guard: "Something that always stood there is gone.".

    in its place --the reference shows it, the picture no longer--> missing --for `seconds`--> EVENT --back--> closed
                                                                       |
                                                                       +--back before--> near miss: "missing 2.1 s < 10 s"

A person who had stood or sat still and walks off leaves a gap like a thing; where a person's track began in the gap, it was
that person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import Field

from vision.events import Fact
from vision.geometry import Box
from vision.motion.base import Motion
from vision.rules.base import Closed, NearMiss, Opened, Rule, Signal, Updated, View, register
from vision.rules.company import Company, Person
from vision.rules.resting import Thing, ThingParams, Things, unlike_a_thing
from vision.track.base import Track

_BEFORE_S, _AFTER_S = 3.0, 1.0  # around the time at which the gap appeared
_WORTH_TELLING = 0.3  # near misses nearer than this share of the limit are told
_OWN_GAP = 0.5  # overlap (share of the gap) with a person's first box by which the gap is the person's own


class RemovedObjectParams(ThingParams):
    """Parameters of `removed_object`."""

    type: Literal["removed_object"] = "removed_object"
    seconds: float = Field(10.0, gt=0, description="How long it must be missing.")


@register
class RemovedObject(Rule[RemovedObjectParams]):
    """One event for each thing that is taken away."""

    Params = RemovedObjectParams
    needs = frozenset({"tracks", "static"})
    default_classes = None
    class_free = True

    def __init__(self, params: RemovedObjectParams, view: View) -> None:
        super().__init__(params, view)
        self._things = Things("removed", self.zone(params.zone))
        self._company = Company(view)

    def step(self, tracks: Sequence[Track], motion: Motion, t: float) -> Iterable[Signal]:
        """See `Rule.step`."""
        self._company.step(tracks, t)
        things, ended = self._things.step(motion.static, t)
        for thing in things:
            if not thing.people:
                begin, end = thing.begin - _BEFORE_S, thing.since + _AFTER_S
                thing.people = tuple(self._company.near(thing.box, thing.reach, begin, end))
            if thing.present:
                yield from self._tell(thing)
        yield from (signal for thing in ended for signal in self._end(thing))

    def finish(self, t: float) -> Iterable[Signal]:
        """See `Rule.finish`."""
        yield from (signal for thing in self._things.all() if not thing.opened for signal in self._end(thing))

    def _gate(self, thing: Thing) -> tuple[str, str, float] | None:
        """What speaks against an event: gate, words with both numbers, and how near it came (0..1)."""
        params, missing = self.params, self._missing_s(thing)
        if missing < params.seconds:
            return "dwell", f"missing {missing:.1f} s < {params.seconds:g} s", missing / params.seconds
        unlike = unlike_a_thing(thing, self._share(thing), params)
        if unlike is not None:
            return unlike
        own = max((_own_share(person, thing.box) for person in thing.people), default=0.0)
        if own >= _OWN_GAP:
            text = f"a person stood there: {100 * own:.0f} % of the gap >= {100 * _OWN_GAP:.0f} %"
            return "person", text, _OWN_GAP / own
        return None

    def _tell(self, thing: Thing) -> Iterable[Signal]:
        if thing.opened:
            yield Updated(thing.key, facts=self._facts(thing))
        elif self._gate(thing) is None:
            thing.opened = True
            subject = thing.subject(self._taker(thing))
            yield Opened(thing.key, thing.since, subject, self.params.zone, facts=self._facts(thing))

    def _end(self, thing: Thing) -> Iterable[Signal]:
        if thing.opened:
            yield Closed(thing.key, thing.seen_t, self._facts(thing))
            return
        gate = self._gate(thing)
        if gate is not None and gate[2] >= _WORTH_TELLING and self._share(thing) >= self.params.min_area / 2:
            name, text, fraction = gate
            subject = thing.subject(self._taker(thing))
            yield NearMiss(name, text, thing.since, thing.seen_t, min(1.0, fraction), subject, self.params.zone)

    def _share(self, thing: Thing) -> float:
        return thing.region.area / (self.view.width * self.view.height)

    @staticmethod
    def _missing_s(thing: Thing) -> float:
        return thing.seen_t - thing.since

    @staticmethod
    def _taker(thing: Thing) -> int | None:
        return thing.people[0].track.id if thing.people else None

    def _facts(self, thing: Thing) -> dict[str, Fact]:
        return {
            "taker_track": self._taker(thing),
            "missing_s": self._missing_s(thing),
            "area_share": self._share(thing),
            "clarity": thing.region.clarity,
        }


def _own_share(person: Person, gap: Box) -> float:
    """How much of the gap the person's first box covers (0..1); 0 for one who came in over the picture's border."""
    return 0.0 if person.walked_in or gap.area <= 0 else person.first.intersection(gap) / gap.area
