"""It has the right colour."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from vision.frame import Pixels
from vision.inspect.check import Check, CheckParams, register
from vision.inspect.colour import Colour, Lab, bgr_of, difference, hex_of, lab
from vision.inspect.measure import whole_view
from vision.inspect.part import View
from vision.inspect.result import CheckResult


class ColourParams(CheckParams):
    """Parameters of colour."""

    type: Literal["colour"] = "colour"
    colour: Colour | None = Field(
        None, description="What it should be, #rrggbb; default: what the reference has there."
    )
    tolerance: float = Field(
        5.0, gt=0, le=100, description="How far it may be off (CIEDE2000; 1 is just seen, 5 is plain)."
    )


@register
class ColourCheck(Check[ColourParams]):
    """The region's colour, by the median of its pixels, against what it should be."""

    Params = ColourParams

    def look(self, view: View) -> CheckResult:
        """How far the colour is off."""
        params = self.params
        if params.colour is None and view.reference is None:
            return CheckResult.undecided(
                params.title, "no colour is given and there is no reference to take it from", view.region
            )
        seen = _typical(view.image, view)
        if seen is None:
            return CheckResult.undecided(params.title, f"nothing of {view.region} can be seen", view.region)
        wanted = seen
        if params.colour is not None:
            wanted = lab(np.array([[bgr_of(params.colour)]], np.uint8))[0, 0]
        elif view.reference is not None:
            typical = _typical(view.reference, view)
            wanted = seen if typical is None else typical
        away = float(difference(seen, wanted))
        bad = away > params.tolerance
        reason = f"colour {hex_of(seen)} is {away:.1f} from {hex_of(wanted)}, allowed {params.tolerance:g}"
        return CheckResult(
            check=params.title,
            outcome="reject" if bad else "pass",
            score=away,
            threshold=params.tolerance,
            findings=(whole_view(view, "wrong colour", away),) if bad else (),
            measures={"colour_difference": away, "lightness": float(seen[0]), "a": float(seen[1]), "b": float(seen[2])},
            reasons=(reason,) if bad else (),
            region=view.region,
        )


def _typical(image: Pixels, view: View) -> Lab | None:
    """The median colour of what is judged; None where nothing is."""
    judged = image.reshape(-1, 1, 3) if view.mask is None else image[view.mask > 0].reshape(-1, 1, 3)
    return (
        None if judged.size == 0 else np.asarray(np.median(lab(np.ascontiguousarray(judged)), axis=(0, 1)), np.float64)
    )
