"""Calibration fitted on pictures that people have judged: how sure each model was, how often it was right, the temperature.

The error that is told (ECE: C. Guo et al., 2017, 10 bins) is of pictures that the temperature was not fitted on: five
folds, each told with the temperature of the other four.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cloud_adapter.diagnosis.calibration import Answered, fit, scaled
from cloud_adapter.diagnosis.verdicts import UNSURE, Verdict
from cloud_adapter.records import Diagnosis, Opinion

_FOLDS, _BINS = 5, 10
_REST = ""  # what was left to labels that are not among the candidates

Odds = Mapping[str, float]
Asked = tuple[str, str, Answered]  # profile, model, which answer


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer of a model beside the truth; `odds` before any calibration, `reviewed`: the diagnosis went to a person."""

    odds: Odds
    named: str
    truth: str
    reviewed: bool

    @property
    def right(self) -> bool:
        """Whether what was named is true."""
        return self.named == self.truth


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was found for one model, profile and answer; errors are expected calibration errors, 0..1."""

    asked: Asked
    pictures: int
    reviewed: int
    right: float
    sure: float  # mean confidence before
    error_before: float
    error_after: float
    temperature: float


def judged(diagnoses: Iterable[Diagnosis], verdicts: Mapping[str, Verdict]) -> dict[Asked, list[Judged]]:
    """The answers of models to pictures that people could tell, in the order of `diagnoses`."""
    found: dict[Asked, list[Judged]] = defaultdict(list)
    for diagnosis in diagnoses:
        verdict = verdicts.get(diagnosis.job)
        if verdict is None or verdict.label == UNSURE:
            continue
        for opinion in diagnosis.opinions:
            if not opinion.answer or not opinion.candidates:
                continue  # a rule, or from before answers were kept with their name
            truth = verdict.label
            if opinion.answer == "health":
                truth = "healthy" if truth == "healthy" else "diseased"
            one = Judged(_raw(opinion), opinion.label, truth, diagnosis.outcome == "review")
            found[diagnosis.profile, opinion.model, opinion.answer].append(one)
    return dict(found)


def _raw(opinion: Opinion) -> Odds:
    """What the model said before calibration."""
    told = {one.label: one.confidence for one in opinion.candidates}
    told[_REST] = max(0.0, 1 - sum(told.values()))
    return scaled(told, 1 / opinion.temperature)


def fitted(asked: Asked, answers: Sequence[Judged]) -> Fitted:
    """The temperature of these answers, and what it is worth."""
    pairs = [(one.odds, one.truth) for one in answers]
    folds = [fit([pair for i, pair in enumerate(pairs) if i % _FOLDS != fold]) for fold in range(_FOLDS)]
    before = [_sure(one, 1.0) for one in answers]
    after = [_sure(one, folds[i % _FOLDS]) for i, one in enumerate(answers)]
    right = [one.right for one in answers]
    return Fitted(
        asked=asked,
        pictures=len(answers),
        reviewed=sum(one.reviewed for one in answers),
        right=sum(right) / len(right),
        sure=sum(before) / len(before),
        error_before=calibration_error(before, right),
        error_after=calibration_error(after, right),
        temperature=round(fit(pairs), 4),
    )


def _sure(one: Judged, temperature: float) -> float:
    return scaled(one.odds, temperature).get(one.named, 0.0)


def calibration_error(sure: Sequence[float], right: Sequence[bool]) -> float:
    """Expected calibration error: how far confidence is from the share that is right, over ten equal bins."""
    bins: dict[int, list[int]] = defaultdict(list)
    for i, p in enumerate(sure):
        bins[min(_BINS - 1, int(p * _BINS))].append(i)
    gaps = (abs(sum(right[i] for i in members) - sum(sure[i] for i in members)) for members in bins.values())
    return sum(gaps) / len(sure)
