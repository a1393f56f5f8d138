"""Counts by the period, of a line and of a zone."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.vision.rules.walks import VIEW, Walk, closed, misses, opened, run
from vision.rules.counting import Counting, CountingParams


def rule(**params: object) -> Counting:
    return Counting(CountingParams(**params), VIEW)


DOWN, UP = [(1, 500, 400), (3, 500, 600)], [(4, 600, 600), (6, 600, 400)]
LATER = [(11, 400, 400), (13, 400, 600)]


def test_one_report_at_the_end() -> None:
    said = run(rule(line="fence"), Walk(DOWN), Walk(UP, id=2), Walk(LATER, id=3))
    (event,), (end,) = opened(said), closed(said)
    assert (event.start, end.end, event.count, event.zone) == (0.0, 20.0, 3, "fence")
    assert {key: event.facts[key] for key in ("in", "out", "net", "total")} == {"in": 2, "out": 1, "net": 1, "total": 3}


def test_a_report_for_each_period_with_the_sums_so_far() -> None:
    said = run(rule(line="fence", period_s=8), Walk(DOWN), Walk(UP, id=2), Walk(LATER, id=3))
    assert [(event.start, event.facts["in"], event.facts["in_since_start"]) for event in opened(said)] == [
        (0.0, 1, 1),
        (8.0, 1, 2),
        (16.0, 0, 2),
    ]
    assert [end.end for end in closed(said)] == [8.0, 16.0, 20.0]


def test_visitors_of_a_zone() -> None:
    inside_out = [(1, 200, 500), (3, 500, 500), (6, 500, 500), (9, 900, 500)]
    also = [(2, 200, 600), (4, 400, 600), (20, 400, 600)]
    (event,) = opened(run(rule(zone="yard"), Walk(inside_out), Walk(also, id=2)))
    facts = event.facts
    assert (facts["in"], facts["out"], facts["net"], facts["present"], facts["most"]) == (2, 1, 1, 1, 2)
    assert event.count == facts["total"] == 2


def test_a_short_visit_does_not_count() -> None:
    said = run(rule(zone="yard", min_seconds=2), Walk([(1, 280, 650), (2, 350, 720)]))
    (event,) = opened(said)
    assert event.count == 0
    assert [miss.gate for miss in misses(said)] == ["dwell"]


def test_nothing_at_all_without_footage() -> None:
    assert list(rule(line="fence").finish(0.0)) == []


@pytest.mark.parametrize("params", [{}, {"line": "fence", "zone": "yard"}, {"line": "fence", "period_s": 0}])
def test_wrong_parameters(params: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CountingParams(**params)
