"""Which track takes which place: near, soon, alike, and once."""

from __future__ import annotations

import pytest

from vision.geometry import Box
from vision.rules.lineage import Lineage
from vision.track.base import Track

SIZE = (1000, 800)


def track(
    number: int, x: float, t: float, *, first: float | None = None, tall: float = 200, y: float = 600, **other: object
) -> Track:
    box = Box(x - tall / 5, y - tall, x + tall / 5, y)
    values = {"label": "person", "observed": True, "velocity": (0.0, 0.0)} | other
    return Track(id=number, score=0.9, box=box, first_t=t if first is None else first, seen_t=t, hits=3, **values)


@pytest.mark.parametrize(
    ("heir", "same"),
    [
        (track(2, 420, 1.5), True),  # near and soon
        (track(2, 900, 1.5), False),  # too far
        (track(2, 420, 4.5), False),  # too late
        (track(2, 420, 1.5, first=0.5), False),  # was there already while the first was
        (track(2, 420, 1.5, tall=80), False),  # a child is not the man
        (track(2, 420, 1.5, label="car"), False),
        (track(2, 420, 1.5, observed=False), False),  # nobody has seen it yet
    ],
)
def test_who_takes_the_place(heir: Track, same: bool) -> None:
    lineage = Lineage(SIZE)
    ((first, _),) = lineage.update([track(1, 400, 1.0, first=0.0)])
    numbers = [number for number, _ in lineage.update([heir])]
    assert (numbers == [first]) is same


def test_speed_carries_the_lost_one_on() -> None:
    # runs at 1000 pixels a second: half a second later 500 pixels on
    lineage = Lineage(SIZE)
    ((first, _),) = lineage.update([track(1, 300, 1.0, velocity=(1000.0, 0.0))])
    assert [number for number, _ in lineage.update([track(2, 780, 1.5)])] == [first]


def test_one_leaves_at_the_border_and_another_comes() -> None:
    lineage = Lineage(SIZE)
    ((first, _),) = lineage.update([track(1, 970, 1.0)])
    assert [number for number, _ in lineage.update([track(2, 965, 2.0)])] != [first]


def test_each_place_is_taken_once_by_the_nearest() -> None:
    lineage = Lineage(SIZE)
    ((first, _),) = lineage.update([track(1, 400, 1.0)])
    numbers = {k.id: number for number, k in lineage.update([track(2, 450, 1.5), track(3, 405, 1.5)])}
    assert numbers[3] == first
    assert numbers[2] != first


def test_the_lost_one_comes_back_beside_its_successor() -> None:
    lineage = Lineage(SIZE)
    ((first, _),) = lineage.update([track(1, 400, 1.0, first=0.0)])
    lineage.update([track(2, 420, 1.5)])
    numbers = {
        k.id: number for number, k in lineage.update([track(1, 400, 2.0, first=0.0), track(2, 430, 2.0, first=1.5)])
    }
    assert numbers[2] == first
    assert numbers[1] != first


def test_what_is_long_gone_is_forgotten() -> None:
    lineage = Lineage(SIZE)
    for n in range(100):
        lineage.update([track(n, 100 + 8 * n, 10.0 * n)])
    assert len(lineage._lines) < 5
