"""Guard: "Somebody is in the yard who has no business there.".

outside --foot point in the zone--> inside --for min_seconds--> EVENT --out of the zone for leave_seconds--> closed
|
+--out again before--> near miss: "dwell 0.6 s < 1 s"
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import Field

from vision.motion.base import Motion
from vision.rules.base import Closed, NearMiss, Opened, Rule, RuleParams, Signal, Subject, Updated, View, register
from vision.rules.presence import Presence, Stay
from vision.track.base import Track


class IntrusionParams(RuleParams):
    """Parameters of `intrusion`."""

    type: Literal["intrusion"] = "intrusion"
    zone: str | None = Field(None, description="Name of the zone; default: the whole picture.")
    min_seconds: float = Field(1.0, ge=0, description="How long the foot point must be in the zone.")
    leave_seconds: float = Field(1.0, ge=0, description="How long it must be out (or lost) before the event closes.")
    edge: float = Field(0.01, ge=0, le=0.2, description="Hysteresis at the zone's edge, 0..1 of the diagonal.")


@register
class Intrusion(Rule[IntrusionParams]):
    """One event for each object in the zone."""

    Params = IntrusionParams

    def __init__(self, params: IntrusionParams, view: View) -> None:
        super().__init__(params, view)
        edge = params.edge * view.diagonal
        self._presence = Presence(self.zone(params.zone), view, edge=edge, leave_s=params.leave_seconds)
        self._open: set[str] = set()

    def step(self, tracks: Sequence[Track], motion: Motion, t: float) -> Iterable[Signal]:
        """See `Rule.step`."""
        inside, left = self._presence.update(tracks, t)
        for stay in inside:
            subject = Subject.of(stay.track)
            if stay.key in self._open:
                yield Updated(stay.key, subject, facts={"dwell_s": stay.seconds})
            elif stay.seconds >= self.params.min_seconds:
                self._open.add(stay.key)
                yield Opened(stay.key, stay.since, subject, self.params.zone, facts={"dwell_s": stay.seconds})
        yield from (self._left(stay) for stay in left)

    def finish(self, t: float) -> Iterable[Signal]:
        """See `Rule.finish`."""
        yield from (self._left(stay) for stay in self._presence.all() if stay.key not in self._open)

    def _left(self, stay: Stay) -> Signal:
        if stay.key in self._open:
            self._open.discard(stay.key)
            return Closed(stay.key, stay.until, {"dwell_s": stay.seconds})
        limit = self.params.min_seconds
        return NearMiss(
            "dwell",
            f"dwell {stay.seconds:.1f} s < {limit:g} s",
            stay.since,
            stay.until,
            stay.seconds / limit if limit else 1.0,
            Subject.of(stay.track),
            self.params.zone,
        )
