"""The published table of costs: what it must show whatever the prices are."""

from __future__ import annotations

import pytest

from benchmarks.cloud_cost import PAIRS, rows

AT = 1_795_435_200.0  # 2026-11-23, noon


def test_cascade_is_cheaper_than_naive() -> None:
    for row in rows(AT, healthy=0.85, ours=4, naive=48):
        assert row.naive >= row.resized > 0
        assert row.cascade < row.naive
        assert row.month[1] < row.month[0] / 12  # 4 pictures a day for 48
    assert len(PAIRS) == 5


def test_the_fewer_are_healthy_the_dearer() -> None:
    few, many = (rows(AT, healthy=part, ours=4, naive=48) for part in (0.2, 0.9))
    for one, other in zip(few, many, strict=True):
        assert one.cascade > other.cascade
        assert one.naive == pytest.approx(other.naive)
