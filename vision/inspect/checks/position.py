"""It sits where it should, and as it should: place and angle."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from vision.inspect.check import Check, register
from vision.inspect.measure import Thing, ThingParams, finding, size, things, uncalibrated, whole_view
from vision.inspect.part import View
from vision.inspect.result import CheckResult

Share = Annotated[float, Field(ge=0, le=1)]


class PositionParams(ThingParams):
    """Parameters of position and angle."""

    type: Literal["position"] = "position"
    at: tuple[Share, Share] | None = Field(
        None, description="Where its middle should be, in 0..1 of the region; default: where the reference has it."
    )
    tolerance_mm: float | None = Field(None, gt=0, description="How far off it may be; needs a calibration.")
    tolerance: float = Field(1.0, gt=0, le=100, description="The same in percent of the part's longer side.")
    angle: float | None = Field(
        None,
        ge=-90,
        le=90,
        description="Angle of its longer side, degrees counter-clockwise; default: the reference's.",
    )
    angle_tolerance: float | None = Field(
        None, gt=0, le=90, description="How far the angle may be off, degrees; without it the angle does not count."
    )


@register
class Position(Check[PositionParams]):
    """Place and angle of the largest thing within their tolerances."""

    Params = PositionParams

    def look(self, view: View) -> CheckResult:
        """Where the largest thing is and how it lies."""
        params = self.params
        if params.tolerance_mm is not None and view.calibration is None:
            return uncalibrated(params.title, view)
        model = self._model(view)
        if model is None and (params.at is None or (params.angle_tolerance and params.angle is None)):
            reason = f"where it should be in {view.region} is not known: the reference shows nothing there; give `at`"
            return CheckResult.undecided(params.title, reason, view.region)
        found = things(view, params)
        if not found:
            return CheckResult(params.title, "reject", 2.0, 1.0, (whole_view(view, "missing", 2.0),),
                               reasons=(f"nothing is in {view.region}",), region=view.region)  # fmt: skip
        return self._judged(view, found[0], model)

    def _model(self, view: View) -> Thing | None:
        """The thing as the reference has it."""
        if view.reference is None:
            return None
        found = things(replace(view, image=view.reference), self.params)
        return found[0] if found else None

    def _judged(self, view: View, thing: Thing, model: Thing | None) -> CheckResult:
        params = self.params
        width, height = view.size
        wanted = model.centre if params.at is None and model is not None else params.at or (0.5, 0.5)
        if params.at is not None:
            wanted = params.at[0] * width, params.at[1] * height
        shift, unit, allowed = self._shift(view, thing, wanted)
        score, reasons = shift / allowed, []
        if shift > allowed:
            reasons.append(f"sits {shift:.2f} {unit} from its place, allowed {allowed:g}")
        measures = {f"shift_{'mm' if unit == 'mm' else 'percent'}": shift, "angle_deg": size(thing.outline).angle_deg}
        if params.angle_tolerance is not None:
            target = params.angle if params.angle is not None else size(model.outline).angle_deg if model else 0.0
            turned = (measures["angle_deg"] - target + 90) % 180 - 90
            measures["turned_deg"] = turned
            score = max(score, abs(turned) / params.angle_tolerance)
            if abs(turned) > params.angle_tolerance:
                reasons.append(f"turned by {turned:.1f}°, allowed {params.angle_tolerance:g}°")
        return CheckResult(
            check=params.title,
            outcome="reject" if score > 1 else "pass",
            score=score,
            threshold=1.0,
            findings=(finding(view, thing, "out of place", score),) if score > 1 else (),
            measures=measures,
            reasons=tuple(reasons),
            region=view.region,
        )

    def _shift(self, view: View, thing: Thing, wanted: tuple[float, float]) -> tuple[float, str, float]:
        """How far the thing is off, in which unit, and how far it may be."""
        pair = np.array([thing.centre, wanted])
        if self.params.tolerance_mm is not None:
            mm = view.mm(pair)
            assert mm is not None  # asked for before
            return float(np.hypot(*(mm[0] - mm[1]))), "mm", self.params.tolerance_mm
        return 100 * float(np.hypot(*(pair[0] - pair[1]))) / view.whole_px, "% of the part", self.params.tolerance
