"""Guard: "Too many people have gathered there.".

few --as many as `count` in the zone, `seconds` in all--> EVENT --fewer than `count - margin` for leave_seconds--> closed
|
+--came near to `count`, then thinned out--------------> near miss: "7 objects < 8"
+--reached `count`, but not for long enough------------> near miss: "dwell 3.1 s < 5 s"
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from vision.events import Fact
from vision.geometry import Box
from vision.motion.base import Motion
from vision.rules.base import Closed, NearMiss, Opened, Rule, RuleParams, Signal, Subject, Updated, View, register
from vision.rules.presence import Presence, Stay
from vision.track.base import Track

_EDGE = 0.01  # hysteresis at the zone's edge, 0..1 of the picture's diagonal, as in `intrusion`
_NEAR = 0.6  # from this share of `count` on, a gathering that thins out is worth a word


class CrowdParams(RuleParams):
    """Parameters of `crowd`."""

    type: Literal["crowd"] = "crowd"
    zone: str | None = Field(None, description="Name of the zone; default: the whole picture.")
    count: int = Field(8, ge=2, description="So many objects make a crowd.")
    seconds: float = Field(5.0, ge=0, description="How long they must be so many.")
    margin: int | None = Field(
        None, ge=0, description="Objects below `count` that still hold the event open; default: 15 % of it, at least 1."
    )
    leave_seconds: float = Field(3.0, ge=0, description="How long they must be fewer before it is over.")
    hold_seconds: float = Field(1.0, ge=0, description="How long an object that is lost from sight still counts.")

    @property
    def slack(self) -> int:
        """Objects below `count` that still hold the event open."""
        return max(1, round(0.15 * self.count)) if self.margin is None else self.margin


@dataclass(slots=True)
class _Gathering:
    """From `start` on many were there, last at `until`; `dwell` seconds of it as many as `count`."""

    start: float
    until: float
    people_max: int = 0
    dwell: float = 0.0
    reached: float | None = None  # when `count` was first reached
    box: Box | None = None
    score: float | None = None
    label: str | None = None

    @property
    def subject(self) -> Subject:
        return Subject(self.box, self.label, self.score)


@register
class Crowd(Rule[CrowdParams]):
    """One event for each gathering, from build-up to dispersal."""

    Params = CrowdParams

    def __init__(self, params: CrowdParams, view: View) -> None:
        super().__init__(params, view)
        edge = _EDGE * view.diagonal
        self._presence = Presence(self.zone(params.zone), view, edge=edge, leave_s=params.hold_seconds)
        self._now: _Gathering | None = None
        self._open = False
        self._number = 0
        self._before: tuple[float, int] | None = None  # time and count of the step before

    def step(self, tracks: Sequence[Track], motion: Motion, t: float) -> Iterable[Signal]:
        """See `Rule.step`."""
        self._presence.update(tracks, t)
        stays = self._presence.all()
        count, limit = len(stays), self.params.count
        before, self._before = self._before, (t, count)
        if self._now is None:
            if count < _NEAR * limit:
                return
            self._now = _Gathering(t, t)
        now = self._now
        self._grow(now, stays, before, t)
        if self._open:
            yield Updated(str(self._number), now.subject, now.people_max, self._facts(now))
        elif count >= limit and now.dwell >= self.params.seconds and now.reached is not None:
            self._open = True
            self._number += 1
            yield Opened(
                str(self._number), now.reached, now.subject, self.params.zone, now.people_max, self._facts(now)
            )
        if t - now.until >= self.params.leave_seconds and now.until < t:
            yield from self._over(now)

    def finish(self, t: float) -> Iterable[Signal]:
        """See `Rule.finish`."""
        if self._now is not None and not self._open:
            yield from self._over(self._now)

    def _grow(self, now: _Gathering, stays: Sequence[Stay], before: tuple[float, int] | None, t: float) -> None:
        """Take this moment into the gathering; the time since the last step counts if both its ends were crowded."""
        count, limit = len(stays), self.params.count
        if count >= limit:
            now.reached = t if now.reached is None else now.reached
            if before is not None and before[1] >= limit:
                now.dwell += t - before[0]
        if count > now.people_max and stays:
            tracks = [stay.track for stay in stays]
            now.people_max, now.box = count, _around([track.box for track in tracks])
            now.label, now.score = tracks[0].label, sum(track.score for track in tracks) / count
        if count >= self._stays_from(now):
            now.until = t

    def _stays_from(self, now: _Gathering) -> float:
        """The count below which the gathering thins out: lower once it is a crowd, so that it does not flap."""
        limit = self.params.count
        if self._open:
            return max(1, limit - self.params.slack)
        return _NEAR * limit if now.reached is None else limit

    def _over(self, now: _Gathering) -> Iterable[Signal]:
        if self._open:
            yield Closed(str(self._number), now.until, self._facts(now), now.people_max)
        else:
            yield self._missed(now)
        self._now, self._open = None, False

    def _facts(self, now: _Gathering) -> dict[str, Fact]:
        return {"people_max": now.people_max, "dwell_s": now.dwell}

    def _missed(self, now: _Gathering) -> NearMiss:
        limit, seconds = self.params.count, self.params.seconds
        if now.people_max < limit:
            gate, fraction = "count", now.people_max / limit
            text = f"{now.people_max} objects < {limit}"
        else:
            gate, fraction = "dwell", now.dwell / seconds if seconds else 1.0
            text = f"dwell {now.dwell:.1f} s < {seconds:g} s"
        return NearMiss(gate, text, now.start, now.until, fraction, now.subject, self.params.zone)


def _around(boxes: Sequence[Box]) -> Box:
    """The smallest box around all."""
    return Box(min(b.x1 for b in boxes), min(b.y1 for b in boxes), max(b.x2 for b in boxes), max(b.y2 for b in boxes))
