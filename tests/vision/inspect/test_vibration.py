"""Vibration learned from good signals: bearings that begin to sing are heard, good ones are not."""

from __future__ import annotations

import numpy as np
import pytest

from vision.errors import InputError
from vision.inspect.fusion import Board
from vision.inspect.sensors import Reading, SensorParams
from vision.inspect.vibration import VibrationModel, learn

RATE = 3200.0


def signal(number: int, *, tone: float = 0.0, hz: float = 900.0, gain: float = 1.0) -> tuple[float, ...]:
    """A motor at 50 Hz with harmonics, noise, and a tone that does not belong there."""
    rng = np.random.default_rng([7, number])
    t = np.arange(1024) / RATE
    speed = 50 * (1 + rng.normal(0, 0.01))
    wave = sum(a * np.sin(2 * np.pi * speed * k * t + rng.uniform(0, 6.3)) for k, a in ((1, 1.0), (2, 0.4), (3, 0.2)))
    return tuple((gain * (wave + rng.normal(0, 0.1, t.size) + tone * np.sin(2 * np.pi * hz * t))).tolist())


@pytest.fixture(scope="module")
def model() -> VibrationModel:
    return learn([signal(i) for i in range(30)], RATE, 0.02)


def test_good_ones_pass_at_about_the_stated_rate(model: VibrationModel) -> None:
    rejected = sum(model.score(signal(1000 + i))[0] > model.threshold for i in range(500))
    assert rejected <= 25  # 2 % are wanted: 10 of 500; 25 is beyond what chance and 30 good parts explain


# what is wrong with it, and in which frequencies it shows
BAD = [({"tone": 0.3}, 900.0), ({"tone": 0.3, "hz": 1400.0}, 1400.0), ({"gain": 3.0}, None), ({"gain": 0.2}, None)]


@pytest.mark.parametrize(("wrong", "hz"), BAD)
def test_bad_ones_are_heard(model: VibrationModel, wrong: dict[str, float], hz: float | None) -> None:
    score, band = model.score(signal(5, **wrong))
    assert score > 2 * model.threshold
    low, high = model.band_hz(band)
    assert hz is None or low - 30 <= hz <= high + 30


def test_it_is_the_same_from_its_file(model: VibrationModel) -> None:
    again = VibrationModel.loads(model.dumps(), "spindle.json")
    assert again == model


def test_in_a_verdict(model: VibrationModel) -> None:
    board = Board([SensorParams(name="spindle", unit="g")], {"spindle": model})
    told = []
    for t, reading in enumerate(
        (
            Reading("spindle", 0.0, samples=signal(2000), rate=RATE),
            Reading("spindle", 10.0, samples=signal(5, tone=0.3), rate=RATE),
            Reading("spindle", 20.0, samples=signal(5), rate=44100.0),  # another sensor's rate
            Reading("spindle", 30.0, samples=(1.0, 2.0), rate=RATE),  # too few
            Reading("spindle", 40.0, 3.0),  # a number, not a signal
            Reading("spindle", 50.0, samples=(float("nan"),) * 200, rate=RATE),
        )
    ):
        board.put(reading)
        told.append(board.measured(10.0 * t)[0].judge())
    assert [result.outcome for result in told] == ["pass", "reject", *["no_decision"] * 4]
    assert "Hz" in told[1].reasons[0]


def test_too_few_to_learn_from() -> None:
    with pytest.raises(InputError, match="at least 8"):
        learn([signal(i) for i in range(7)], RATE)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"form": 1, "rate": 1, "mean": [], "spread": [], "threshold": 1, "parts": 8}']
)
def test_what_is_no_model(data: bytes) -> None:
    with pytest.raises(InputError, match="spindle"):
        VibrationModel.loads(data, "spindle.json")
