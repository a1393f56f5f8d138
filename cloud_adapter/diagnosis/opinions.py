"""From an answer to an opinion: what was named, how sure, and whether it saw writing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cloud_adapter.diagnosis.base import Answer
from cloud_adapter.diagnosis.calibration import Answered, Calibration
from cloud_adapter.providers.base import Question
from cloud_adapter.providers.wire import CERTAINTY, NONE
from cloud_adapter.records import Candidate, Opinion

_TOP = 3
_SHARE = (0.6, 0.25)  # of what the certainty leaves over: to the second and third that a model without numbers names


@dataclass(frozen=True, slots=True)
class Weighed:
    """An opinion whose numbers are calibrated where they can be."""

    opinion: Opinion
    calibrated: bool
    values: Mapping[str, Any]  # the form as it was filled in

    @property
    def label(self) -> str:
        """What was named."""
        return self.opinion.label

    @property
    def confidence(self) -> float:
        """How sure of it, 0..1."""
        return next((one.confidence for one in self.opinion.candidates if one.label == self.label), 0.0)


def weigh(
    field: Answered, answer: Answer, question: Question, model: str, profile: str, calibration: Calibration
) -> Weighed:
    """The opinion in `answer` on `field` of the form."""
    values = answer.reply.value.model_dump()
    told = answer.reply.odds.get(field) or _in_numbers(field, values)
    odds = calibration.apply(profile, model, field, told)
    named = str(values[field])
    best = [(label, p) for label, p in odds.items() if label and p > 0][:_TOP]
    usage = answer.reply.usage
    opinion = Opinion(
        model=model,
        label=named,
        answer=field,
        temperature=calibration.temperature(profile, model, field),
        candidates=tuple(Candidate(label=label, confidence=round(min(1.0, p), 4)) for label, p in best),
        severity=values.get("severity", "unknown"),
        text_in_scene=values["text_in_scene"] == "yes",
        prompt=question.prompt,
        cached=answer.cached,
        usage=(usage.input_tokens, usage.cached_tokens, usage.output_tokens),
        cost_microusd=answer.cost_microusd,
        latency_s=round(answer.reply.latency_s, 3),
    )
    return Weighed(opinion, calibration.known(profile, model, field), values)


def _in_numbers(field: str, values: Mapping[str, Any]) -> dict[str, float]:
    """What the words of a form stand for; the rest goes to second and third by rank, and to nobody."""
    first = CERTAINTY[values["certainty"]]
    odds = {str(values[field]): first}
    for rank, share in zip(("second", "third"), _SHARE, strict=True):
        label = values.get(rank, NONE)
        if label != NONE and label not in odds:
            odds[label] = (1 - first) * share
    return odds | {"": max(0.0, 1 - sum(odds.values()))}
