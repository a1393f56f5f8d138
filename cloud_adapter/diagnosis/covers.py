"""Manhole covers: the sensors decide where they can, a model looks where they cannot or where it matters.

readings usable? ─no──> a model looks at the picture; without one: review
   │ tilt >= displaced_deg ──> displaced; a model that sees `in place` makes it a review, never all clear
   │ tilt <= in_place_deg, no rattling ──> in place, nothing is asked
   v between, or rattling ──> a model looks; without one: review
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from cloud_adapter.diagnosis.base import Calls
from cloud_adapter.diagnosis.calibration import Calibration
from cloud_adapter.diagnosis.models import Models
from cloud_adapter.diagnosis.opinions import Weighed, weigh
from cloud_adapter.diagnosis.outcome import Outcome, Severity, concluded, has_writing
from cloud_adapter.diagnosis.questions import cover_question
from cloud_adapter.diagnosis.settings import CoverProfile
from cloud_adapter.providers.base import BackendError
from cloud_adapter.records import Candidate, Diagnosis, Job, Opinion, Picture
from vision.wire.messages import Reading

SEVERITY: dict[str, Severity] = {
    "in_place": "none",
    "damaged": "medium",
    "displaced": "high",
    "missing": "high",
    "unsure": "unknown",
}
_RULES = "rules"
_SURE = 0.9  # of a rule whose sensor may stick or have been hit
_TILT_RANGE = (-180.0, 180.0)
_VIBRATION_RANGE = (-200.0, 200.0)  # g; no sensor for covers measures beyond


@dataclass(frozen=True, slots=True)
class Felt:
    """What the readings say: a state, why, and which readings were not used."""

    state: str  # in_place, displaced, unsure
    why: str
    unused: tuple[str, ...]


def feel(profile: CoverProfile, readings: tuple[Reading, ...], at: float) -> Felt:
    """The state by the thresholds, from the newest usable readings of each sensor at the time `at`."""
    unused: list[str] = []
    tilt = _newest(profile, readings, profile.tilt_sensor, ("deg", "°", ""), _TILT_RANGE, at, unused)
    shaking = _newest(profile, readings, profile.vibration_sensor, ("g", ""), _VIBRATION_RANGE, at, unused)
    if tilt is not None and abs(tilt) >= profile.displaced_deg:
        return Felt("displaced", f"tilt {abs(tilt):.1f}°, displaced from {profile.displaced_deg:g}°", tuple(unused))
    if shaking is not None and abs(shaking) >= profile.rattling_g:
        return Felt("unsure", f"vibration {abs(shaking):.1f} g, rattling from {profile.rattling_g:g} g", tuple(unused))
    if tilt is None:
        return Felt("unsure", f"no usable reading of {profile.tilt_sensor}", tuple(unused))
    if abs(tilt) <= profile.in_place_deg:
        return Felt("in_place", f"tilt {abs(tilt):.1f}°, in place up to {profile.in_place_deg:g}°", tuple(unused))
    why = f"tilt {abs(tilt):.1f}°, between {profile.in_place_deg:g}° and {profile.displaced_deg:g}°"
    return Felt("unsure", why, tuple(unused))


def _newest(
    profile: CoverProfile,
    readings: tuple[Reading, ...],
    sensor: str,
    units: tuple[str, ...],
    sane: tuple[float, float],
    at: float,
    unused: list[str],
) -> float | None:
    usable = []
    for one in readings:
        if one.sensor != sensor:
            continue
        if at - one.t > profile.max_age_s:
            unused.append(f"{sensor}: {(at - one.t) / 60:.0f} minutes old")
        elif one.t - at > profile.max_ahead_s:
            unused.append(f"{sensor}: {(one.t - at) / 60:.0f} minutes in the future")
        elif not sane[0] <= one.value <= sane[1]:
            unused.append(f"{sensor}: {one.value:g} {one.unit} cannot be".replace("  ", " "))
        elif one.unit not in units:
            unused.append(f"{sensor}: the unit is {one.unit}, {units[0]} is meant")
        else:
            usable.append(one)
    return max(usable, key=lambda one: one.t).value if usable else None


class CoverDiagnoser:
    """See `Diagnoser`; for jobs of one profile."""

    def __init__(
        self, name: str, profile: CoverProfile, models: Models, calibration: Calibration, *, now: Callable[[], float]
    ) -> None:
        self._name, self._profile, self._models, self._now = name, profile, models, now
        self._calibration = calibration
        self._question = cover_question(name)

    async def diagnose(self, job: Job, picture: Picture | None, calls: Calls) -> Diagnosis:
        """See `Diagnoser.diagnose`."""
        felt = feel(self._profile, job.readings, job.received)
        opinions = [] if felt.state == "unsure" else [_by_rules(felt.state)]
        reasons = [felt.why, *felt.unused]
        if felt.state == "in_place":
            return concluded(job, _outcome("diagnosed", "in_place", _SURE, opinions, reasons), self._now())
        seen = await self._seen(job, picture, calls, reasons)
        if seen is not None:
            opinions.append(seen.opinion)
        return concluded(job, self._together(felt, seen, opinions, reasons), self._now())

    async def _seen(self, job: Job, picture: Picture | None, calls: Calls, reasons: list[str]) -> Weighed | None:
        """What a model sees, None where none could look; then the reason is kept."""
        model = self._profile.model
        if picture is None or model is None:
            reasons.append("there is no picture" if picture is None else "no model is set to look at the picture")
            return None
        if self._profile.find_writing and (found := await asyncio.to_thread(has_writing, picture)) is not None:
            reasons.append(found)
            return None
        try:
            answer = await calls.ask(job, self._models.find(model), self._question, [picture])
        except BackendError as error:
            if error.fault not in {"refused", "malformed"}:
                raise
            reasons.append(f"no answer ({error.fault}): {error}")
            return None
        return weigh("state", answer, self._question, model, self._name, self._calibration)

    def _together(self, felt: Felt, seen: Weighed | None, opinions: list[Opinion], reasons: list[str]) -> Outcome:
        if felt.state == "displaced":
            return self._displaced(seen, opinions, reasons)
        if seen is None or seen.label == "unsure":
            return _outcome("review", "unsure", 0.0, opinions, reasons)
        if seen.opinion.text_in_scene and self._profile.find_writing:
            why = f"{seen.opinion.model} sees writing in the scene"
            return _outcome("review", "unsure", 0.0, opinions, [*reasons, why])
        if seen.confidence < self._profile.min_confidence:
            why = f"{seen.opinion.model} says {seen.label} with {seen.confidence:.2f}"
            return _outcome("review", "unsure", 0.0, opinions, [*reasons, why], seen)
        return _outcome("diagnosed", seen.label, seen.confidence, opinions, reasons, seen)

    def _displaced(self, seen: Weighed | None, opinions: list[Opinion], reasons: list[str]) -> Outcome:
        """The sensor has spoken: a picture may make it worse or doubtful, never well."""
        if seen is None or seen.label in {"displaced", "unsure"}:
            return _outcome("diagnosed", "displaced", _SURE, opinions, reasons)
        if seen.label == "in_place":
            why = f"{seen.opinion.model} sees the cover in place, the sensor does not"
            return _outcome("review", "displaced", 0.0, opinions, [*reasons, why])
        if seen.confidence < self._profile.min_confidence:
            return _outcome("diagnosed", "displaced", _SURE, opinions, reasons)
        return _outcome("diagnosed", seen.label, seen.confidence, opinions, reasons, seen)


def _by_rules(state: str) -> Opinion:
    return Opinion(
        model=_RULES, label=state, candidates=(Candidate(label=state, confidence=_SURE),), severity=SEVERITY[state]
    )


def _outcome(
    kind: str, label: str, sure: float, opinions: list[Opinion], reasons: list[str], seen: Weighed | None = None
) -> Outcome:
    candidates = opinions[-1].candidates if opinions else ()
    calibrated = seen is not None and seen.calibrated
    return Outcome(kind, label, sure, calibrated, candidates, SEVERITY[label], tuple(opinions), tuple(reasons))
