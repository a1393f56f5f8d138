"""Intrusion: grace at the beginning and the end, no flapping at the edge, near misses with both numbers."""

from __future__ import annotations

import pytest

from tests.vision.rules.walks import VIEW, Walk, closed, misses, opened, run
from vision.rules.intrusion import Intrusion, IntrusionParams


def rule(**params: object) -> Intrusion:
    return Intrusion(IntrusionParams(zone="yard", **params), VIEW)


THROUGH = [(0, 100, 500), (10, 900, 500)]  # in the yard from 2.5 s to 7.5 s


def test_in_and_out() -> None:
    said = run(rule(), Walk(THROUGH))
    (event,), (end,) = opened(said), closed(said)
    assert event.start == pytest.approx(2.5, abs=0.11)
    assert end.end == pytest.approx(7.5, abs=0.2)  # the edge is 14 pixels thick
    assert end.facts["dwell_s"] == pytest.approx(5.0, abs=0.2)
    assert (event.zone, event.subject.track_id, event.subject.label) == ("yard", 1, "person")


def test_a_short_step_in_is_a_near_miss_with_both_numbers() -> None:
    said = run(rule(min_seconds=6), Walk(THROUGH))
    assert opened(said) == []
    (miss,) = misses(said)
    assert miss.gate == "dwell"
    assert miss.text == "dwell 5.1 s < 6 s"
    assert miss.fraction == pytest.approx(5.1 / 6, abs=0.03)


def test_no_flapping_at_the_edge() -> None:
    # walks along the edge for fifteen seconds, its foot point trembling over it
    said = run(rule(), Walk([(0, 500, 301), (15, 500, 301)], jitter=5))
    assert len(opened(said)) == 1
    assert len(closed(said)) == 1


def test_a_short_way_out_does_not_end_it() -> None:
    way = [(0, 100, 500), (3, 400, 500), (3.5, 280, 500), (4, 400, 500), (8, 500, 500), (9, 900, 500)]
    assert len(opened(run(rule(), Walk(way)))) == 1


def test_a_new_number_does_not_begin_it_anew() -> None:
    first, second = Walk([(0, 100, 500), (5, 500, 500)]), Walk([(5.6, 530, 500), (10, 900, 500)], id=2)
    said = run(rule(), first, second)
    (event,), (end,) = opened(said), closed(said)
    assert end.facts["dwell_s"] > 4.5
    assert event.key == end.key


def test_still_there_at_the_end_stays_open() -> None:
    said = run(rule(), Walk([(0, 100, 500), (4, 500, 500), (20, 500, 500)]))
    assert len(opened(said)) == 1
    assert closed(said) == []  # the book closes it


def test_a_pending_stay_is_told_at_the_end() -> None:
    said = run(rule(min_seconds=30), Walk([(0, 100, 500), (4, 500, 500), (20, 500, 500)]))
    assert len(misses(said)) == 1


def test_two_people_are_two_events() -> None:
    assert len(opened(run(rule(), Walk(THROUGH), Walk([(3, 900, 600), (9, 100, 600)], id=2)))) == 2


@pytest.mark.parametrize("fps", [2, 5, 25])
def test_the_rate_does_not_matter(fps: float) -> None:
    said = run(rule(), Walk(THROUGH), fps=fps)
    assert opened(said)[0].start == pytest.approx(2.5, abs=1 / fps)
    assert closed(said)[0].end == pytest.approx(7.5, abs=1 / fps + 0.1)
