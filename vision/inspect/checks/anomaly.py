"""It looks as good parts do, wherever one looks closely: learned from good parts alone, with `sightline inspect train`."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from vision.inspect.anomaly.model import AnomalyModel, Look
from vision.inspect.check import Assets, Check, CheckParams, register
from vision.inspect.part import View
from vision.inspect.result import CheckResult, Finding

_SHOWN = 10


class AnomalyParams(CheckParams):
    """Parameters of the anomaly check."""

    type: Literal["anomaly"] = "anomaly"
    model: str = Field(description="The model's file, made by `sightline inspect train`.")
    threshold: float | None = Field(
        None, gt=0, description="Reject above this score; default: the threshold that training has set."
    )


@register
class Anomaly(Check[AnomalyParams]):
    """Distance from what good parts look like."""

    Params = AnomalyParams

    def __init__(self, params: AnomalyParams, assets: Assets) -> None:
        """Read the model. Raises ModelError where it is none."""
        super().__init__(params, assets)
        self.model = AnomalyModel.from_bytes(assets.read(params.model), params.model)
        self._threshold = params.threshold or self.model.threshold

    def look(self, view: View) -> CheckResult:
        """Score, heat map and the places that are unlike good parts."""
        title, limit = self.params.title, self._threshold
        try:
            look = self.model.look(view.image, view.mask)
        except ValueError:
            return CheckResult.undecided(title, "nothing of the part can be seen", view.region)
        found = self._findings(view, look) if look.score > limit else ()
        places = f"{len(found)} places" if len(found) > 1 else "one place"
        reason = f"unlike the good parts in {places}: {look.score / limit:.2f} times the limit"
        return CheckResult(
            check=title,
            outcome="reject" if look.score > limit else "pass",
            score=round(look.score, 6),
            threshold=round(limit, 6),
            findings=found,
            reasons=(reason,) if look.score > limit else (),
            heat=look.heat if look.score > limit else np.minimum(look.heat, np.float32(1)),
            region=view.region,
        )

    def _findings(self, view: View, look: Look) -> tuple[Finding, ...]:
        scale = abs(float(np.linalg.det(view.to_native[:, :2])))
        return tuple(
            Finding(view.native_box(box), "anomaly", round(area * scale, 1), round(peak, 3))
            for box, peak, area in look.boxes()[:_SHOWN]
        )
