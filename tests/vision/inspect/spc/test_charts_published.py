"""Control charts and rules against published worked examples; see `published` for where each stands."""

from __future__ import annotations

import numpy as np
import pytest

from tests.vision.inspect.spc import published
from vision.inspect.spc.charts import individuals, p_chart, xbar_r
from vision.inspect.spc.rules import nelson, western_electric


def beyond(chart: object) -> list[int]:
    """Numbers (from 1) of the points beyond the limits."""
    return [v.index + 1 for v in chart.violations if v.rule.id == "WE1"]  # type: ignore[attr-defined]


def test_individuals_nist_6322() -> None:
    pair = individuals(published.FLOW_RATE)
    assert pair.level.center == pytest.approx(50.81, abs=1e-9)
    assert pair.spread.center == pytest.approx(1.8778, abs=5e-5)
    assert pair.level.upper[0] == pytest.approx(55.8041, abs=5e-5)
    assert pair.level.lower[0] == pytest.approx(45.8159, abs=5e-5)
    assert beyond(pair.level) == beyond(pair.spread) == []
    assert len(pair.spread.values) == len(pair.level.values) - 1


def test_proportions_nist_6332() -> None:
    chart = p_chart(published.CHIPS, [50] * 30)
    assert chart.center == pytest.approx(0.2313, abs=5e-5)
    assert chart.lower[0] == pytest.approx(0.0524, abs=5e-5)
    assert chart.upper[0] == pytest.approx(0.4102, abs=1e-4)
    assert beyond(chart) == [15, 23]


def test_proportions_of_varying_sizes_montgomery_74() -> None:
    chart = p_chart(published.ORDERS, published.ORDER_SIZES)
    assert chart.center == pytest.approx(0.096, abs=5e-4)
    assert beyond(chart) == [11]
    assert chart.upper[10] == pytest.approx(0.180, abs=6e-4)  # the book rounds the centre to 0.096 first
    assert chart.upper[1] == pytest.approx(0.194, abs=6e-4)  # of 80
    assert chart.lower[1] == 0.0


def test_means_and_ranges_montgomery_rings() -> None:
    trial = xbar_r(published.RINGS_BEFORE)
    assert trial.level.center == pytest.approx(74.00118, abs=5e-6)
    assert trial.spread.center == pytest.approx(0.02276, abs=5e-6)
    assert trial.level.upper[0] == pytest.approx(74.0143, abs=5e-5)
    assert trial.level.lower[0] == pytest.approx(73.98805, abs=5e-5)
    assert trial.spread.upper[0] == pytest.approx(0.04812, abs=1e-5)
    assert trial.spread.lower[0] == 0.0
    assert trial.sigma == pytest.approx(0.009785, abs=5e-6)
    assert not trial.level.out
    assert not trial.spread.out


def test_later_samples_are_held_to_the_limits_of_earlier_ones() -> None:
    later = xbar_r(published.RINGS_AFTER, base=published.RINGS_BEFORE)
    assert [25 + number for number in beyond(later.level)] == [37, 38, 39]
    assert not later.spread.out
    # "from about sample 34 on" the book sees a shift: the zone rules do at sample 35, two before the limits
    assert 26 + later.level.out[0] == 35


ZONES = [
    # points in sigma, the rules broken as (rule, at point from 0): NIST/SEMATECH e-Handbook, section 6.3.2
    ([0, 3.1], [("WE1", 1)]),
    ([0, -3.1], [("WE1", 1)]),
    ([3.0, 0, 0], []),  # on the line belongs to the inner zone
    ([2.1, 0, 2.1], [("WE2", 2)]),
    ([2.1, -2.1, 0], []),  # not on one side
    ([2.1, 0, 0, 2.1], []),  # two of four
    ([1.1, 1.1, 0, 1.1, 1.1], [("WE3", 4)]),
    ([1.1, 1.1, 1.1, 1.1], [("WE3", 3)]),  # the fifth need not be waited for
    ([1.1, 1.1, -0.1, 1.1, 0.9], []),
    ([0.1] * 8, [("WE4", 7)]),
    ([0.1] * 7 + [0.0], []),  # on the centre line is on no side
    ([-0.1] * 9, [("WE4", 7), ("WE4", 8)]),
    ([2.5, 2.5, 3.5], [("WE2", 1), ("WE1", 2), ("WE2", 2)]),  # several at one point
    ([], []),
]


@pytest.mark.parametrize(("z", "expected"), ZONES)
def test_zone_rules(z: list[float], expected: list[tuple[str, int]]) -> None:
    assert [(v.rule.id, v.index) for v in western_electric(z)] == expected


def test_run_length_of_the_four_rules() -> None:
    """A false alarm every 91.75 points: C. W. Champ, W. H. Woodall, Technometrics 29 (1987), table 1; NIST 6.3.2."""
    rng = np.random.default_rng(1)
    lengths = []
    for _ in range(900):
        z = rng.standard_normal(1200).tolist()
        for end in (60, 240, 1200):
            found = western_electric(z[:end])
            if found:
                break
        lengths.append(found[0].index + 1)
    mean = float(np.mean(lengths))
    error = float(np.std(lengths)) / len(lengths) ** 0.5
    assert abs(mean - 91.75) < 3 * error
    assert error < 3


def test_nelson_tests() -> None:
    rows: list[tuple[list[float], list[tuple[str, int]]]] = [
        ([0, 0.1, 0.2, 0.3, 0.4, 0.5], [("N3", 5)]),
        ([0, 0.1, 0.2, 0.2, 0.3, 0.4], []),  # two alike end a trend
        ([1.2, -1.3] * 7, [("N8", i) for i in range(7, 13)] + [("N4", 13), ("N8", 13)]),
        ([0.5, 0.5, -0.5] * 5, [("N7", 14)]),
    ]
    for z, expected in rows:
        assert [(v.rule.id, v.index) for v in nelson(z)] == expected


def test_few_rejects_have_no_zones() -> None:
    """One expected in 50: eight subgroups without any are nothing strange, nine rejects at once are."""
    chart = p_chart([0] * 20 + [9] + [1] * 30, [50] * 51)
    assert [(v.rule.id, v.index) for v in chart.violations] == [("WE1", 20)]


def test_what_makes_no_chart() -> None:
    for rejects, sizes in (([], []), ([1], [0]), ([3], [2]), ([-1], [5])):
        with pytest.raises(ValueError, match="at least one part"):
            p_chart(rejects, sizes)
    with pytest.raises(ValueError, match="two values"):
        individuals([1.0])
    for groups in ([[1.0]], [[1.0, 2.0], [1.0]], [[0.0] * 11], []):
        with pytest.raises(ValueError, match="one size"):
            xbar_r(groups)


def test_no_spread_at_all() -> None:
    pair = individuals([2.0, 2.0, 2.0, 2.5], base=[2.0, 2.0])
    assert pair.level.out == (3,)
    assert pair.spread.out == (2,)
