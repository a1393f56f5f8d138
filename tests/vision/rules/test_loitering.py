"""Loitering: long stays, walking up and down, short losses, passers-by."""

from __future__ import annotations

import pytest

from tests.vision.rules.walks import VIEW, Walk, closed, misses, opened, run
from vision.rules.loitering import Loitering, LoiteringParams


def rule(**params: object) -> Loitering:
    return Loitering(LoiteringParams(zone="yard", seconds=10, **params), VIEW)


STANDING = [(0, 100, 500), (2, 500, 500), (16, 500, 500), (18, 900, 500)]
PACING = [(0, 350, 500), (4, 650, 500), (8, 350, 500), (12, 650, 500), (16, 350, 500)]


def test_standing_about() -> None:
    said = run(rule(), Walk(STANDING, jitter=3), until=25)
    (event,), (end,) = opened(said), closed(said)
    assert event.start == pytest.approx(1.0, abs=0.2)
    assert end.end == pytest.approx(17.1, abs=0.3)
    assert end.facts["dwell_s"] == pytest.approx(16, abs=0.4)
    assert end.facts["path_heights"] == pytest.approx(2.0, abs=0.4)  # in and out, not the trembling between
    assert end.facts["extent_heights"] == pytest.approx(2.0, abs=0.3)


def test_walking_up_and_down_counts() -> None:
    (event,) = opened(run(rule(), Walk(PACING)))
    assert event.facts["path_heights"] > 3


def test_max_speed_leaves_the_restless_alone() -> None:
    said = run(rule(max_speed=0.2), Walk(PACING))
    assert opened(said) == []
    assert [miss.text for miss in misses(said)] == ["speed 0.34 > 0.2 heights/s"]  # 75 pixels a second, by steps
    assert len(opened(run(rule(max_speed=0.2), Walk(STANDING)))) == 1


def test_a_passer_by_is_nothing() -> None:
    said = run(rule(), Walk([(0, 100, 500), (4, 900, 500)]))
    assert said == []


def test_not_quite_long_enough_is_a_near_miss() -> None:
    said = run(rule(), Walk([(0, 350, 500), (6, 500, 500), (7, 900, 500)]))
    assert [miss.text for miss in misses(said)] == ["dwell 6.5 s < 10 s"]


@pytest.mark.parametrize("gone", [(5.0, 6.5), (8.0, 10.5)])
def test_a_short_loss_does_not_end_the_stay(gone: tuple[float, float]) -> None:
    assert len(opened(run(rule(), Walk(STANDING, gone=[gone])))) == 1


def test_a_new_number_in_the_same_place_goes_on() -> None:
    first, second = Walk([(0, 500, 500), (6, 500, 500)]), Walk([(7, 510, 505), (18, 510, 505)], id=2)
    (event,) = opened(run(rule(), first, second))
    assert event.start == 0.0


def test_one_event_for_each_stay() -> None:
    again = [(0, 500, 500), (11, 500, 500), (12, 900, 500), (17, 900, 500), (18, 500, 500), (30, 500, 500)]
    assert len(opened(run(rule(), Walk(again), until=30))) == 2
