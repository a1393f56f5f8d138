"""What all diagnosers end with, and the look for writing that no model takes part in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import cv2
import numpy as np

from cloud_adapter.diagnosis.advising import Advice
from cloud_adapter.providers.writing import find_writing
from cloud_adapter.records import Candidate, Diagnosis, Job, Opinion, Picture

Kind = Literal["diagnosed", "review", "held", "failed"]
Severity = Literal["none", "low", "medium", "high", "unknown"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a look, before it is written down."""

    kind: str
    label: str
    confidence: float = 0.0
    calibrated: bool = False
    candidates: tuple[Candidate, ...] = ()
    severity: str = "unknown"
    opinions: tuple[Opinion, ...] = ()
    reasons: tuple[str, ...] = ()


def concluded(job: Job, outcome: Outcome, decided: float, advice: Advice | None = None) -> Diagnosis:
    """The diagnosis of a job."""
    reasons = outcome.reasons
    if outcome.kind == "diagnosed" and outcome.opinions and not outcome.calibrated:
        reasons = (*reasons, "the confidence is not calibrated")
    times = [reading.t for reading in job.readings]
    captured = job.meta.captured if job.meta is not None else max(times, default=job.received)
    return Diagnosis(
        job=job.id,
        device=job.device,
        camera=job.camera,
        site=job.site,
        profile=job.profile,
        captured=captured,
        decided=decided,
        outcome=cast("Kind", outcome.kind),
        label=outcome.label,
        confidence=min(1.0, max(0.0, outcome.confidence)),
        calibrated=outcome.calibrated,
        candidates=outcome.candidates,
        severity=cast("Severity", outcome.severity),
        opinions=outcome.opinions,
        advice=None if advice is None else advice.text,
        advice_key=None if advice is None else advice.key,
        reasons=reasons,
        readings=job.readings,
        facts={} if job.meta is None else dict(job.meta.facts),
        picture=job.picture,
        cost_microusd=sum(opinion.cost_microusd for opinion in outcome.opinions),
    )


def has_writing(picture: Picture) -> str | None:
    """In words what was found where a person has to look at a picture; None where nothing was found."""
    image = cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return "the picture cannot be read"
    found = find_writing(np.asarray(image, np.uint8))
    return f"there is writing in the scene: a row of {found.longest} marks" if found.found else None
