"""What a check says of a part, and what all checks together say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from vision.geometry import Box

Outcome = Literal["pass", "reject", "no_decision"]
Heat = npt.NDArray[np.float32]  # [height, width] of the view, in units of the threshold: above 1 is a defect


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect: its box in pixels of the ORIGINAL picture, what it is as far as it can be told, its area there."""

    box: Box
    kind: str
    area_px: float
    score: float


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check says of one view.

    `score` grows with the fault: above `threshold` the part is rejected; both None where there was nothing to measure.
    `measures` carry their unit in the key ("width_mm"). `reasons` are sentences for people and are never empty unless the
    part passed. `heat` shows where, for the view's pixels.
    """

    check: str
    outcome: Outcome
    score: float | None = None
    threshold: float | None = None
    findings: tuple[Finding, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    heat: Heat | None = field(default=None, compare=False, repr=False)
    region: str = "part"

    def __post_init__(self) -> None:
        if self.outcome != "pass" and not self.reasons:
            raise ValueError(f"{self.check}: {self.outcome} without a reason")

    @property
    def severity(self) -> float:
        """The score in units of its threshold: above 1 is bad; 0 where nothing was measured."""
        if self.score is None or self.threshold is None:
            return 0.0
        return self.score / self.threshold if self.threshold > 0 else float(self.score > self.threshold) * 2.0

    @classmethod
    def undecided(cls, check: str, reason: str, region: str = "part") -> CheckResult:
        """The check could not look: its reason, and never a pass."""
        return cls(check, "no_decision", reasons=(reason,), region=region)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all checks of a part say together; see `combine`."""

    outcome: Outcome
    results: tuple[CheckResult, ...]
    reasons: tuple[str, ...]

    @property
    def leading(self) -> CheckResult | None:
        """The result whose score is the worst in units of its threshold: the one that the verdict's numbers come from."""
        scored = [result for result in self.results if result.score is not None]
        return max(scored, key=lambda result: result.severity, default=None)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every check's findings, the worst first."""
        found = [finding for result in self.results for finding in result.findings]
        return tuple(sorted(found, key=lambda finding: (-finding.score, finding.box)))


def combine(results: Sequence[CheckResult]) -> Verdict:
    """One verdict of all results.

    A reject of any check rejects. Otherwise anything undecided, or no result at all, is `no_decision`: a part passes only
    where every check passed it.
    """
    outcomes = {result.outcome for result in results}
    outcome: Outcome = "reject" if "reject" in outcomes else "pass" if outcomes == {"pass"} else "no_decision"
    told = [result for result in results if result.outcome != "pass"]
    told.sort(key=lambda result: result.outcome != "reject")
    reasons = tuple(dict.fromkeys(reason for result in told for reason in result.reasons))
    return Verdict(outcome, tuple(results), reasons or (() if outcome == "pass" else ("no check looked at the part",)))
