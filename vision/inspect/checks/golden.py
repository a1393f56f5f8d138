"""It looks like the good part, up to where exactly its edges lie.

The region is compared with the same region of the reference, in the same light and focus. What no small shift of the
edges explains is a defect. Several good parts may be given: what any of them shows is good.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

import numpy as np
from pydantic import Field

from vision.frame import Pixels
from vision.geometry import Box
from vision.inspect.check import Check, CheckParams, register
from vision.inspect.defects import Defect, defects
from vision.inspect.difference import Difference, difference, planes
from vision.inspect.kinds import Foreground
from vision.inspect.part import View
from vision.inspect.result import CheckResult, Finding


class GoldenParams(CheckParams):
    """Parameters of the golden template."""

    type: Literal["golden"] = "golden"
    tolerance: float = Field(
        0.4,
        gt=0,
        le=5,
        description="Edges may lie so far off, in percent of the part's longer side; at least a pixel.",
    )
    contrast: float = Field(
        33.0, gt=0, le=100, description="A pixel counts that differs by this percent of the reference's range of tones."
    )
    min_area: float = Field(
        0.01, ge=0, le=50, description="The least defect, in percent of the region; fainter ones must be larger."
    )
    margin: float = Field(1.2, ge=0, le=20, description="Boxes reach so far around the defect, in percent as above.")
    foreground: Foreground = Field("dark", description="On a two-tone print, the tone that conducts or is printed.")


@register
class Golden(Check[GoldenParams]):
    """Difference from the reference with tolerance for edges."""

    Params = GoldenParams

    def look(self, view: View) -> CheckResult:
        """Defects of the view against its reference."""
        title, params = self.params.title, self.params
        if view.reference is None:
            return CheckResult.undecided(
                title, "the golden template has no reference; name one in the recipe", view.region
            )
        found = self._difference(view, (view.reference, *view.others))
        if found.lost:
            reason = "the picture is out of focus or smeared: its edges are far softer than the reference's"
            return CheckResult.undecided(title, reason, view.region)
        limit = self._limit(found)
        told = self._defects(view, found, limit)
        least = params.min_area / 100 * found.valid.size
        kept = [defect for defect in told if defect.mass >= least]
        if kept:
            score = kept[0].mass
        else:  # not a defect, but how near the picture came to one
            score = max((d.mass for d in told), default=0.0) or min(
                0.9 * least, float(found.rest.max()) / limit * least
            )
        margin = params.margin / 100 * view.whole_px
        return CheckResult(
            check=title,
            outcome="reject" if kept else "pass",
            score=round(score, 4),
            threshold=round(least, 4),
            findings=tuple(_finding(view, defect, margin) for defect in kept),
            measures={"blur_px": found.blur_px, "defects_count": float(len(kept))},
            reasons=_reasons(kept),
            heat=(found.rest / np.float32(limit)).astype(np.float32),
            region=view.region,
        )

    def _difference(self, view: View, references: tuple[Pixels, ...]) -> Difference:
        """The difference that any of the good parts explains best, pixel by pixel; further ones only where one is needed."""
        tolerance = max(1.0, self.params.tolerance / 100 * view.whole_px)
        best: Difference | None = None
        for reference in references:
            found = difference(planes(reference), planes(view.image), tolerance, view.mask, view.seen)
            best = found if best is None or best.lost else best.least(found)
            if not (best.rest > self._limit(best)).any():
                break
        assert best is not None
        return best

    def _limit(self, found: Difference) -> float:
        """Grey levels from which a pixel counts: a share of the reference's range, but always above the noise."""
        low, high = np.percentile(found.reference[::2, ::2], (2, 98))
        return float(max(6.0, 5 * found.noise, self.params.contrast / 100 * (high - low)))

    def _defects(self, view: View, found: Difference, limit: float) -> list[Defect]:
        tolerance = max(1.0, self.params.tolerance / 100 * view.whole_px)
        gap = max(2.0, self.params.margin / 100 * view.whole_px)
        return defects(found, limit, reach=2 * tolerance + 1, gap=gap, foreground=self.params.foreground)


def _finding(view: View, defect: Defect, margin: float) -> Finding:
    """The defect in the original picture."""
    width, height = view.size
    box = Box(defect.box.x1 - margin, defect.box.y1 - margin, defect.box.x2 + margin, defect.box.y2 + margin)
    linear = view.to_native[:, :2]
    area = defect.area * abs(float(np.linalg.det(linear)))
    return Finding(view.native_box(box.clipped(width, height)), defect.kind, round(area, 1), round(defect.mass, 2))


def _reasons(kept: list[Defect]) -> tuple[str, ...]:
    """What the kinds of defects are, and how many of each."""
    if not kept:
        return ()
    counts = Counter(defect.kind for defect in kept)
    listed = ", ".join(f"{n} × {kind}" if n > 1 else kind for kind, n in counts.most_common())
    return (f"differs from the good part: {listed}",)
