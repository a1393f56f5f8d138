"""The guard: may this action be carried out now? Deterministic, without input or output, and closed where it is unsure.

    schema > label > agreement > second opinion > sensors > in view > hours > dose > caps > approval

A model's answer enters only at the first four steps, and there it can only refuse or not refuse: no sequence of answers
changes a cap, a sensor, an hour or an approval. What is missing counts against the action; so does any surprise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cloud_adapter.actions.settings import ActionConfig, SensorLimit
from cloud_adapter.records import Diagnosis
from vision.wire.messages import Reading

DAY_S = 86400.0
AHEAD_S = 5.0  # a reading or picture from further in the future than this has a wrong clock

Step = Literal[
    "mode", "schema", "label", "agreement", "second_opinion", "sensors", "in_view", "hours", "dose", "caps", "approval"
]


@dataclass(frozen=True, slots=True)
class Opening:
    """A command that was sent (or may have been): when, and how much was meant to flow, in the dose's unit."""

    at: float
    amount: float


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's yes to one proposal."""

    command: str
    who: str
    at: float


@dataclass(frozen=True, slots=True)
class Case:
    """All that a decision depends on.

    `pictures` are the camera's diagnoses of the action's profile, newest first, the one that asks at the front; `newer`
    those of later captures, where some are known already. `readings` are all known ones of the site by (camera, sensor).
    `openings` are those of the action in the last 24 h and the last one before. Times are epoch seconds UTC.
    """

    action: ActionConfig
    command: str
    pictures: Sequence[Diagnosis]
    readings: Mapping[tuple[str, str], Reading]
    openings: Sequence[Opening]
    now: float
    newer: Sequence[Diagnosis] = ()
    approval: Approval | None = None
    stopped: str | None = None  # why nothing may be sent now: the emergency stop, a lock after a fault


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step found."""

    step: Step
    ok: bool
    told: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`allowed`: everything holds, the approval included. `proposed`: only a person's approval is missing."""

    allowed: bool
    findings: tuple[Finding, ...]

    @property
    def refused_by(self) -> Step | None:
        """The first step that refused."""
        return next((f.step for f in self.findings if not f.ok), None)

    @property
    def proposed(self) -> bool:
        """Whether a person's yes is all that is missing."""
        return [f.step for f in self.findings if not f.ok] == ["approval"]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why not, each in a sentence, in the order of the steps; empty where it is allowed."""
        return tuple(f"{f.step}: {f.told}" for f in self.findings if not f.ok)


def decide(case: Case) -> Decision:
    """Run every step. A step that fails with an error refuses; nothing after a broken schema is believed."""
    findings: list[Finding] = []
    for step, look in _STEPS:
        try:
            told = look(case)
        except Exception as error:  # noqa: BLE001  # the guard fails closed, whatever is wrong
            findings.append(Finding(step, ok=False, told=f"could not be checked ({type(error).__name__})"))
        else:
            findings.append(Finding(step, ok=told is None, told=told or "holds"))
        if step == "schema" and not findings[-1].ok:
            break
    return Decision(all(f.ok for f in findings) and len(findings) == len(_STEPS), tuple(findings))


def _mode(case: Case) -> str | None:
    return "the action is off" if case.action.mode == "off" else case.stopped


def _schema(case: Case) -> str | None:
    if not case.pictures or not _finite(case.now):
        return "no clock" if case.pictures else "no diagnosis"
    for picture in (*case.pictures, *case.newer):
        Diagnosis.model_validate(picture.model_dump())  # checked again here: the guard believes nobody
        if not all(map(_finite, (picture.captured, picture.decided, picture.confidence))):
            return "a diagnosis holds a number that is none"
    return _belongs(case, case.pictures[0])


def _belongs(case: Case, newest: Diagnosis) -> str | None:
    if newest.profile != case.action.profile:
        return f"the diagnosis is of profile {newest.profile}, the action belongs to {case.action.profile}"
    if case.action.cameras is not None and newest.camera not in case.action.cameras:
        return f"the action is not for camera {newest.camera}"
    if any(
        (p.camera, p.site, p.profile) != (newest.camera, newest.site, newest.profile)
        for p in (*case.pictures, *case.newer)
    ):
        return "the diagnoses are of several cameras"
    return None


def _label(case: Case) -> str | None:
    newest = case.pictures[0]
    if newest.outcome != "diagnosed":
        return f"the newest picture ended as {newest.outcome}, not as a diagnosis"
    if newest.label not in case.action.labels or newest.label in ("healthy", "unsure", "text_in_scene"):
        return f"{newest.label} is not on the allow-list ({', '.join(case.action.labels)})"
    if any(opinion.text_in_scene for opinion in newest.opinions):
        return "there is writing in the scene: a person has to look"
    other = next((p for p in case.newer if p.outcome != "held" and p.label != newest.label), None)
    return None if other is None else f"a newer picture shows {other.label}"


def _agreement(case: Case) -> str | None:
    rule, label = case.action.agreement, case.pictures[0].label
    fresh = [p for p in case.pictures if -AHEAD_S <= case.now - p.captured <= rule.within_h * 3600]
    if case.pictures[0] not in fresh:
        return f"the newest picture is older than {rule.within_h:g} h, or from the future"
    agreeing = _different([p for p in fresh[: rule.n] if _supports(p, label, case.action.min_confidence)])
    if len(agreeing) < rule.k:
        return f"{len(agreeing)} of the last {rule.n} pictures show {label} surely enough, {rule.k} are needed"
    if case.pictures[0] not in agreeing:
        return f"the newest picture shows {label} with {case.pictures[0].confidence:.2f} only"
    captures = _captures([p.captured for p in agreeing], rule.apart_s)
    if captures < rule.captures:
        return f"the pictures come from {captures} capture{'s' * (captures != 1)}, {rule.captures} are needed"
    if case.action.mode == "auto" and case.action.calibrated_only and not all(p.calibrated for p in agreeing):
        return "the model's confidence is not calibrated for this profile; auto needs that"
    return None


def _supports(picture: Diagnosis, label: str, least: float) -> bool:
    return picture.outcome == "diagnosed" and picture.label == label and picture.confidence >= least


def _different(pictures: Sequence[Diagnosis]) -> list[Diagnosis]:
    """One for each picture file: the same picture sent twice says the same thing once; without a file, nothing."""
    found: dict[str, Diagnosis] = {}
    for picture in pictures:
        if picture.picture is not None:
            found.setdefault(picture.picture, picture)
    return list(found.values())


def _captures(times: Sequence[float], apart_s: float) -> int:
    """Moments that lie at least `apart_s` apart from the one counted before."""
    count, last = 0, -math.inf
    for t in sorted(times):
        if t - last >= apart_s:
            count, last = count + 1, t
    return count


def _second_opinion(case: Case) -> str | None:
    if not case.action.second_opinion:
        return None
    newest = case.pictures[0]
    by_model: dict[str, set[str]] = {}
    for opinion in newest.opinions:
        by_model.setdefault(opinion.model, set()).add(opinion.label)
    agreeing = [model for model, labels in by_model.items() if newest.label in labels]
    if len(agreeing) >= 2:
        return None
    others = sorted(model for model in by_model if model not in agreeing)
    return f"{', '.join(others)} does not say {newest.label}" if others else "there is no second opinion"


def _sensors(case: Case) -> str | None:
    wrong = [told for limit in case.action.sensors if (told := _sensor(case, limit)) is not None]
    return "; ".join(wrong) or None


def _sensor(case: Case, limit: SensorLimit) -> str | None:
    newest = case.pictures[0]
    known = [
        reading
        for (camera, sensor), reading in case.readings.items()
        if sensor == limit.sensor and (limit.at == "site" or camera == newest.camera)
    ]
    known = [r for r in known if r.unit == limit.unit]
    if not known:
        return f"{limit.sensor}: no reading{f' in {limit.unit}' if limit.unit else ''}"
    fresh = [r for r in known if -AHEAD_S <= case.now - r.t <= limit.max_age_s]
    if not fresh:
        age = case.now - max(r.t for r in known)
        return f"{limit.sensor}: the newest reading is {age:.0f} s old, {limit.max_age_s:.0f} s are allowed"
    for reading in fresh:  # where several sensors of a site measure the same, every one must hold
        if not _finite(reading.value):
            return f"{limit.sensor}: the reading is no number"
        if limit.max is not None and not reading.value <= limit.max:
            return f"{limit.sensor} is {reading.value:g} {limit.unit}".rstrip() + f", above {limit.max:g}"
        if limit.min is not None and not reading.value >= limit.min:
            return f"{limit.sensor} is {reading.value:g} {limit.unit}".rstrip() + f", below {limit.min:g}"
    return None


def _in_view(case: Case) -> str | None:
    facts = case.pictures[0].facts
    for kind in case.action.clear_of:
        seen = facts.get(f"{kind}_in_view")
        if seen is not False:  # only a plain no counts: a missing fact, 0 or "no" does not
            return f"{kind} in view" if seen is True else f"the device did not say that no {kind} is in view"
    return None


def _hours(case: Case) -> str | None:
    hours = case.action.hours
    return None if hours is None or hours.armed(case.now) else "outside the hours of the action"


def _dose(case: Case) -> str | None:
    dose = case.action.dose
    if not all(v > 0 and _finite(v) for v in (dose.amount, dose.rate, dose.area_m2, dose.max_per_m2, dose.max_open_s)):
        return "the dose is not plausible"
    if dose.open_s > dose.max_open_s:
        return f"{dose.open_s:g} s open, at most {dose.max_open_s:g} s are allowed"
    given = sum(o.amount for o in case.openings if case.now - o.at < DAY_S)
    per_m2 = (given + dose.amount) / dose.area_m2
    if per_m2 > dose.max_per_m2 * (1 + 1e-9):
        return f"{per_m2:g} {dose.unit}/m² in 24 h, at most {dose.max_per_m2:g} are allowed"
    return None


def _caps(case: Case) -> str | None:
    dose = case.action.dose
    if any(o.at > case.now + AHEAD_S for o in case.openings):
        return "an opening lies in the future: the clock went back"
    today = [o for o in case.openings if case.now - o.at < DAY_S]
    if len(today) >= dose.openings_per_day:
        return f"{len(today)} openings in the last 24 h, {dose.openings_per_day} are allowed"
    last = max((o.at for o in case.openings), default=-math.inf)
    if case.now - last < dose.cooldown_s:
        return f"the last opening was {case.now - last:.0f} s ago, {dose.cooldown_s:.0f} s must pass"
    return None


def _approval(case: Case) -> str | None:
    if case.action.mode in ("auto", "dry_run"):
        return None
    approval = case.approval
    if approval is None:
        return "a person has to approve it"
    if approval.command != case.command:
        return "the approval is for another proposal"
    if not approval.who.strip():
        return "the approval names nobody"
    if not -AHEAD_S <= case.now - approval.at <= case.action.approval_s:
        return "the approval has expired"
    return None


def _finite(value: float) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


_STEPS: tuple[tuple[Step, Callable[[Case], str | None]], ...] = (
    ("mode", _mode),
    ("schema", _schema),
    ("label", _label),
    ("agreement", _agreement),
    ("second_opinion", _second_opinion),
    ("sensors", _sensors),
    ("in_view", _in_view),
    ("hours", _hours),
    ("dose", _dose),
    ("caps", _caps),
    ("approval", _approval),
)
