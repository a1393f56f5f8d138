"""The motion model: time is continuous, sizes stay positive, gains make sense."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.track.kalman import PP, SPEED, SS, VV, BoxFilter, measured

BOX = np.array([[100, 100, 140, 200]], np.float32)
ROW = np.zeros(1, np.intp)


def moving(speed: float = 50.0, looks: int = 20, dt: float = 0.1) -> BoxFilter:
    model = BoxFilter()
    error = model.errors(np.ones(1, np.float32))
    model.add(measured(BOX), error)
    for k in range(1, looks):
        model.predict(dt)
        model.correct(ROW, measured(BOX + np.array([1, 0, 1, 0], np.float32) * np.float32(speed * k * dt)), error)
    return model


@given(st.lists(st.floats(0, 5), min_size=1, max_size=8))
def test_many_small_steps_are_one_large_step(steps: list[float]) -> None:
    small, large = moving(), moving()
    for dt in steps:
        small.predict(dt)
    large.predict(sum(steps))
    np.testing.assert_allclose(small.state, large.state, rtol=1e-9)
    np.testing.assert_allclose(small.spread, large.spread, rtol=1e-7, atol=1e-12)


@given(st.floats(1e-6, 600))
def test_uncertainty_grows_with_time_and_stays_a_covariance(dt: float) -> None:
    model = moving()
    before = model.spread.copy()
    model.predict(dt)
    pp, pv, vv, ss = model.spread[0]
    assert pp >= before[0, PP]
    assert ss >= before[0, SS]
    assert pp * vv - pv * pv > -1e-9
    assert vv < 2 * max(before[0, VV], 1.0)  # a speed has bounds however long nobody looks


@pytest.mark.parametrize("dt", [0.04, 0.2, 0.5])  # 25, 5 and 2 pictures a second
def test_speed_is_learnt_at_every_rate(dt: float) -> None:
    model = moving(50.0, looks=round(4 / dt), dt=dt)
    assert model.state[0, SPEED][0] == pytest.approx(50, rel=0.1)
    assert model.boxes()[0, 2] - model.boxes()[0, 0] == pytest.approx(40, rel=0.02)


def test_a_weak_detection_pulls_less() -> None:
    pull = []
    for score in (1.0, 0.2):
        model = moving(0.0)
        model.predict(0.1)
        model.correct(ROW, measured(BOX + 10), model.errors(np.full(1, score, np.float32)))
        pull.append(float(model.boxes()[0, 0]) - 100)
    assert pull[0] > 1.5 * pull[1] > 0


def test_a_box_without_size_counts_as_one_pixel() -> None:
    np.testing.assert_array_equal(measured(np.array([[5, 5, 5, 5]], np.float32)), [[5, 5, 0, 0]])
