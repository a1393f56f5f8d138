"""Inspector: "There is a hole in the cloth.".

not seen --a defect's box in the zone for min_seconds--> EVENT --out of the zone or lost for leave_seconds--> closed
|
+--gone again before--> near miss: "seen 0.1 s < 0.2 s"

For a detector whose classes are defects, over material without an end (cloth, foil, sheet). Single parts are judged by the
config's `inspection:`; its verdicts are events of this type, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from vision.events import Fact
from vision.geometry import inside
from vision.inspect.place import of_part
from vision.motion.base import Motion
from vision.rules.base import Closed, NearMiss, Opened, Rule, RuleParams, Signal, Subject, Updated, View, register
from vision.track.base import Track


class DefectParams(RuleParams):
    """Parameters of `defect`."""

    type: Literal["defect"] = "defect"
    zone: str | None = Field(None, description="Name of the zone that is inspected; default: the whole picture.")
    min_seconds: float = Field(0.2, ge=0, description="How long a defect must be seen: a glint is none.")
    leave_seconds: float = Field(0.5, ge=0, description="How long it must be gone before the event closes.")


@dataclass(slots=True)
class _Seen:
    """A defect that is or was in the zone; `largest` in percent of the picture's width."""

    track: Track
    since: float
    until: float
    largest: float
    open: bool = False


@register
class Defect(Rule[DefectParams]):
    """One event for each defect that the detector sees; verdicts on single parts have this type, too."""

    Params = DefectParams
    default_classes = None

    def __init__(self, params: DefectParams, view: View) -> None:
        super().__init__(params, view)
        self._zone = self.zone(params.zone)
        self._seen: dict[int, _Seen] = {}

    def step(self, tracks: Sequence[Track], motion: Motion, t: float) -> Iterable[Signal]:
        """See `Rule.step`."""
        for track in tracks:
            if inside(track.box.centre, self._zone):
                yield from self._present(track, t)
        for number, seen in list(self._seen.items()):
            if t - seen.until > self.params.leave_seconds:
                del self._seen[number]
                yield from self._gone(number, seen)

    def finish(self, t: float) -> Iterable[Signal]:
        """See `Rule.finish`."""
        for number, seen in self._seen.items():
            if not seen.open:
                yield from self._gone(number, seen)

    def _present(self, track: Track, t: float) -> Iterable[Signal]:
        box = track.box
        side = 100 * max(box.x2 - box.x1, box.y2 - box.y1) / self.view.width
        seen = self._seen.setdefault(track.id, _Seen(track, t, t, side))
        seen.track, seen.until, seen.largest = track, t, max(seen.largest, side)
        if seen.open:
            yield Updated(str(track.id), Subject.of(track), facts=self._facts(seen))
        elif t - seen.since >= self.params.min_seconds:
            seen.open = True
            yield Opened(str(track.id), seen.since, Subject.of(track), self.params.zone, facts=self._facts(seen))

    def _gone(self, number: int, seen: _Seen) -> Iterable[Signal]:
        if seen.open:
            yield Closed(str(number), seen.until, self._facts(seen))
            return
        lasted, limit = seen.until - seen.since, self.params.min_seconds
        text = f"seen {lasted:.1f} s < {limit:g} s"
        near = lasted / limit if limit else 1.0
        yield NearMiss("seen", text, seen.since, seen.until, near, Subject.of(seen.track), self.params.zone)

    def _facts(self, seen: _Seen) -> dict[str, Fact]:
        box, view = seen.track.box, self.view
        low = (2 * box.x1 / view.width - 1, 2 * box.y1 / view.height - 1)
        high = (2 * box.x2 / view.width - 1, 2 * box.y2 / view.height - 1)
        where = of_part(low, high, seen.largest / 100)
        return {
            "kind": seen.track.label or "defect",
            "place": where.place,
            "places": list(where.places),
            "extent": where.extent,
            "extents": list(where.extents),
            "extent_percent": where.percent,
            "seen_s": seen.until - seen.since,
        }
