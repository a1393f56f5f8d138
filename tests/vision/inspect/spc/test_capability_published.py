"""Capability against published numbers; its intervals by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from tests.vision.inspect.spc import published
from vision.inspect.spc.capability import capability, cp, cpk
from vision.inspect.spc.charts import individuals, xbar_r
from vision.inspect.spc.chi_squared import chi_squared_cdf, chi_squared_quantile


def test_nist_616() -> None:
    """Limits 8 and 20, mean 16, sigma 2: Cp 1.0, Cpk 0.6667."""
    assert cp(2, 8, 20, 99).value == pytest.approx(1.0)  # type: ignore[union-attr]
    assert cpk(16, 2, 8, 20, 100, 99).value == pytest.approx(0.6667, abs=5e-5)


def test_interval_of_cp_montgomery_84() -> None:
    """n = 20, s = 1.75, limits 38 and 62: Cp 2.29, 95 % interval 1.57 to 3.01 (example 8.4)."""
    index = cp(1.75, 38, 62, 19)
    assert index is not None
    assert (index.value, index.low, index.high) == pytest.approx((2.29, 1.57, 3.01), abs=0.006)


def test_piston_rings() -> None:
    """Limits 73.95 and 74.05: Cp 1.70, Cpk 1.66 (R's qcc, process.capability of pistonrings)."""
    pair = xbar_r(published.RINGS_BEFORE)
    freedom = pair.freedom
    assert cp(pair.sigma, 73.95, 74.05, freedom).value == pytest.approx(1.70, abs=0.005)  # type: ignore[union-attr]
    assert cpk(pair.level.center, pair.sigma, 73.95, 74.05, 125, freedom).value == pytest.approx(1.66, abs=0.006)


@pytest.mark.parametrize(
    ("p", "freedom", "value"),
    [  # printed tables of the chi-squared distribution
        (0.025, 19, 8.907),
        (0.975, 19, 32.852),
        (0.95, 1, 3.841),
        (0.05, 10, 3.940),
        (0.99, 100, 135.807),
        (0.5, 2, 1.386),
    ],
)
def test_chi_squared(p: float, freedom: float, value: float) -> None:
    assert chi_squared_quantile(p, freedom) == pytest.approx(value, abs=6e-4)
    assert chi_squared_cdf(chi_squared_quantile(p, freedom), freedom) == pytest.approx(p, abs=1e-9)


def test_intervals_hold_the_truth() -> None:
    """Of 400 samples of 60 parts about 95 % of the intervals hold the true index."""
    rng = np.random.default_rng(5)
    true_cp, true_cpk = 8 / 6, (4 - 0.5) / 3
    held = dict.fromkeys(("cp", "cpk", "pp", "ppk"), 0)
    rounds = 400
    for _ in range(rounds):
        found = capability(rng.normal(0.5, 1.0, 60).tolist(), -4.0, 4.0)
        assert found is not None
        for name, truth in (("cp", true_cp), ("cpk", true_cpk), ("pp", true_cp), ("ppk", true_cpk)):
            index = getattr(found, name)
            held[name] += index.low <= truth <= index.high
    for name, count in held.items():
        assert 0.91 < count / rounds < 0.98, (name, count / rounds)


def test_freedom_of_the_moving_range() -> None:
    """The sigma of a moving range is as sure as that of so many degrees of freedom: relative variance 1 / (2 freedom)."""
    rng = np.random.default_rng(6)
    pairs = [individuals(rng.standard_normal(80).tolist()) for _ in range(1000)]
    spread = float(np.var([pair.sigma for pair in pairs]))
    assert spread == pytest.approx(1 / (2 * pairs[0].freedom), rel=0.15)


def test_a_drift_widens_only_the_overall_spread() -> None:
    rng = np.random.default_rng(7)
    values = (rng.normal(10, 0.1, 200) + np.linspace(0, 1, 200)).tolist()
    found = capability(values, 9.0, 11.5)
    assert found is not None
    assert found.cp is not None
    assert found.pp is not None
    assert found.cp.value > 1.5 * found.pp.value
    assert found.outside == sum(v > 11.5 or v < 9 for v in values)


def test_limits_of_one_side_and_none() -> None:
    values = [1.0, 1.1, 0.9, 1.05, 1.0, 0.95, 1.02, 1.0, 0.97, 1.03]
    one = capability(values, None, 1.2)
    assert one is not None
    assert one.cp is None
    assert one.cpk.value > 0
    assert capability(values, None, None) is None
    assert capability(values[:9], 0.0, 2.0) is None  # too few
    assert capability([1.0] * 20, 0.0, 2.0) is None  # no spread: it would be infinite
    with pytest.raises(ValueError, match="needs a limit"):
        cpk(0, 1, None, None, 10, 9)
