"""Covers: the sensors first, a model second, and a sensor's alarm is never talked away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cloud_adapter.demo.covers import render_cover
from cloud_adapter.diagnosis.calibration import Calibration
from cloud_adapter.diagnosis.covers import CoverDiagnoser, feel
from cloud_adapter.diagnosis.models import Models
from cloud_adapter.diagnosis.settings import CoverProfile
from cloud_adapter.records import Diagnosis
from tests.cloud_adapter.diagnosis.looks import NOW, Direct, Scripted, encoded, job, saying
from vision.wire.messages import Reading


def r(sensor: str, value: float, unit: str = "deg", age_s: float = 10) -> Reading:
    return Reading(sensor=sensor, value=value, unit=unit, t=NOW - age_s)


FELT: list[tuple[list[Reading], str, str]] = [  # readings; state, words
    ([r("tilt", 1)], "in_place", "tilt 1.0°"),
    ([r("tilt", -2.9)], "in_place", "tilt 2.9°"),
    ([r("tilt", 5)], "unsure", "between"),
    ([r("tilt", 10)], "displaced", "displaced from"),
    ([r("tilt", -60)], "displaced", "displaced from"),
    ([r("tilt", 1), r("vibration", 3, "g")], "unsure", "rattling"),
    ([r("tilt", 30), r("vibration", 3, "g")], "displaced", "displaced"),
    ([r("vibration", 0.1, "g")], "unsure", "no usable reading of tilt"),
    ([], "unsure", "no usable reading of tilt"),
    ([r("tilt", 40, age_s=7200)], "unsure", "120 minutes old"),  # stale
    ([r("tilt", 1, age_s=-600)], "unsure", "10 minutes in the future"),
    ([r("tilt", 9999)], "unsure", "9999 deg cannot be"),  # absurd
    ([r("tilt", 0.5, "rad")], "unsure", "the unit is rad, deg is meant"),
    ([r("tilt", 40, age_s=300), r("tilt", 1)], "in_place", "tilt 1.0°"),  # the newest counts
    ([r("tilt", 40), r("tilt", 9999, age_s=1)], "displaced", "tilt 40.0°"),  # the newest usable one
    ([r("other", 40)], "unsure", "no usable reading"),
]


@pytest.mark.parametrize(("readings", "state", "words"), FELT)
def test_thresholds(readings: list[Reading], state: str, words: str) -> None:
    felt = feel(CoverProfile(), tuple(readings), NOW)
    assert felt.state == state
    assert words in " ".join([felt.why, *felt.unused])


def look(readings: list[Reading], model: Scripted | None, picture: bool = True, **more: Any) -> Diagnosis:
    profile = CoverProfile(model=None if model is None else model.name, **more)
    models = Models({} if model is None else {model.name: model})
    diagnoser = CoverDiagnoser("hole", profile, models, Calibration(), now=lambda: NOW)
    shown = encoded(render_cover("displaced", 1)) if picture else None
    return asyncio.run(diagnoser.diagnose(job("hole", readings), shown, Direct()))


TILTED, LEVEL, BETWEEN = [r("tilt", 25)], [r("tilt", 1)], [r("tilt", 5)]
TABLE: list[tuple[list[Reading], dict[str, Any], str, str, int]] = [  # readings, model; outcome, state, calls
    (LEVEL, {"state": "missing"}, "diagnosed", "in_place", 0),  # the sensor decides, nothing is asked
    (TILTED, {"state": "displaced"}, "diagnosed", "displaced", 1),
    (TILTED, {"state": "missing"}, "diagnosed", "missing", 1),  # worse: taken
    (TILTED, {"state": "missing", "certainty": "guess"}, "diagnosed", "displaced", 1),
    (TILTED, {"state": "in_place"}, "review", "displaced", 1),  # a model never gives the all clear
    (TILTED, {"state": "unsure"}, "diagnosed", "displaced", 1),
    (TILTED, {"fault": "refused"}, "diagnosed", "displaced", 1),
    (BETWEEN, {"state": "in_place"}, "diagnosed", "in_place", 1),
    (BETWEEN, {"state": "damaged"}, "diagnosed", "damaged", 1),
    (BETWEEN, {"state": "damaged", "certainty": "possible"}, "review", "unsure", 1),
    (BETWEEN, {"state": "unsure"}, "review", "unsure", 1),
    (BETWEEN, {"fault": "malformed"}, "review", "unsure", 1),
    ([], {"state": "displaced"}, "diagnosed", "displaced", 1),
]


@pytest.mark.parametrize(("readings", "says", "outcome", "state", "calls"), TABLE)
def test_rules_first_model_second(
    readings: list[Reading], says: dict[str, Any], outcome: str, state: str, calls: int
) -> None:
    model = saying("m1", **says)
    diagnosis = look(readings, model)
    assert (diagnosis.outcome, diagnosis.label, len(model.asked)) == (outcome, state, calls)
    assert diagnosis.reasons


@pytest.mark.parametrize("picture", [True, False])
def test_without_model_or_picture(picture: bool) -> None:
    model = None if picture else saying("m1")
    assert look(TILTED, model, picture).label == "displaced"
    assert look(TILTED, model, picture).severity == "high"
    assert look(BETWEEN, model, picture).outcome == "review"


def test_captured_is_the_newest_reading() -> None:
    assert look(LEVEL, None).captured == NOW - 10
