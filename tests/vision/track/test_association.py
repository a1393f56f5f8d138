"""The choice of pairs: best total, none beyond the limit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.track import association
from vision.track.association import share_within

INF = float("inf")


def assign(cost: np.ndarray, limit: float) -> list[tuple[int, int]]:
    rows, columns = association.assign(cost, limit)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


@pytest.mark.parametrize(
    ("cost", "pairs"),
    [
        ([[1, 5], [5, 1]], [(0, 0), (1, 1)]),
        ([[5, 1], [1, 5]], [(0, 1), (1, 0)]),
        ([[1, 2], [2, 9]], [(0, 1), (1, 0)]),  # the greedy choice would cost more
        ([[1, 12], [2, 12]], [(0, 0)]),  # beyond the limit
        ([[INF, 3]], [(0, 1)]),  # forbidden
        ([[INF]], []),
        ([[-8, -7], [-7.5, INF]], [(0, 1), (1, 0)]),  # negative costs are fine
    ],
)
def test_pairs(cost: list[list[float]], pairs: list[tuple[int, int]]) -> None:
    assert assign(np.array(cost, np.float64), 10.0) == pairs


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing_to_pair(shape: tuple[int, int]) -> None:
    assert assign(np.zeros(shape), 10.0) == []


def total(cost: np.ndarray, pairs: list[tuple[int, int]]) -> float:
    return sum(cost[pair] - 10.0 for pair in pairs)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 10_000))
def test_no_other_choice_is_better(rows: int, columns: int, seed: int) -> None:
    cost = np.random.default_rng(seed).uniform(-5, 20, (rows, columns))
    got = assign(cost, 10.0)
    assert len({r for r, _ in got}) == len({c for _, c in got}) == len(got)
    best = 0.0
    for k in range(1, min(rows, columns) + 1):
        for chosen in itertools.combinations(range(rows), k):
            for to in itertools.permutations(range(columns), k):
                best = min(best, total(cost, list(zip(chosen, to, strict=True))))
    assert total(cost, got) == pytest.approx(best)


def test_share_within() -> None:
    a = np.array([[0, 0, 10, 10], [0, 0, 0, 0]], np.float32)
    b = np.array([[0, 5, 10, 100], [20, 20, 30, 30]], np.float32)
    np.testing.assert_allclose(share_within(a, b), [[0.5, 0], [0, 0]])
