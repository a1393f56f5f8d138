"""Guard: "Somebody has put something down there and gone away.".

           comes to rest            owner further away than twice its width       for `seconds`
    (none) -------------> attended -----------------------------------------> unattended ------> EVENT --gone--> closed
                              ^------------- the owner comes back ------------------|
                              |
                              +--gone, or the owner never left--> near miss: "unattended 6.2 s < 15 s"

The owner is whoever was nearest when it came to rest; others who stood there then count as the owner's company. People
who come by later change nothing. Where nobody was seen to leave it (no owner, or the owner was lost right there, so that
the region may be the person), it takes twice as long; one of a person's size where a person was lost never counts.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vision.events import Fact
from vision.rules.base import register
from vision.rules.company import Person
from vision.rules.resting import Thing
from vision.rules.things import Gate, ThingParams, ThingRule

_BEFORE_S, _AFTER_S = 2.0, 1.0  # around the time at which the thing came to rest
_DOUBT = 2.0  # so many times longer where nobody was seen to leave it
_HEIR_S, _MOST_HEIRS = 5.0, 2  # how soon after the owner was lost, and how often, somebody new is taken for the owner
# A region of this share of the lost person's box is the person, standing or sitting; an upright suitcase is under 0.3.
_PERSON_SIZE = 0.4


class LeftObjectParams(ThingParams):
    """Parameters of `left_object`."""

    type: Literal["left_object"] = "left_object"
    seconds: float = Field(15.0, gt=0, description="How long it must lie there with its owner gone.")


@register
class LeftObject(ThingRule[LeftObjectParams]):
    """One event for each thing that is left behind."""

    Params = LeftObjectParams
    kind = "appeared"

    def _attend(self, thing: Thing, t: float) -> None:
        """Who belongs to the thing, and when one of them was last near it."""
        if not thing.people:
            # A thing is seen at rest only once its owner steps aside, which may be long after it was put down.
            since, until = thing.since - _BEFORE_S, max(thing.since + _AFTER_S, thing.first_t)
            thing.people = tuple(self._company.near(thing.box, thing.reach / 2, since, until))
            if not thing.people and t - thing.first_t < _AFTER_S:
                thing.people = tuple(self._company.near(thing.box, thing.reach / 2, thing.begin - _BEFORE_S, until))
        if thing.opened:
            return
        lost = self._lost_there(thing)
        if lost is not None and thing.heirs < _MOST_HEIRS:
            known = {person.number for person in thing.people}
            now = [person for person in self._company.near(thing.box, thing.reach, t, t) if person.number not in known]
            heirs = [person for person in now if _same(lost, person)][:1]
            thing.people += tuple(heirs)
            thing.heirs += len(heirs)
        near = [person.last_near(thing.box, thing.reach) for person in thing.people]
        moments = [moment for moment in (*near, thing.near_t) if moment is not None]
        thing.near_t = max(moments, default=None)
        thing.longest_s = max(thing.longest_s, self._unattended_s(thing))

    def _unattended_s(self, thing: Thing) -> float:
        left = thing.since if thing.near_t is None else max(thing.since, thing.near_t)
        return max(0.0, thing.seen_t - left)

    def _lost_there(self, thing: Thing) -> Person | None:
        """The last of its people, when that one was neither seen going away nor is here."""
        last = max(thing.people, key=lambda person: person.track.seen_t, default=None)
        if last is None or self._company.here(last) or self._company.walked_out(last):
            return None
        return last if last.track.box.gap(thing.box) <= thing.reach else None

    def _gate(self, thing: Thing) -> Gate | None:
        params, unattended = self.params, self._unattended_s(thing)
        lost = self._lost_there(thing)
        limit = params.seconds * (1.0 if thing.near_t is not None and lost is None else _DOUBT)
        if unattended < limit:
            longest = min(thing.longest_s, limit)
            return "dwell", f"unattended {longest:.1f} s < {limit:g} s", longest / limit
        unlike = self._looks(thing)
        if unlike is not None:
            return unlike
        like = 0.0 if lost is None else thing.box.area / max(1.0, lost.track.box.area)
        if like >= _PERSON_SIZE:
            text = f"a person was lost there: {100 * like:.0f} % of the size >= {100 * _PERSON_SIZE:g} %"
            return "separation", text, _PERSON_SIZE / like
        return None

    def _start(self, thing: Thing) -> float:
        return thing.seen_t - self._unattended_s(thing)

    def _facts(self, thing: Thing) -> dict[str, Fact]:
        return {
            "owner_track": self._somebody(thing),
            "owner_left_at_s": thing.near_t,
            "unattended_s": self._unattended_s(thing),
            "attended_s": 0.0 if thing.near_t is None else max(0.0, thing.near_t - thing.begin),
            "static_s": thing.seen_t - thing.since,
            "area_share": self._share(thing),
            "clarity": thing.region.clarity,
        }


def _same(lost: Person, new: Person) -> bool:
    """Whether `new` is `lost` again: turned up soon after, where that one was lost, without having come from anywhere."""
    height, before = new.first.height, lost.track.box.height
    near = new.first.gap(lost.track.box) <= 0.3 * before and 0.6 <= height / max(1.0, before) <= 1.6
    return near and not new.walked_in and 0 <= new.trail[0][0] - lost.track.seen_t <= _HEIR_S
