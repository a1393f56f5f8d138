"""Stays in a zone: their begin, their end, and what does not end them."""

from __future__ import annotations

import pytest

from tests.vision.rules.walks import VIEW, Walk
from vision.rules.presence import Presence, Stay


def stays(*walks: Walk, until: float = 12.0, leave_s: float = 1.0, edge: float = 10.0, fps: float = 10.0) -> list[Stay]:
    """Every stay that ended, then those still going on, each as it stands at the end."""
    presence = Presence(VIEW.zones["yard"], VIEW, edge=edge, leave_s=leave_s)
    over: list[Stay] = []
    for n in range(round(until * fps) + 1):
        t = n / fps
        tracks = [track for track in (walk.at(t) for walk in walks) if track is not None]
        going_on, left = presence.update(tracks, t)
        assert len({stay.key for stay in going_on}) == len(going_on)
        assert not {stay.key for stay in going_on} & {stay.key for stay in left}
        over += left
    return over + presence.all()


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ([(0, 100, 500), (8, 900, 500)], [(2.0, 6.1)]),  # straight through
        ([(0, 100, 200), (8, 900, 200)], []),  # past it
        ([(0, 500, 500), (12, 500, 500)], [(0.0, 12.0)]),  # there all the time
        ([(0, 100, 295), (8, 900, 295)], []),  # along the edge, just outside: never in
        ([(0, 500, 500), (2, 900, 500), (6, 900, 500), (8, 500, 500), (12, 500, 500)], [(0.0, 1.0), (7.0, 12.0)]),
        ([(0, 500, 500), (2, 500, 705), (10, 500, 705), (12, 500, 500)], [(0.0, 12.0)]),  # out, but within the edge
        ([(0, 500, 500), (2, 500, 740), (2.5, 500, 500), (12, 500, 500)], [(0.0, 12.0)]),  # out for a moment
    ],
)
def test_stays(way: list[tuple[float, float, float]], expected: list[tuple[float, float]]) -> None:
    found = [(stay.since, stay.until) for stay in stays(Walk(way))]
    assert found == [(pytest.approx(since, abs=0.11), pytest.approx(until, abs=0.11)) for since, until in expected]


@pytest.mark.parametrize(
    ("gone", "count"),
    [
        ([(4.0, 4.5)], 1),  # lost for less than leave_s
        ([(4.0, 6.0)], 2),  # for longer: another stay
        ([(4.0, 4.8), (5.5, 6.3), (7.0, 7.8)], 1),  # again and again, but each time briefly
    ],
)
def test_losses(gone: list[tuple[float, float]], count: int) -> None:
    assert len(stays(Walk([(0, 500, 500), (12, 500, 500)], gone=gone))) == count


def test_a_successor_goes_on_with_the_stay() -> None:
    first, second = Walk([(0, 500, 500), (5, 500, 500)]), Walk([(5.6, 520, 500), (12, 520, 500)], id=9)
    (stay,) = stays(first, second)
    assert (stay.since, stay.until, stay.track.id) == (0.0, 12.0, 9)


def test_a_successor_elsewhere_does_not() -> None:
    first, second = Walk([(0, 350, 400), (5, 350, 400)]), Walk([(5.6, 680, 680), (12, 680, 680)], id=9)
    assert len(stays(first, second)) == 2


def test_no_grace_at_all() -> None:
    found = stays(Walk([(0, 100, 500), (8, 900, 500)]), leave_s=0.0, edge=0.0)
    assert [(stay.since, stay.until) for stay in found] == [(pytest.approx(2.0, abs=0.1), pytest.approx(6.0, abs=0.11))]
