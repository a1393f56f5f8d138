from __future__ import annotations

import math

import numpy as np
import pytest

from vision.inspect.anomaly.statistics import beta_cdf, clopper_pearson, normal_tail, student_quantile
from vision.inspect.anomaly.threshold import threshold


@pytest.mark.parametrize(
    ("p", "degrees", "expected"),
    [  # printed tables of Student's t
        (0.975, 10, 2.228),
        (0.95, 1, 6.314),
        (0.99, 30, 2.457),
        (0.025, 10, -2.228),
        (0.5, 7, 0.0),
    ],
)
def test_student(p: float, degrees: int, expected: float) -> None:
    assert student_quantile(p, degrees) == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [  # none: the upper end is 1 - 0.025^(1/n); all: the mirror of it; some: printed tables
        (0, 10, 0.0, 1 - 0.025 ** (1 / 10)),
        (10, 10, 0.025 ** (1 / 10), 1.0),
        (1, 20, 0.0013, 0.2487),
        (5, 50, 0.0333, 0.2181),
    ],
)
def test_clopper_pearson(hits: int, trials: int, low: float, high: float) -> None:
    assert clopper_pearson(hits, trials) == pytest.approx((low, high), abs=1e-4)


def test_beta_is_the_sum_of_binomials() -> None:
    """I_x(a, b) for whole a and b, by the sum it stands for."""
    a, b, x = 4, 7, 0.37
    n = a + b - 1
    expected = sum(math.comb(n, k) * x**k * (1 - x) ** (n - k) for k in range(a, n + 1))
    assert beta_cdf(x, a, b) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("parts", "rate", "method"),
    [  # few parts: the tail is continued; many: the threshold is a score
        (12, 0.02, "tail"),
        (40, 0.02, "tail"),
        (400, 0.02, "rank"),
    ],
)
def test_the_rate_holds_on_average_and_the_interval_holds_it(parts: int, rate: float, method: str) -> None:
    """Scores drawn from a known distribution: the true rate above the threshold is known too."""
    rng = np.random.default_rng(parts)
    rates, held = [], 0
    for _ in range(150):
        found = threshold(np.exp(rng.normal(0.3, 0.2, parts)).tolist(), rate)
        true = normal_tail((math.log(found.value) - 0.3) / 0.2)
        rates.append(true)
        held += found.low <= true <= found.high
    assert found.method == method
    assert float(np.mean(rates)) == pytest.approx(rate, rel=0.5)
    assert held / 150 >= 0.9


def test_what_cannot_be_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="4 scores"):
        threshold([1.0, 2.0, 3.0, 4.0], 0.02)


def test_the_threshold_says_how_sure_it_is() -> None:
    text = str(threshold([1.0, 1.1, 1.2, 1.3, 1.4], 0.02))
    assert "5 good parts" in text
    assert "95%" in text
