"""It is as long, as wide, as large as it should be."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from vision.inspect.check import Check, register
from vision.inspect.measure import Size, ThingParams, finding, in_unit, off, size, things, uncalibrated, whole_view
from vision.inspect.part import View
from vision.inspect.result import CheckResult


def _ordered(span: tuple[float, float]) -> tuple[float, float]:
    if span[0] > span[1]:
        raise ValueError(f"the least ({span[0]:g}) is above the most ({span[1]:g})")
    return span


Span = Annotated[tuple[float, float], AfterValidator(_ordered)]
_SIDES = ("length", "width", "diameter", "area")


class SizeParams(ThingParams):
    """Parameters of sizes; each is the least and the most that is allowed."""

    type: Literal["size"] = "size"
    unit: Literal["mm", "px"] = Field("mm", description="Unit of the sizes; mm needs a calibration.")
    length: Span | None = Field(None, description="Longer side of the smallest rectangle around the largest thing.")
    width: Span | None = Field(None, description="Its shorter side.")
    diameter: Span | None = Field(None, description="Diameter of a disc of the same area.")
    area: Span | None = Field(None, description="Area, in square units.")

    @model_validator(mode="after")
    def _any(self) -> Self:
        if all(getattr(self, side) is None for side in _SIDES):
            raise ValueError(f"size needs at least one of {', '.join(_SIDES)}: [least, most]")
        return self


@register
class SizeCheck(Check[SizeParams]):
    """Sizes of the largest thing within their tolerances."""

    Params = SizeParams

    def look(self, view: View) -> CheckResult:
        """The sizes of the largest thing."""
        params = self.params
        if params.unit == "mm" and view.calibration is None:
            return uncalibrated(params.title, view)
        found = things(view, params)
        if not found:
            return CheckResult(params.title, "reject", 2.0, 1.0, (whole_view(view, "missing", 2.0),),
                               reasons=(f"nothing to measure in {view.region}",), region=view.region)  # fmt: skip
        outline = in_unit(view, found[0].outline, params.unit)
        assert outline is not None  # the calibration was asked for above
        measured = size(outline)
        away = {side: off(getattr(measured, side), span) for side in _SIDES if (span := getattr(params, side))}
        worst = max(away.values())
        reasons = tuple(self._told(side, measured) for side, value in away.items() if value > 1)
        return CheckResult(
            check=params.title,
            outcome="reject" if worst > 1 else "pass",
            score=worst,
            threshold=1.0,
            findings=(finding(view, found[0], "wrong size", worst),) if worst > 1 else (),
            measures={f"{side}_{self._unit(side)}": getattr(measured, side) for side in _SIDES},
            reasons=reasons,
            region=view.region,
        )

    def _unit(self, side: str) -> str:
        return f"{self.params.unit}2" if side == "area" else self.params.unit

    def _told(self, side: str, measured: Size) -> str:
        low, high = getattr(self.params, side)
        unit = self._unit(side).replace("2", "²")
        return f"{side} {getattr(measured, side):.3f} {unit}, allowed {low:g} to {high:g}"
