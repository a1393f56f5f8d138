"""Crossings of a line: once each, with direction and time; turned back, half hidden and lost people."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.vision.rules.walks import VIEW, Walk, closed, misses, opened, run
from vision.geometry import Box
from vision.rules.line_crossing import LineCrossing, LineCrossingParams


def rule(line: str = "fence", **params: object) -> LineCrossing:
    return LineCrossing(LineCrossingParams(line=line, **params), VIEW)


def directions(*walks: Walk, line: str = "fence", **params: object) -> list[object]:
    return [signal.facts["direction"] for signal in opened(run(rule(line, **params), *walks))]


DOWN = [(0, 500, 400), (4, 500, 600)]  # crosses the fence at 2 s
UP = [(0, 500, 600), (4, 500, 400)]


@pytest.mark.parametrize(
    ("way", "line", "expected"),
    [
        (DOWN, "fence", ["in"]),  # from the left to the right hand of who walks the line
        (UP, "fence", ["out"]),
        ([(0, 600, 500), (4, 400, 500)], "post", ["in"]),
        ([(0, 400, 500), (4, 600, 500)], "post", ["out"]),
        ([(0, 500, 400), (4, 500, 600), (8, 500, 400)], "fence", ["in", "out"]),  # there and back
        ([(0, 100, 400), (4, 100, 600)], "fence", []),  # past the end of the line
        ([(0, 100, 400), (2, 100, 600), (6, 500, 600), (9, 500, 400)], "fence", ["out"]),  # around the end, then over
        ([(0, 300, 420), (8, 700, 420)], "fence", []),  # along the line
        ([(0, 400, 400), (4, 400, 600)], "corner", ["in"]),  # over the first leg of a bent line
        ([(0, 600, 650), (4, 400, 650)], "corner", ["in"]),  # over its second leg
        ([(0, 600, 400), (4, 400, 600)], "corner", ["in"]),  # exactly over its corner
        ([(0, 300, 400), (3, 300, 600), (6, 600, 700)], "corner", ["in", "out"]),  # in over one leg, out over the other
        ([(0, 500, 500), (4, 500, 600)], "fence", []),  # begins on the line: nobody saw where it came from
        ([(0, 500, 490), (1, 500, 300), (4, 500, 600)], "fence", ["in"]),  # begins near it, goes away, comes back
    ],
)
def test_ways(way: list[tuple[float, float, float]], line: str, expected: list[str]) -> None:
    assert directions(Walk(way), line=line) == expected


@pytest.mark.parametrize("fps", [2, 5, 10, 25])
def test_the_moment_is_interpolated_whatever_the_rate(fps: float) -> None:
    said = run(rule(), Walk([(0, 500, 393), (4, 500, 607)]), fps=fps)
    (event,), (end,) = opened(said), closed(said)
    assert event.start == pytest.approx(2.0, abs=0.01)
    assert end.end == event.start
    assert event.zone == "fence"
    assert event.facts["speed_heights_per_s"] == pytest.approx(53.5 / 200, rel=0.1)


@pytest.mark.parametrize(("wanted", "expected"), [("in", ["in"]), ("out", ["out"]), ("both", ["in", "out"])])
def test_only_the_wanted_direction(wanted: str, expected: list[str]) -> None:
    there_and_back = Walk([(0, 500, 400), (4, 500, 600), (8, 500, 400)])
    said = run(rule(direction=wanted), there_and_back)
    assert [signal.facts["direction"] for signal in opened(said)] == expected
    assert len(misses(said)) == 2 - len(expected)


def test_jitter_on_the_line_does_not_multiply() -> None:
    # stands on the line for ten seconds, its box trembling by 3 % of its height
    walk = Walk([(0, 500, 400), (3, 500, 500), (13, 500, 500), (16, 500, 600)], jitter=6)
    assert directions(walk) == ["in"]


def test_who_turns_back_on_the_line_is_a_near_miss() -> None:
    said = run(rule(), Walk([(0, 500, 400), (3, 500, 508), (6, 500, 400)]))
    assert opened(said) == []
    (miss,) = misses(said)
    assert miss.gate == "margin"
    assert miss.text == "4 % of its height past the line < 10 %"
    assert miss.fraction == pytest.approx(0.4)


def test_who_is_lost_on_the_line_is_a_near_miss() -> None:
    said = run(rule(), Walk([(0, 500, 400), (3, 500, 510)]))
    assert opened(said) == []
    assert [miss.text for miss in misses(said)] == ["5 % of its height past the line < 10 %"]


def test_who_begins_on_the_line_is_a_near_miss() -> None:
    said = run(rule(), Walk([(0, 500, 495), (4, 500, 600)]))
    assert [miss.gate for miss in misses(said)] == ["start"]


def behind_a_table(box: Box, t: float) -> Box:
    """From 2 s to 6 s the lower half is hidden."""
    return Box(box.x1, box.y1, box.x2, box.y2 - 0.5 * box.height) if 2 <= t < 6 else box


def slowly_behind_a_table(box: Box, t: float) -> Box:
    """The same, but within half a second, as a tracker smooths it."""
    hidden = 0.5 * min(1.0, max(0.0, (t - 2) / 0.5)) if t < 6 else 0.5 * max(0.0, 1 - (t - 6) / 0.5)
    return Box(box.x1, box.y1, box.x2, box.y2 - hidden * box.height)


@pytest.mark.parametrize("shape", [behind_a_table, slowly_behind_a_table])
def test_a_hidden_lower_half_is_no_crossing(shape: object) -> None:
    # walks along below the line; behind the table its box ends above the line
    said = run(rule(), Walk([(0, 300, 560), (9, 700, 560)], shape=shape))
    assert opened(said) == []
    assert {miss.gate for miss in misses(said)} <= {"height", "lasting"}
    assert misses(said)


def test_who_crosses_behind_a_table_counts_when_whole_again() -> None:
    # crosses while half hidden; the crossing is told when the whole body stands on the far side
    said = run(rule(), Walk([(0, 500, 560), (8, 500, 400)], shape=behind_a_table))
    assert [signal.facts["direction"] for signal in opened(said)] == ["out"]


def test_who_steps_out_from_behind_a_table_has_not_crossed() -> None:
    def emerging(box: Box, t: float) -> Box:
        return Box(box.x1, box.y1, box.x2, box.y2 - 0.5 * box.height) if t < 3 else box

    assert directions(Walk([(0, 300, 560), (9, 700, 560)], shape=emerging)) == []


def test_growing_towards_the_camera_is_no_hindrance() -> None:
    def nearer(box: Box, t: float) -> Box:
        tall = 120 + 25 * t
        return Box(box.x1, box.y2 - tall, box.x2, box.y2)

    assert directions(Walk([(0, 500, 350), (6, 500, 700)], shape=nearer)) == ["in"]


def test_a_loss_over_the_line_is_bridged() -> None:
    # the tracker keeps the number, or gives a new one
    kept = Walk([(0, 500, 400), (4, 500, 600)], gone=[(1.5, 2.6)])
    assert directions(kept) == ["in"]
    first, second = Walk([(0, 500, 400), (1.8, 500, 490)]), Walk([(2.4, 500, 520), (4, 500, 600)], id=2)
    assert directions(first, second) == ["in"]


def test_somebody_else_far_away_takes_nobodys_place() -> None:
    first, second = Walk([(0, 300, 400), (1.8, 300, 480)]), Walk([(2.4, 750, 620), (4, 750, 700)], id=2)
    assert directions(first, second) == []


def test_two_people_at_once() -> None:
    assert sorted(directions(Walk(DOWN), Walk([(0, 700, 600), (4, 700, 400)], id=2))) == ["in", "out"]


def test_anchor_centre() -> None:
    # the feet stay below the line, the middle of the body goes over it
    way = [(0, 500, 700), (4, 500, 540)]
    assert directions(Walk(way)) == []
    assert directions(Walk(way), anchor="centre") == ["out"]


@pytest.mark.parametrize("params", [{}, {"line": "a", "direction": "up"}, {"line": "a", "margin": 3}])
def test_wrong_parameters(params: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LineCrossingParams(**params)
