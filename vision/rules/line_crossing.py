"""Guard: "Somebody has just come over the line, inwards.".

clear of the line --anchor cuts the line, clear on the far side--> EVENT, over in the same moment
|
+--cuts the line, back again--> near miss: "4 % of its height past the line < 10 %"
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import Field

from vision.motion.base import Motion
from vision.rules.base import Closed, NearMiss, Opened, Rule, RuleParams, Signal, Subject, View, register
from vision.rules.passage import Anchor, Doubt, Passage, Passages
from vision.track.base import Track


class LineCrossingParams(RuleParams):
    """Parameters of `line_crossing`."""

    type: Literal["line_crossing"] = "line_crossing"
    line: str = Field(description="Name of the line.")
    direction: Literal["in", "out", "both"] = Field(
        "both", description='"in" is from the left to the right hand of who walks the line from first to last point.'
    )
    anchor: Anchor = Field(
        "foot", description="The point of the box that has to cross: foot (middle of the lower edge) or centre."
    )
    margin: float = Field(
        0.1, ge=0, le=1, description="How far before and after the line it must have been, in shares of its box height."
    )


@register
class LineCrossing(Rule[LineCrossingParams]):
    """One event for each passage."""

    Params = LineCrossingParams

    def __init__(self, params: LineCrossingParams, view: View) -> None:
        super().__init__(params, view)
        self._passages = Passages(self.line(params.line), view, margin=params.margin, anchor=params.anchor)
        self._count = 0

    def step(self, tracks: Sequence[Track], motion: Motion, t: float) -> Iterable[Signal]:
        """See `Rule.step`."""
        return self._say(self._passages.update(tracks, t))

    def finish(self, t: float) -> Iterable[Signal]:
        """See `Rule.finish`."""
        return self._say(self._passages.finish())

    def _say(self, results: Sequence[Passage | Doubt]) -> Iterable[Signal]:
        params = self.params
        for result in results:
            subject = Subject.of(result.track)
            if isinstance(result, Doubt):
                yield NearMiss(
                    result.gate, result.text, result.start, result.end, result.fraction, subject, params.line
                )
            elif params.direction not in ("both", result.direction):
                text = f"direction {result.direction}, not {params.direction}"
                yield NearMiss("direction", text, result.t, result.t, 1.0, subject, params.line)
            else:
                self._count += 1
                key = str(self._count)
                facts = {"direction": result.direction, "speed_heights_per_s": result.speed}
                yield Opened(key, result.t, subject, params.line, facts=dict(facts))
                yield Closed(key, result.t)
