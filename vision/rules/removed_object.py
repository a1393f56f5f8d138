"""Guard: "Something that always stood there is gone.".

    in its place --the reference shows it, the picture no longer--> missing --for `seconds`--> EVENT --back--> closed
                                                                       |
                                                                       +--back before--> near miss: "missing 2.1 s < 10 s"

A person who had stood or sat still and walks off leaves a gap like a thing; where a person's track began in the gap, it was
that person.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vision.events import Fact
from vision.geometry import Box
from vision.rules.base import register
from vision.rules.company import Person
from vision.rules.resting import Thing
from vision.rules.things import Gate, ThingParams, ThingRule

_BEFORE_S, _AFTER_S = 3.0, 1.0  # around the time at which the gap appeared
_OWN_GAP = 0.5  # overlap (share of the gap) with a person's first box by which the gap is the person's own


class RemovedObjectParams(ThingParams):
    """Parameters of `removed_object`."""

    type: Literal["removed_object"] = "removed_object"
    seconds: float = Field(10.0, gt=0, description="How long it must be missing.")


@register
class RemovedObject(ThingRule[RemovedObjectParams]):
    """One event for each thing that is taken away."""

    Params = RemovedObjectParams
    kind = "removed"

    def _attend(self, thing: Thing, t: float) -> None:
        if not thing.people:
            begin, end = thing.begin - _BEFORE_S, thing.since + _AFTER_S
            thing.people = tuple(self._company.near(thing.box, thing.reach, begin, end))

    def _gate(self, thing: Thing) -> Gate | None:
        params, missing = self.params, self._missing_s(thing)
        if missing < params.seconds:
            return "dwell", f"missing {missing:.1f} s < {params.seconds:g} s", missing / params.seconds
        unlike = self._looks(thing)
        if unlike is not None:
            return unlike
        own = max((_own_share(person, thing.box) for person in thing.people), default=0.0)
        if own >= _OWN_GAP:
            text = f"a person stood there: {100 * own:.0f} % of the gap >= {100 * _OWN_GAP:.0f} %"
            return "person", text, _OWN_GAP / own
        return None

    def _start(self, thing: Thing) -> float:
        return thing.since

    @staticmethod
    def _missing_s(thing: Thing) -> float:
        return thing.seen_t - thing.since

    def _facts(self, thing: Thing) -> dict[str, Fact]:
        return {
            "taker_track": self._somebody(thing),
            "missing_s": self._missing_s(thing),
            "area_share": self._share(thing),
            "clarity": thing.region.clarity,
        }


def _own_share(person: Person, gap: Box) -> float:
    """How much of the gap the person's first box covers (0..1); 0 for one who came in over the picture's border."""
    return 0.0 if person.walked_in or gap.area <= 0 else person.first.intersection(gap) / gap.area
