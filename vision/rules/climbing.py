"""Guard: "Somebody is climbing over the wall.".

on the ground --feet rise to the wall's top, body above it, no smaller--> at the top
     |                          |
     |                          +--short of the top, back down--> near miss: "feet 0.62 of body height below the top > 0.45"
     |                          +--hardly larger than a walker--> near miss: "size 0.80 of that on the ground < 0.93"
     |
at the top --sinks behind it, is gone there, comes down----> EVENT (over), closed at once; a body whose size alone does not
     |                                                       tell must sink deep or come down fast, else near miss
     |
     +--------stays there for top_seconds------------------> EVENT (up) --comes down or is gone--> closed

From the far side the same happens in the other order: a body appears over the wall's top, then stands before it: EVENT
(over). The near side is the camera's. Walking past before the wall never brings the feet to its top; walking behind it
hides the legs, so that the box is small and the head no higher than a standing person's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from statistics import median
from typing import Literal

from pydantic import Field

from vision.events import Fact
from vision.geometry import Box
from vision.motion.base import Motion
from vision.rules.ascent import (
    AT_TOP,
    DESCENT,
    GROUND,
    PERSON_M,
    SURE,
    Rise,
    Sample,
    best_rise,
    came_down,
    climbing,
    foot_of_wall,
    measure,
    sample,
    speed,
)
from vision.rules.base import Closed, NearMiss, Opened, Rule, RuleParams, Signal, Subject, Updated, View, register
from vision.rules.lineage import Lineage
from vision.rules.perspective import Perspective, Walk
from vision.track.base import Track

_SURE = 0.5  # a rise so much beyond perspective needs no second look
_TOGETHER = 3  # so many looks in a row are judged together
_SINKS = 0.2  # the head comes down by so much while the feet stay at the top: behind the wall
_SINKS_DEEP = 0.35  # by so much where the size alone does not tell
_LOST_S = 1.6  # not seen for so long: gone; detectors lose who jumps down, and the landing tells the side
_WALKS_S = 0.8  # feet that only walk for so long have landed
_LINKED_S = 4.0
_FORGET_S = 4.5
_SETTLED_S = 0.6  # on the ground for so long, before looking back at where it came from
_JUDGED_S = 2.0  # later the way on the ground would count as well
_WALK = 0.35  # feet that come down slower, in H a second, walk on the ground
_LANDED_S = 2.5  # after so long the side of the landing is judged, walking on or not
_LOWER_EDGE = 0.985
_STILL = 0.2  # feet that move no more than this stay where they are
_BEHIND = 0.13  # feet that come down so much higher in the picture than they went up: behind a fence
_BEFORE = 0.13  # or so much lower: before it; more, as one walks on
_BEYOND = 0.6  # feet so far above the top: somewhere else
_ATTEMPT = 0.25  # a smaller rise is not worth a word

Side = Literal["near", "far"]


class ClimbingParams(RuleParams):
    """Parameters of `climbing`."""

    type: Literal["climbing"] = "climbing"
    line: str = Field(description="Name of the line along the top of the wall or fence.")
    min_rise: float = Field(0.4, gt=0, le=2, description="Least rise of the feet, as a share of the body's height.")
    top_seconds: float = Field(1.0, ge=0, description="Staying on the top for so long is an event too.")
    max_seconds: float = Field(10.0, gt=0, description="Longest time between the ground and the top.")
    camera_m: float = Field(
        6.0,
        gt=0,
        description="Camera's height over the ground in metres, rather more than less; it counts until enough walkers"
        " have shown the perspective.",
    )


@dataclass(slots=True)
class _Ascent:
    """Somebody at the top since `since`; `head` is the highest the box reached, `feet` its lower edge over time."""

    rise: Rise
    since: float
    until: float
    head: float
    foot: float  # when the head was highest
    feet: list[tuple[float, float]]  # since then, in seconds and pixels
    last: Box
    landed: list[Sample] = field(default_factory=list)
    key: str | None = None
    larger: list[float] = field(default_factory=list)  # of every moment at the top

    @property
    def sure(self) -> bool:
        """Whether the body alone tells, however it goes on: for some time much larger than a walker there."""
        return self.largest >= SURE

    @property
    def largest(self) -> float:
        """The third largest, so that no two boxes decide; what sinks behind the wall again does not count."""
        return sorted(self.larger, reverse=True)[:3][-1]

    def steady(self, seconds: float) -> bool:
        """Whether the feet have stayed where they are for so long."""
        now = self.feet[-1][0]
        lately = [y for t, y in self.feet if now - t <= seconds]
        return now - self.feet[0][0] >= seconds and max(lately) - min(lately) <= _STILL * self.rise.ground.tall

    @classmethod
    def at(cls, rises: Sequence[Rise]) -> _Ascent:
        """At the top, as these rises tell."""
        best, box = max(rises, key=lambda r: r.spare), rises[-1].top.box
        larger, feet = [rise.larger for rise in rises], [(rise.top.t, rise.top.box.y2) for rise in rises]
        return cls(best, rises[0].top.t, rises[-1].top.t, box.y1, box.y2, feet, box, larger=larger)

    def stay(self, now: Sample) -> float:
        """Take in a moment at the top; how far the head has sunk behind it. Two boxes together tell, one trembles."""
        box, last, self.last = now.box, self.last, now.box
        self.landed.clear()
        self.until = now.t
        self.feet.append((now.t, box.y2))
        if max(box.y1, last.y1) <= self.head:
            self.head, self.foot = max(box.y1, last.y1), max(box.y2, last.y2)
        sunk = min(box.y1, last.y1) - self.head
        # Somebody who climbs down on this side sinks as a whole; behind the wall the lower edge stays at its top.
        return sunk if min(box.y2, last.y2) - self.foot <= 0.35 * sunk else 0.0

    def land(self, now: Sample) -> list[Sample] | None:
        """Take in a moment on the way down; the moments on the ground once the feet only walk, or after a while."""
        self.landed.append(now)
        for first in self.landed:
            for_s, fell = now.t - first.t, now.box.y2 - first.box.y2
            if (for_s >= _WALKS_S and fell <= _WALK * for_s * self.rise.ground.tall) or for_s >= _LANDED_S:
                return [s for s in self.landed if s.t >= max(first.t, now.t - 2 * _WALKS_S)]
        return None


@dataclass(slots=True)
class _Climber:
    track: Track
    samples: deque[Sample] = field(default_factory=deque)
    hints: list[Rise] = field(default_factory=list)  # seen at the top just now, not yet sure
    ascent: _Ascent | None = None
    nearest: Rise | None = None  # the best attempt that was not enough
    walk: Walk = field(default_factory=Walk)


@register
class Climbing(Rule[ClimbingParams]):
    """One event for each climb."""

    Params = ClimbingParams
    looks_back_s = 4.0

    def __init__(self, params: ClimbingParams, view: View) -> None:
        super().__init__(params, view)
        self._line = self.line(params.line)
        self._climbers: dict[int, _Climber] = {}
        self._number = 0
        self._scene = Perspective(params.camera_m / PERSON_M)
        # Detectors lose people who jump down or stand behind bars; where one was lost, another one starts.
        self._lineage = Lineage((view.width, view.height), within_s=_LINKED_S)

    def step(self, tracks: Sequence[Track], motion: Motion, t: float) -> Iterable[Signal]:
        """See `Rule.step`."""
        for number, track in self._lineage.update(tracks):
            if not track.observed:
                continue
            climber = self._climbers.setdefault(number, _Climber(track))
            climber.track = track
            now = sample(track.box, t, self._line, climber.samples, _LOWER_EDGE * self.view.height)
            if now is None:
                continue
            yield from self._look(climber, now)
            self._learn(climber, now)
            climber.samples.append(now)
            while climber.samples and t - climber.samples[0].t > self.params.max_seconds:
                climber.samples.popleft()
        for id_, climber in list(self._climbers.items()):
            gone_s = t - climber.track.seen_t
            if gone_s >= _LOST_S and climber.ascent is not None:
                yield from self._gone(climber, climber.ascent)
            elif gone_s >= _FORGET_S:
                self._scene.learn(climber.walk)
                yield from self._settle(climber)
                del self._climbers[id_]

    def finish(self, t: float) -> Iterable[Signal]:
        """See `Rule.finish`."""
        for climber in self._climbers.values():
            yield from self._settle(climber)

    def _learn(self, climber: _Climber, now: Sample) -> None:
        """Whoever walks before the wall teaches the perspective; at the top nobody does."""
        if climber.ascent is not None or climber.hints or not now.grounded or not now.upright:
            return
        climber.walk.add(now.box)
        if climber.walk.full:
            self._scene.learn(climber.walk)

    # Up

    def _look(self, climber: _Climber, now: Sample) -> Iterable[Signal]:
        if climber.ascent is not None:
            yield from self._at_top(climber, climber.ascent, now)
            return
        rise = best_rise(climber.samples, now, self._scene)
        if rise is not None and rise.at_top and rise.rise >= self.params.min_rise:
            climber.hints.append(rise)
            if self._sure(climber.hints[-_TOGETHER:]):
                climber.ascent = _Ascent.at(climber.hints[-_TOGETHER:])
                return
        else:
            climber.hints.clear()
        if rise is not None:
            self._remember(climber, rise)
        if now.grounded and climber.samples and climber.samples[-1].grounded:
            yield from self._from_far(climber, now)
            if climber.ascent is None and self._back(climber, now):
                yield from self._settle(climber)

    def _sure(self, rises: Sequence[Rise]) -> bool:
        return climbing(rises) and (len(rises) >= 2 or rises[0].spare >= _SURE)

    def _remember(self, climber: _Climber, rise: Rise) -> None:
        """Keep the best of what was nearly a climb."""
        attempt = rise.climbing and rise.rise >= _ATTEMPT
        shrunk = abs(rise.level) <= AT_TOP and rise.rise >= self.params.min_rise and rise.head >= _ATTEMPT
        if (attempt or shrunk) and (climber.nearest is None or rise.rise > climber.nearest.rise):
            climber.nearest = rise

    def _back(self, climber: _Climber, now: Sample) -> bool:
        """Whether somebody who had risen stands on the ground again."""
        nearest = climber.nearest
        return nearest is not None and now.box.y2 - nearest.top.box.y2 >= 0.7 * nearest.rise * nearest.ground.tall

    # At the top, and down

    def _at_top(self, climber: _Climber, ascent: _Ascent, now: Sample) -> Iterable[Signal]:
        tall = ascent.rise.ground.tall
        level = now.above / tall
        if level > _BEYOND:
            yield from self._end(climber, ascent, "up") if ascent.key else self._unsure(climber, ascent)
        elif level < -AT_TOP:
            yield from self._coming_down(climber, ascent, now)
        else:
            sunk = ascent.stay(now)
            rise = best_rise((s for s in climber.samples if s.t < ascent.since), now, self._scene)
            if rise is not None:
                ascent.larger.append(rise.larger)
            if sunk >= (_SINKS if ascent.sure else _SINKS_DEEP) * tall:
                yield from self._end(climber, ascent, "over", "near")
            elif ascent.key is not None:
                yield Updated(ascent.key, Subject.of(climber.track), facts=_facts(ascent, "up"))
            elif ascent.steady(self.params.top_seconds) and median(ascent.larger) >= SURE:
                yield self._opened(climber, ascent, "up")

    def _coming_down(self, climber: _Climber, ascent: _Ascent, now: Sample) -> Iterable[Signal]:
        """Through a fence both sides can be seen: feet that land higher in the picture than they left are behind it."""
        tall = ascent.rise.ground.tall
        if now.above > -GROUND * tall and now.box.y2 - ascent.rise.top.box.y2 < GROUND * tall:
            return
        landed = ascent.land(now)
        if ascent.key is None and len(ascent.landed) >= 2 and ascent.sure:
            yield self._opened(climber, ascent, "up")
        if landed is None:
            return
        if ascent.key is None and not ascent.sure and speed(ascent.rise, landed[0], ascent.until) < DESCENT:
            yield from self._unsure(climber, ascent)
            return
        top = ascent.rise.top
        before = foot_of_wall([s for s in climber.samples if s.t < ascent.since], top)
        after = foot_of_wall(landed, top)
        nearer = 0.0 if before is None or after is None else (after - before) / tall
        if -_BEHIND <= nearer <= _BEFORE:
            yield from self._end(climber, ascent, "up")
        else:
            yield from self._end(climber, ascent, "over", "near" if nearer < 0 else "far")

    def _gone(self, climber: _Climber, ascent: _Ascent) -> Iterable[Signal]:
        """Last seen at the top, and not on this side, where nothing hides: down behind it."""
        if ascent.key is None and not ascent.sure:
            yield from self._unsure(climber, ascent)
        else:
            yield from self._end(climber, ascent, "up" if ascent.landed else "over", "near")

    def _unsure(self, climber: _Climber, ascent: _Ascent) -> Iterable[Signal]:
        """Gone on as a walker might: a near miss."""
        climber.ascent = None
        climber.hints.clear()
        climber.nearest = None
        rise = ascent.rise
        larger, needed = (share * rise.stray for share in (ascent.largest, SURE))
        gate, text, fraction = "size", f"{larger:.0%} larger than a walker there < {needed:.0%}", larger / needed
        subject = Subject(rise.top.box, climber.track.label, climber.track.score, climber.track.id, rise.top.t)
        start = min(rise.ground.t, ascent.since)
        yield NearMiss(gate, text, start, ascent.until, max(0.0, min(1.0, fraction)), subject, self.params.line)

    def _from_far(self, climber: _Climber, now: Sample) -> Iterable[Signal]:
        """Standing before the wall: was this body on its top before, without having been on the ground?"""
        grounds = [*reversed(list(takewhile(lambda s: s.grounded, reversed(climber.samples)))), now]
        if not _SETTLED_S <= now.t - grounds[0].t <= _JUDGED_S:
            return
        tops = [s for s in climber.samples if s.t < grounds[0].t]
        rises = [r for r in (measure(now, top, self._scene) for top in tops) if r is not None]
        good = [r for r in rises if r.at_top and r.rise >= self.params.min_rise]
        runs = [good[max(0, i - _TOGETHER) : i] for i in range(1, len(good) + 1)]
        between = [s.t for s in climber.samples]
        sure = [run for run in runs[-2 * _TOGETHER :] if self._sure(run) and came_down(run, grounds, between)]
        if sure:
            ascent = _Ascent.at(sure[-1])
            ascent.since, ascent.landed = good[0].top.t, [grounds[0]]
            yield from self._end(climber, ascent, "over", "far")

    # What is said

    def _opened(self, climber: _Climber, ascent: _Ascent, direction: str, side: Side = "near") -> Opened:
        self._number += 1
        ascent.key = str(self._number)
        start = min(_left_ground(climber.samples, ascent.rise), ascent.since)
        top = ascent.rise.top
        subject = Subject(top.box, climber.track.label, climber.track.score, climber.track.id, top.t)
        return Opened(ascent.key, start, subject, self.params.line, facts=_facts(ascent, direction, side))

    def _end(self, climber: _Climber, ascent: _Ascent, direction: str, side: Side = "near") -> Iterable[Signal]:
        if ascent.key is None:
            yield self._opened(climber, ascent, direction, side)
        end = ascent.landed[0].t if ascent.landed else ascent.until
        facts = _facts(ascent, direction, side)
        if direction == "over":
            facts["crossing"] = self._crossing(ascent, side)
        yield Closed(str(ascent.key), end, facts)
        climber.ascent = climber.nearest = None
        climber.hints.clear()
        climber.samples.clear()

    def _crossing(self, ascent: _Ascent, side: Side) -> str:
        """In or out by the direction in which the line was drawn, as for line crossings."""
        x = ascent.rise.top.box.centre[0]
        ends = next(
            (p, q) for p, q in zip(self._line, self._line[1:], strict=False) if min(p[0], q[0]) <= x <= max(p[0], q[0])
        )
        near_is_right = ends[1][0] >= ends[0][0]  # drawn from left to right, its right hand is lower in the picture
        return "in" if near_is_right == (side == "far") else "out"

    def _settle(self, climber: _Climber) -> Iterable[Signal]:
        """What is over without an event: how near it came."""
        rise, climber.nearest = climber.nearest, None
        if climber.ascent is not None:
            if climber.ascent.key is None and climber.ascent.landed and climber.ascent.sure:
                yield from self._end(climber, climber.ascent, "up")
            return
        if rise is None:
            return
        needed = self.params.min_rise
        if not rise.climbing:
            gate, fraction = "size", min(1.0, rise.size / rise.least)
            text = f"size {rise.size:.2f} of that on the ground < {rise.least:.2f}"
        elif rise.level < -AT_TOP:
            gate, fraction = "top", min(1.0, AT_TOP / -rise.level)
            text = f"feet {-rise.level:.2f} of body height below the top > {AT_TOP:g}"
        else:
            gate, fraction = "rise", min(1.0, rise.rise / needed)
            text = f"rise {rise.rise:.2f} < {needed:g} of body height"
        start, end = sorted((rise.ground.t, rise.top.t))
        subject = Subject(rise.top.box, climber.track.label, climber.track.score, climber.track.id, rise.top.t)
        yield NearMiss(gate, text, start, end, fraction, subject, self.params.line)


def _left_ground(samples: Iterable[Sample], rise: Rise) -> float:
    """When the feet were last as low as on the ground."""
    low = rise.ground.box.y2 - 0.1 * rise.ground.tall
    return max((s.t for s in samples if s.t < rise.top.t and s.box.y2 >= low), default=rise.ground.t)


def _facts(ascent: _Ascent, direction: str, side: Side = "near") -> dict[str, Fact]:
    moments = [ascent.rise.ground.t, ascent.since, ascent.until, *(s.t for s in ascent.landed[:1])]
    return {
        "rise_share": ascent.rise.rise,
        "top_s": ascent.until - ascent.since,
        "direction": direction,
        "from_side": side,
        "seconds": max(moments) - min(moments),
    }
