"""Calibration from people's verdicts: the temperature that was put in is found, and what cannot be judged is left out."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from cloud_adapter.diagnosis.calibration import Calibration, Entry, scaled
from cloud_adapter.diagnosis.fitting import Judged, calibration_error, fitted, judged
from cloud_adapter.diagnosis.verdicts import Verdict
from cloud_adapter.records import Candidate, Diagnosis, Opinion

ASKED = ("field", "m", "label")


def answers(temperature: float, count: int = 600, seed: int = 1) -> list[Judged]:
    """Answers of a model whose real odds, sharpened by `temperature`, are what it says."""
    rng, out = random.Random(seed), []
    for _ in range(count):
        odds = {name: rng.random() ** 2 + 0.02 for name in ("late_blight", "early_blight", "healthy")}
        real = scaled(odds, 1.0)
        truth = rng.choices(list(real), list(real.values()))[0]
        told = scaled(real, 1 / temperature)
        out.append(Judged(told, next(iter(told)), truth, reviewed=False))
    return out


@pytest.mark.parametrize("temperature", [0.7, 1.0, 2.0, 4.0])
def test_the_temperature_is_found(temperature: float) -> None:
    found = fitted(ASKED, answers(temperature))
    assert found.temperature == pytest.approx(temperature, rel=0.2)
    assert found.error_after < 0.06
    if temperature >= 2:  # far too sure of itself before
        assert found.sure - found.right > 0.1
        assert found.error_before > 2 * found.error_after


def test_the_error_is_of_pictures_that_were_not_fitted() -> None:
    """Of random answers nothing can be learnt; an error told from the fit itself would look better."""
    few = fitted(ASKED, answers(3.0, count=12, seed=5))
    assert few.pictures == 12
    assert 0 <= few.error_after <= 1


@pytest.mark.parametrize(
    ("sure", "right", "error"),
    [
        ([0.95] * 20, [True] * 19 + [False], 0.0),
        ([0.95] * 20, [True] * 10 + [False] * 10, 0.45),
        ([1.0, 0.0], [True, False], 0.0),
        ([1.0], [False], 1.0),
    ],
)
def test_calibration_error(sure: list[float], right: list[bool], error: float) -> None:
    assert calibration_error(sure, right) == pytest.approx(error, abs=1e-9)


def diagnosis(number: int, *opinions: Opinion, outcome: str = "diagnosed") -> Diagnosis:
    return Diagnosis.model_validate(
        {
            "job": f"j{number}", "device": "d", "camera": "c", "site": "s", "profile": "field", "captured": 1.0,
            "decided": 2.0, "outcome": outcome, "label": "late_blight", "opinions": [o.model_dump() for o in opinions],
        }
    )  # fmt: skip


def opinion(answer: str, label: str, odds: Mapping[str, float], temperature: float = 1.0) -> Opinion:
    told = [Candidate(label=name, confidence=p) for name, p in odds.items()]
    return Opinion.model_validate(
        {"model": "m", "label": label, "answer": answer, "candidates": told, "temperature": temperature}
    )


def test_what_is_judged_and_what_is_not() -> None:
    health = opinion("health", "diseased", {"diseased": 0.9, "healthy": 0.1})
    choice = opinion("label", "late_blight", {"late_blight": 0.8, "early_blight": 0.15})
    old = opinion("", "late_blight", {"late_blight": 0.8})
    rows = [
        diagnosis(1, health, choice),
        diagnosis(2, health, outcome="review"),
        diagnosis(3, choice),  # nobody looked
        diagnosis(4, choice),  # a person cannot tell either
        diagnosis(5, old),
    ]
    said = {"j1": "early_blight", "j2": "healthy", "j4": "unsure", "j5": "late_blight"}
    found = judged(rows, {job: Verdict(label, "anna", 3.0) for job, label in said.items()})
    assert {asked: [(one.truth, one.right, one.reviewed) for one in ones] for asked, ones in found.items()} == {
        ("field", "m", "health"): [("diseased", True, False), ("healthy", False, True)],
        ("field", "m", "label"): [("early_blight", False, False)],
    }


def test_a_fit_counts_from_what_the_model_itself_said() -> None:
    """Answers that went through a table already are taken back first: fitting again changes nothing."""
    entry = Entry.model_validate(
        {"model": "m", "profile": "field", "temperature": 2.0, "pictures": 9, "on": "2026-11-01", "by": "us"}
    )
    raw = {"late_blight": 0.7, "early_blight": 0.2, "": 0.1}
    told = Calibration([entry]).apply("field", "m", "label", raw)
    seen = opinion("label", "late_blight", {name: p for name, p in told.items() if name}, temperature=2.0)
    [one] = judged([diagnosis(1, seen)], {"j1": Verdict("late_blight", "anna", 1.0)})[ASKED]  # type: ignore[index]
    assert dict(one.odds) == pytest.approx(raw, abs=1e-6)
