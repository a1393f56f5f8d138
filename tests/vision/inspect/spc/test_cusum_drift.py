"""CUSUM against published numbers and run lengths; drift of the score of good parts by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.vision.inspect.spc import published
from vision.inspect.spc.charts import p_chart
from vision.inspect.spc.cusum import Cusum, average_run_length, cusum, level_since
from vision.inspect.spc.drift import INTERVAL, SLACK, DriftWatch
from vision.inspect.spc.pareto import pareto


def test_nist_6323() -> None:
    k, h = 0.3175, 4.1959
    points = cusum(published.CUSUM_MEANS, target=325, sigma=1, slack=k, interval=h)
    for number, upper in published.CUSUM_UPPER.items():
        assert points[number - 1].high == pytest.approx(upper, abs=0.006)
    for number, lower in published.CUSUM_LOWER.items():
        assert points[number - 1].low == pytest.approx(lower, abs=0.006)
    assert [i + 1 for i, point in enumerate(points) if point.signal == "up"] == list(range(14, 21))
    assert level_since(published.CUSUM_MEANS, points, 13) == 12  # the 13th mean is the first that is off


@pytest.mark.parametrize(
    ("shift", "four", "five"),
    [  # Montgomery, "Introduction to Statistical Quality Control", table 9.3 (k = 1/2, two-sided): h = 4, h = 5
        (0.0, 168, 465),
        (0.25, 74.2, 139),
        (0.5, 26.6, 38.0),
        (0.75, 13.3, 17.0),
        (1.0, 8.38, 10.4),
        (1.5, 4.75, 5.75),
        (2.0, 3.34, 4.01),
        (3.0, 2.19, 2.57),
        (4.0, 1.71, 2.01),
    ],
)
def test_run_lengths_as_published(shift: float, four: float, five: float) -> None:
    assert average_run_length(shift, interval=4) == pytest.approx(four, rel=0.006)
    assert average_run_length(shift, interval=5) == pytest.approx(five, rel=0.006)


def test_run_lengths_by_simulation() -> None:
    rng = np.random.default_rng(2)
    for shift, rounds in ((0.0, 150), (1.0, 800)):
        lengths = []
        for _ in range(rounds):
            sums, count = Cusum(0, 1), 1
            while sums.update(rng.normal(shift)).signal is None:
                count += 1
            lengths.append(count)
        error = float(np.std(lengths)) / math.sqrt(rounds)
        assert abs(float(np.mean(lengths)) - average_run_length(shift)) < 3 * error


def rate(mean: float) -> float:
    """Share of good parts above the threshold (2.054 sigma above the old mean: 2 %) where the mean is so many sigma up."""
    return 0.5 * math.erfc((2.054 - mean) / math.sqrt(2))


def test_drift_is_told_before_good_parts_are_rejected() -> None:
    """Scores rise by 0.005 sigma a part: always told, mostly before a p-chart of the rejects sees anything.

    In half of the cases at most 6 % of good parts are rejected by then, of 2 % before.
    """
    rng = np.random.default_rng(3)
    threshold = math.exp(0.2 * 2.054)
    told, before_p_chart = [], 0
    for _ in range(60):
        watch = DriftWatch(threshold, learn=100)
        rejects, seen = [], False
        for number in range(600):
            rise = 0.005 * max(0, number - 100)
            score = math.exp(0.2 * (rng.standard_normal() + rise))
            rejects.append(score > threshold)
            if len(rejects) % 50 == 0:
                seen = seen or bool(p_chart([sum(rejects[-50:])], [50], base=0.02).violations)
            drift = None if rejects[-1] else watch.update(score)
            if drift is not None:
                assert number >= 100
                assert drift.now > drift.before
                told.append(rate(rise))
                before_p_chart += not seen
                break
    assert len(told) == 60
    assert float(np.median(told)) < 0.06
    assert before_p_chart >= 48


def test_without_drift_it_is_quiet() -> None:
    """Usual scores known well: one false alarm in about 740 parts."""
    rng = np.random.default_rng(4)
    base = np.exp(0.2 * rng.standard_normal(20_000)).tolist()
    assert average_run_length(0.0, SLACK, INTERVAL, sides=1) == pytest.approx(740, rel=0.01)
    alarms = 0
    for _ in range(20):
        watch = DriftWatch(base=base)
        alarms += any(watch.update(score) for score in np.exp(0.2 * rng.standard_normal(100)))
    assert alarms <= 7  # 1 - (1 - 1/740)^100 = 13 % of 20


def test_a_step_is_told_with_its_place() -> None:
    rng = np.random.default_rng(8)
    watch = DriftWatch(3.0, learn=60)
    drifts = [
        drift for i in range(120) if (drift := watch.update(math.exp(0.1 * rng.standard_normal() + 0.3 * (i >= 80))))
    ]
    assert len(drifts) == 1  # told once; the new level is learned
    assert 78 <= drifts[0].since <= 82
    assert 80 <= drifts[0].index <= 86
    assert drifts[0].rate_now is not None
    assert drifts[0].rate_before is not None
    assert drifts[0].rate_now > drifts[0].rate_before
    assert "risen" in str(drifts[0])
    assert len(watch.sums) == 120


def test_scores_without_spread_or_meaning() -> None:
    watch = DriftWatch(learn=5)
    assert [watch.update(0.0) for _ in range(20)] == [None] * 20  # a check that always scores 0
    assert not watch.ready
    assert [watch.update(1.0) for _ in range(20)] == [None] * 20
    assert watch.ready


def test_pareto() -> None:
    told = pareto(["scratch", "hole", "scratch", "scratch", "dent"])
    assert [(c.name, c.count, c.percent, c.running) for c in told] == [
        ("scratch", 3, 100.0, 60.0),
        ("dent", 1, 33.3, 80.0),
        ("hole", 1, 33.3, 100.0),
    ]
    assert pareto([]) == ()
