"""Leaves of a crop: is there writing? healthy or not? which of these? does another model agree?

writing found  ──> review, nothing is asked
first question ──> healthy and sure ──> healthy
   │ diseased or unsure
   v
closed choice  ──> unsure, not sure enough, or against the first answer ──> review
   │ a disease
   v
second opinion ──> names something else, or sees writing ──> review
   │ agrees, or cannot tell (said so)
   v
diagnosed, with advice from the table
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from cloud_adapter.diagnosis.advising import AdviceTable
from cloud_adapter.diagnosis.base import Calls
from cloud_adapter.diagnosis.calibration import Answered, Calibration
from cloud_adapter.diagnosis.models import Models
from cloud_adapter.diagnosis.opinions import Weighed, weigh
from cloud_adapter.diagnosis.outcome import Outcome, concluded, has_writing
from cloud_adapter.diagnosis.questions import choice_question, health_question
from cloud_adapter.diagnosis.settings import LeafProfile
from cloud_adapter.providers.base import BackendError, Example, Question
from cloud_adapter.records import READINGS, Diagnosis, Job, Opinion, Picture

_NO_ANSWER = ("refused", "malformed")


@dataclass(slots=True)
class _Look:
    """What is known of one picture so far."""

    job: Job
    picture: Picture
    calls: Calls
    opinions: list[Opinion] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


class LeafDiagnoser:
    """See `Diagnoser`; for jobs of one profile."""

    def __init__(
        self,
        name: str,
        profile: LeafProfile,
        models: Models,
        examples: tuple[Example, ...],
        advice: AdviceTable,
        calibration: Calibration,
        *,
        now: Callable[[], float],
    ) -> None:
        self._name, self._profile, self._models, self._now = name, profile, models, now
        self._advice, self._calibration = advice, calibration
        self._health = health_question(name, profile)
        self._choice = choice_question(name, profile, examples)

    async def diagnose(self, job: Job, picture: Picture | None, calls: Calls) -> Diagnosis:
        """See `Diagnoser.diagnose`."""
        if picture is None:
            return self._end(job, Outcome("diagnosed", READINGS, reasons=("readings without a picture",)))
        look = _Look(job, picture, calls)
        found = await asyncio.to_thread(has_writing, picture) if self._profile.find_writing else None
        if found is not None:
            return self._end(job, Outcome("review", "unsure", reasons=(found,)))
        outcome = await self._asked(look)
        return self._end(job, outcome)

    async def _asked(self, look: _Look) -> Outcome:
        first = None
        if self._profile.first_question:
            model = self._profile.first_model or self._profile.model
            first = await self._ask(look, "health", model, self._health)
            ended = _after_failure(look) if first is None else self._after_first(look, first)
            if ended is not None:
                return ended
        choice = await self._ask(look, "label", self._profile.model, self._choice)
        if choice is None:
            return _after_failure(look)
        ended = self._after_choice(look, first, choice)
        if ended is not None:
            return ended
        second = self._profile.second_model
        if second is not None and choice.label in self._profile.labels:
            other = await self._ask(look, "label", second, self._choice)
            ended = self._after_second(look, choice, other)
            if ended is not None:
                return ended
        return _of("diagnosed", look, choice, severity=self._severity(choice))

    def _after_first(self, look: _Look, first: Weighed) -> Outcome | None:
        if first.opinion.text_in_scene:
            return _of("review", look, first, label="unsure", why=f"{first.opinion.model} sees writing in the scene")
        if first.values["view"] == "other":
            why = f"{first.opinion.model} sees no leaf in the picture"
            return _of("review", look, first, label="unsure", why=why)
        if first.label == "healthy" and first.confidence >= self._profile.healthy_confidence:
            return _of("diagnosed", look, first, severity="none")
        return None

    def _after_choice(self, look: _Look, first: Weighed | None, choice: Weighed) -> Outcome | None:
        model, label = choice.opinion.model, choice.label
        if choice.opinion.text_in_scene:
            return _of("review", look, choice, label="unsure", why=f"{model} sees writing in the scene")
        if label == "unsure":
            return _of("review", look, choice, why=f"{model} cannot tell")
        if choice.confidence < self._profile.min_confidence:
            why = f"{model} says {label} with {choice.confidence:.2f}, {self._profile.min_confidence:.2f} are needed"
            return _of("review", look, choice, label="unsure", why=why)
        if first is not None and first.label == "diseased" and label == "healthy":
            why = f"{first.opinion.model} called the leaf diseased, {model} healthy"
            return _of("review", look, choice, label="unsure", why=why)
        return None

    def _after_second(self, look: _Look, choice: Weighed, other: Weighed | None) -> Outcome | None:
        if other is None:
            return None  # why is among the reasons; whoever needs a second opinion sees that there is none
        if other.opinion.text_in_scene:
            return _of("review", look, choice, label="unsure", why=f"{other.opinion.model} sees writing in the scene")
        if other.label == "unsure":
            look.reasons.append(f"{other.opinion.model} cannot tell")
        elif other.label != choice.label:
            why = f"{choice.opinion.model} says {choice.label}, {other.opinion.model} says {other.label}"
            return _of("review", look, choice, label="unsure", why=why)
        return None

    async def _ask(self, look: _Look, on: Answered, model: str, question: Question) -> Weighed | None:
        """An opinion; None, with the reason kept, where the model gives no answer for good."""
        try:
            answer = await look.calls.ask(look.job, self._models.find(model), question, [look.picture])
        except BackendError as error:
            if error.fault not in _NO_ANSWER:
                raise
            look.reasons.append(f"no answer ({error.fault}): {error}")
            return None
        weighed = weigh(on, answer, question, model, self._name, self._calibration)
        look.opinions.append(weighed.opinion)
        return weighed

    def _severity(self, choice: Weighed) -> str:
        if choice.label == "healthy":
            return "none"
        told = choice.opinion.severity
        return told if told in {"low", "medium", "high"} else self._profile.labels[choice.label].severity

    def _end(self, job: Job, outcome: Outcome) -> Diagnosis:
        advice = self._advice.find(outcome.label, self._profile.locale) if outcome.kind == "diagnosed" else None
        return concluded(job, outcome, self._now(), advice)


def _of(
    kind: str,
    look: _Look,
    weighed: Weighed,
    *,
    label: str | None = None,
    severity: str = "unknown",
    why: str | None = None,
) -> Outcome:
    told = weighed.label if label is None else label
    sure = weighed.confidence if told == weighed.label != "unsure" else 0.0
    reasons = (*look.reasons, *(() if why is None else (why,)))
    candidates = weighed.opinion.candidates
    return Outcome(kind, told, sure, weighed.calibrated, candidates, severity, tuple(look.opinions), reasons)


def _after_failure(look: _Look) -> Outcome:
    return Outcome("failed", "unsure", opinions=tuple(look.opinions), reasons=tuple(look.reasons))
