"""Guard: "Somebody has fallen and does not get up.".

standing --box sinks--> sinking --lying within drop_seconds--> down --still for `seconds`--> EVENT --upright again--> closed
   |                       |                                    |
   |                       |                                    +--up again before--> near miss: "lying 1.2 s < 3 s"
   |                       +--lying, but slowly-----------------> near miss: "drop 2.9 s > 1.5 s"
   |                       +--up again, never lying-------------> near miss: "head down by 0.45 < 0.62 …"
   +--lost, and soon a lying box nearby: the same person

Detectors lose lying people, or the tracker numbers them anew. A lying box that appears where somebody standing has just
been lost takes over that person's stature; somebody seen lying who is then lost, away from the picture's border, is taken
to lie there still (for FAITH_S), unless motion rises from the spot or somebody upright appears there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from vision.events import Fact
from vision.geometry import Box, Point, inside
from vision.motion.base import Motion
from vision.rules.base import Closed, NearMiss, Opened, Rule, RuleParams, Signal, Subject, Updated, View, register
from vision.rules.posture import (
    FLAT_ASPECT,
    FLAT_DROP,
    FLAT_HEIGHT,
    TALL_DROP,
    TALL_HEIGHT,
    StandingHeight,
    Stature,
    aspect,
    posture,
)
from vision.track.base import Track

FAITH_S = 10.0  # so long a person seen lying and then lost counts as lying there
_HANDOVER_S = 3.0  # within this time a lying box can take the place of a lost standing one
_UP_S = 0.5  # upright for so long: up again
_STILL = 0.25  # a lying person whose centre moves further than this share of the standing height is not still
_SETTLE_S = 1.0  # after drop_seconds plus this without lying, the new height is the person's height
_SEATED = 0.32  # head down by less: on a chair, from which one can fall; more is on the ground already
_BORDER = 0.015
_STOOPED = 0.5  # narrower than this for its height, a box has only been cut off or gone further away


class FallParams(RuleParams):
    """Parameters of `fall`."""

    type: Literal["fall"] = "fall"
    seconds: float = Field(3.0, ge=0, description="How long the person must lie still.")
    drop_seconds: float = Field(1.5, gt=0, description="Longest time from upright to lying; slower is lying down.")
    zone: str | None = Field(None, description="Only people whose foot point is in this zone; default: anywhere.")


@dataclass(slots=True)
class _Sinking:
    """From `last_up` (seconds, last seen standing) on; `first` is the first sample after, `before` the last not lying."""

    stature: Stature
    first: float
    before: float
    drop: float = 0.0  # the most the head came down without lying
    wide: float = 0.0  # width over height at that moment
    share: float = 1.0  # height of the box at that moment, as a share of the standing height
    subject: Subject = field(default_factory=Subject)


@dataclass(slots=True)
class _Down:
    """Lying since `reached`; `since` is when the person came to rest at `anchor`."""

    stature: Stature
    reached: float
    drop_s: float
    drop: float
    aspect: float
    since: float
    anchor: Point
    samples: int = 1
    until: float = 0.0
    up_since: float | None = None
    key: str | None = None
    slow: bool = False


@dataclass(slots=True)
class _Person:
    track: Track
    height: StandingHeight = field(default_factory=StandingHeight)
    sinking: _Sinking | None = None
    down: _Down | None = None
    former: set[int] = field(default_factory=set)

    @property
    def stature(self) -> Stature | None:
        for state in (self.down, self.sinking):
            if state is not None:
                return state.stature
        return self.height.stature


@register
class Fall(Rule[FallParams]):
    """One event for each fall after which somebody lies still."""

    Params = FallParams

    def __init__(self, params: FallParams, view: View) -> None:
        super().__init__(params, view)
        self._people: dict[int, _Person] = {}
        self._number = 0

    def step(self, tracks: Sequence[Track], motion: Motion, t: float) -> Iterable[Signal]:
        """See `Rule.step`."""
        seen = {track.id: track for track in tracks if track.observed}
        for track in seen.values():
            person = self._person(track, seen)
            person.track = track
            yield from self._look(person, track.box, t)
        for id_, person in list(self._people.items()):
            if id_ not in seen:
                yield from self._lost(id_, person, motion, t)

    def finish(self, t: float) -> Iterable[Signal]:
        """See `Rule.finish`."""
        for person in self._people.values():
            yield from self._settle(person, t)

    # One person seen

    def _person(self, track: Track, seen: Mapping[int, Track]) -> _Person:
        """Whose track this is: known, somebody lost before, or somebody new."""
        for other in self._people.values():
            if track.id in other.former and other.down is not None and other.down.key is None:
                # The one whose place was taken is back: what lies there is somebody or something else.
                other.down = other.sinking = None
                other.height.clear()
                other.former.clear()
        known = self._people.get(track.id)
        if known is None or known.stature is None:
            heir = self._heir(track, seen)
            known = self._people[track.id] = heir or known or _Person(track)
        return known

    def _look(self, person: _Person, box: Box, t: float) -> Iterable[Signal]:
        if person.down is not None:
            yield from self._lying(person, person.down, box, t)
            return
        stature = person.stature
        now = "standing" if stature is None else posture(box, stature, self.view.height)
        if now == "standing" or stature is None:
            yield from self._settle(person, t)
            person.height.add(box, t)
        elif now == "lying":
            yield from self._reached(person, stature, box, t)
        else:
            yield from self._between(person, stature, box, t)

    def _between(self, person: _Person, stature: Stature, box: Box, t: float) -> Iterable[Signal]:
        sinking = person.sinking
        if sinking is None:
            sinking = person.sinking = _Sinking(stature, t, t)
        sinking.before = t
        if stature.drop(box) > sinking.drop:
            sinking.drop, sinking.wide, sinking.share = stature.drop(box), aspect(box), stature.share(box)
            sinking.subject = Subject.of(person.track)
        if t - stature.t > self.params.drop_seconds + _SETTLE_S and stature.drop(box) < _SEATED:
            # On a chair, or further from the camera: this is the person's height from now on.
            yield from self._settle(person, t)
            person.height.clear()
            person.height.add(box, t)

    def _reached(self, person: _Person, stature: Stature, box: Box, t: float) -> Iterable[Signal]:
        """Lying for the first time. Moments between two samples are taken in their middle, both in one gap a third apart."""
        sinking, person.sinking = person.sinking, None
        first, before = (sinking.first, sinking.before) if sinking else (t, stature.t)
        drop_s = max((t - stature.t) / 3, (before + t - stature.t - first) / 2)
        person.down = down = _Down(
            stature,
            t,
            drop_s,
            stature.drop(box),
            aspect(box),
            t,
            box.centre,
            until=t,
            slow=drop_s > self.params.drop_seconds,
        )
        if down.slow:
            limit = self.params.drop_seconds
            text = f"drop {drop_s:.1f} s > {limit:g} s"
            yield NearMiss("drop_time", text, stature.t, t, limit / drop_s, Subject.of(person.track), self.params.zone)
        elif self.params.seconds == 0:
            yield from self._report(person, down, t)

    # One person down

    def _lying(self, person: _Person, down: _Down, box: Box, t: float) -> Iterable[Signal]:
        share, drop = down.stature.share(box), down.stature.drop(box)
        if posture(box, down.stature, self.view.height) != "lying" and (share > 0.7 or drop < 0.3):
            down.up_since = t if down.up_since is None else down.up_since
            if t - down.up_since >= _UP_S:
                yield from self._settle(person, t)
                person.height.clear()
                person.height.add(box, t)
            return
        down.up_since = None
        down.samples += 1
        (x, y), (ax, ay) = box.centre, down.anchor
        if max(abs(x - ax), abs(y - ay)) > _STILL * down.stature.height and down.key is None:
            down.anchor, down.since = box.centre, t
        # The lowest and flattest tells most of how the person lies.
        down.drop, down.aspect = max(down.drop, drop), max(down.aspect, aspect(box))
        yield from self._report(person, down, t)

    def _report(self, person: _Person, down: _Down, t: float) -> Iterable[Signal]:
        down.until = t
        if down.slow:
            return
        if down.key is not None:
            yield Updated(down.key, Subject.of(person.track), facts=_facts(down))
        elif t - down.since >= self.params.seconds and self._in_zone(person.track):
            self._number += 1
            down.key = str(self._number)
            subject = Subject.of(person.track)
            yield Opened(down.key, down.stature.t, subject, self.params.zone, facts=_facts(down))

    def _in_zone(self, track: Track) -> bool:
        return self.params.zone is None or inside(track.foot, self.zone(self.params.zone))

    # One person out of sight

    def _lost(self, id_: int, person: _Person, motion: Motion, t: float) -> Iterable[Signal]:
        gone_s, down = t - person.track.seen_t, person.down
        if down is not None and down.samples >= 2 and gone_s < FAITH_S and not self._at_border(person.track.box):
            if not _rises(person.track.box, motion, down.stature.height):
                yield from self._report(person, down, t)
        elif gone_s > _HANDOVER_S:
            yield from self._settle(person, t)
            del self._people[id_]

    def _at_border(self, box: Box) -> bool:
        """Whether somebody lying there may have left the picture sideways; `posture` has seen to the lower edge."""
        margin = _BORDER * self.view.width
        return box.x1 <= margin or box.x2 >= self.view.width - margin

    def _heir(self, track: Track, seen: Mapping[int, Track]) -> _Person | None:
        """The lost person whose place a young track takes: lying where that one stood or lay, or up where it lay."""
        best: tuple[float, int] | None = None
        for id_, person in self._people.items():
            stature = person.stature
            if id_ in seen or stature is None:
                continue
            gap = track.first_t - person.track.seen_t
            if person.down is None and (gap > _HANDOVER_S or posture(track.box, stature, self.view.height) != "lying"):
                continue
            distance = _apart(person.track.box, track.box, stature)
            if distance is not None and (best is None or distance < best[0]):
                best = distance, id_
        if best is None:
            return None
        person = self._people.pop(best[1])
        person.former.add(best[1])
        return person

    # The end of a story

    def _settle(self, person: _Person, t: float) -> Iterable[Signal]:
        """Whatever was going on with this person is over: close the event, or say how near it came."""
        sinking, down = person.sinking, person.down
        person.sinking = person.down = None
        zone, subject = self.params.zone, Subject.of(person.track)
        if down is not None and down.key is not None:
            yield Closed(down.key, down.until, _facts(down))
        elif down is not None and not down.slow:
            lying, limit = down.until - down.since, self.params.seconds
            text = f"lying {lying:.1f} s < {limit:g} s"
            yield NearMiss("lying", text, down.stature.t, down.until, lying / limit if limit else 1.0, subject, zone)
        elif sinking is not None and sinking.drop >= FLAT_DROP and sinking.wide >= _STOOPED:
            yield _upheld(sinking, zone)


def _facts(down: _Down) -> dict[str, Fact]:
    return {
        "drop_share": down.drop,
        "drop_s": down.drop_s,
        "aspect_before": down.stature.aspect,
        "aspect_after": down.aspect,
        "lying_s": down.until - down.since,
    }


def _upheld(sinking: _Sinking, zone: str | None) -> NearMiss:
    """The near miss of somebody who sank, but not to the ground."""
    drop, wide, share = sinking.drop, sinking.wide, sinking.share
    if wide >= FLAT_ASPECT or drop >= TALL_DROP:
        limit = FLAT_HEIGHT if wide >= FLAT_ASPECT else TALL_HEIGHT
        gate, fraction = "height", limit / max(share, limit)
        text = f"box height {share:.2f} > {limit:g} of standing height"
        if share <= limit:
            gate, text = (
                "edge",
                f"box {wide:.2f} < {FLAT_ASPECT:g} wide for its height, cut off by the picture's lower edge",
            )
    else:
        gate, fraction = "posture", max(drop / TALL_DROP, wide / FLAT_ASPECT)
        text = f"head down by {drop:.2f} < {TALL_DROP:g} of standing height, width over height {wide:.2f} < {FLAT_ASPECT:g}"
    return NearMiss(gate, text, sinking.stature.t, sinking.before, min(1.0, fraction), sinking.subject, zone)


def _apart(lost: Box, new: Box, stature: Stature) -> float | None:
    """How far, in standing heights, a new box is from where a person was lost; None where it cannot be the same."""
    tall = stature.height
    dx = abs(new.centre[0] - lost.centre[0]) / tall
    dy = (new.y2 - lost.y2) / tall
    # A body falls at most its own length away from its feet; towards the camera it comes down lower in the picture.
    if dx > 1.3 or not -0.6 <= dy <= 0.9 or new.width > 1.6 * tall:
        return None
    return dx + abs(dy)


def _rises(lying: Box, motion: Motion, tall: float) -> bool:
    """Whether something moves at the spot that reaches clearly above a lying person."""
    return any(region.intersection(lying) > 0 and region.y1 < lying.y1 - 0.4 * tall for region in motion.regions)
