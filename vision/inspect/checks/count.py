"""There are as many as there should be."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from vision.inspect.check import Check, register
from vision.inspect.measure import ThingParams, finding, things, whole_view
from vision.inspect.part import View
from vision.inspect.result import CheckResult


class CountParams(ThingParams):
    """Parameters of counting."""

    type: Literal["count"] = "count"
    least: int = Field(ge=0, description="At least so many things.")
    most: int | None = Field(None, ge=0, description="At most so many; default: as many as `least`.")

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.most is not None and self.most < self.least:
            raise ValueError(f"most ({self.most}) is below least ({self.least})")
        return self


@register
class Count(Check[CountParams]):
    """The number of things."""

    Params = CountParams

    def look(self, view: View) -> CheckResult:
        """How many things there are."""
        least = self.params.least
        most = least if self.params.most is None else self.params.most
        found = things(view, self.params)
        many = len(found)
        away = max(least - many, many - most, 0)
        wanted = f"{least}" if most == least else f"{least} to {most}"
        shown = tuple(finding(view, thing, "counted", away) for thing in found) or (whole_view(view, "missing", away),)
        return CheckResult(
            check=self.params.title,
            outcome="reject" if away else "pass",
            score=float(away),
            threshold=0.5,
            findings=shown if away else (),
            measures={"count": float(many)},
            reasons=(f"{many} found in {view.region}, {wanted} expected",) if away else (),
            region=view.region,
        )
