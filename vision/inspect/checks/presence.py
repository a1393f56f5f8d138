"""Something is there: a screw, a clip, a drop of glue. Or: nothing is."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vision.inspect.check import Check, register
from vision.inspect.measure import ThingParams, finding, things, whole_view
from vision.inspect.part import View
from vision.inspect.result import CheckResult


class PresenceParams(ThingParams):
    """Parameters of presence."""

    type: Literal["presence"] = "presence"
    present: bool = Field(True, description="Whether something is to be there.")


@register
class Presence(Check[PresenceParams]):
    """At least one thing, or none."""

    Params = PresenceParams

    def look(self, view: View) -> CheckResult:
        """Whether there is a thing."""
        title, wanted = self.params.title, self.params.present
        found = things(view, self.params)
        share = 100 * found[0].area_px / (view.size[0] * view.size[1]) if found else 0.0
        good = bool(found) == wanted
        # there is no more or less in being there: 0 is right, 1 is wrong
        shown = () if good else (finding(view, found[0], "not wanted", 1) if found else whole_view(view, "missing", 1),)
        reason = f"nothing is in {view.region}" if wanted else f"something is in {view.region} that should not be"
        return CheckResult(
            check=title,
            outcome="pass" if good else "reject",
            score=0.0 if good else 1.0,
            threshold=0.5,
            findings=shown,
            measures={"area_percent": share},
            reasons=() if good else (reason,),
            region=view.region,
        )
