"""Boxes, polygons and lines: a table for the cases that one can draw, properties for the rest."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vision.geometry import Box, crossing, depth, distance_to_segment, inside, iou_matrix, scaled, side

SQUARE = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))
ELL = ((0.0, 0.0), (10.0, 0.0), (10.0, 4.0), (4.0, 4.0), (4.0, 10.0), (0.0, 10.0))  # an L: concave at (4, 4)

numbers = st.floats(-1000, 1000, allow_nan=False).map(lambda v: round(v, 2))
points = st.tuples(numbers, numbers)
sizes = st.floats(0.5, 500).map(lambda v: round(v, 2))
boxes = st.tuples(numbers, numbers, sizes, sizes).map(lambda v: Box(v[0], v[1], v[0] + v[2], v[1] + v[3]))


@pytest.mark.parametrize(
    ("point", "polygon", "expected"),
    [
        ((5, 5), SQUARE, True),
        ((15, 5), SQUARE, False),
        ((5, -1), SQUARE, False),
        ((2, 8), ELL, True),  # in the long leg
        ((8, 8), ELL, False),  # in the notch
        ((8, 2), ELL, True),  # in the short leg
        ((5, 5), tuple(reversed(SQUARE)), True),  # the way round does not matter
    ],
)
def test_inside(point: tuple[float, float], polygon: tuple[tuple[float, float], ...], expected: bool) -> None:
    assert inside(point, polygon) is expected


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ((5, 5), 5.0),  # in the middle
        ((1, 5), 1.0),  # one from the left edge
        ((-3, 5), -3.0),  # three outside
        ((13, 14), -5.0),  # off a corner
    ],
)
def test_depth(point: tuple[float, float], expected: float) -> None:
    assert depth(point, SQUARE) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ((5, 3), 3.0),  # below a line walked to the right: at the right hand
        ((5, -3), -3.0),  # above: at the left hand
        ((50, 2), 2.0),  # beyond its end counts as well
        ((5, 0), 0.0),
    ],
)
def test_side(point: tuple[float, float], expected: float) -> None:
    assert side(point, (0, 0), (10, 0)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("p", "q", "expected"),
    [
        ((5, -1), (5, 3), 0.25),
        ((5, 3), (5, -1), 0.75),
        ((15, -1), (15, 1), None),  # past the end
        ((5, 1), (5, 3), None),  # not yet there
        ((0, 1), (10, 1), None),  # along it
        ((10, -1), (10, 1), 0.5),  # over its very end
        ((5, 5), (5, 5), None),  # no step
    ],
)
def test_crossing(p: tuple[float, float], q: tuple[float, float], expected: float | None) -> None:
    assert crossing(p, q, (0, 0), (10, 0)) == expected


@pytest.mark.parametrize(
    ("box", "other", "iou", "gap"),
    [
        (Box(0, 0, 10, 10), Box(0, 0, 10, 10), 1.0, 0.0),
        (Box(0, 0, 10, 10), Box(5, 0, 15, 10), 1 / 3, 0.0),
        (Box(0, 0, 10, 10), Box(10, 0, 20, 10), 0.0, 0.0),  # they touch
        (Box(0, 0, 10, 10), Box(13, 14, 20, 20), 0.0, 5.0),  # corner to corner
        (Box(0, 0, 10, 10), Box(2, 13, 8, 20), 0.0, 3.0),  # below
        (Box(5, 5, 5, 5), Box(0, 0, 10, 10), 0.0, 0.0),  # an empty box
    ],
)
def test_pairs_of_boxes(box: Box, other: Box, iou: float, gap: float) -> None:
    assert box.iou(other) == pytest.approx(iou)
    assert box.gap(other) == pytest.approx(gap)


def test_parts_of_a_box() -> None:
    box = Box(10, 20, 30, 60)
    assert (box.width, box.height, box.area, box.centre, box.foot) == (20, 40, 800, (20, 40), (20, 60))
    assert box.relative(100, 200) == (0.1, 0.1, 0.3, 0.3)
    assert Box(-5, -5, 50, 500).clipped(40, 100) == (0, 0, 40, 100)
    assert Box(30, 0, 10, 10).area == 0  # turned inside out


def test_scaled() -> None:
    assert scaled([(0, 0), (0.5, 1)], 640, 360) == ((0, 0), (320, 360))


def test_a_point_as_a_segment() -> None:
    assert distance_to_segment((3, 4), (0, 0), (0, 0)) == 5
    assert side((3, 4), (0, 0), (0, 0)) == 0


def test_no_boxes() -> None:
    none, one = np.zeros((0, 4), np.float32), np.zeros((1, 4), np.float32)
    assert iou_matrix(none, one).shape == (0, 1)
    assert iou_matrix(one, one)[0, 0] == 0  # empty boxes share nothing


@given(boxes, boxes)
def test_iou_is_a_share_and_symmetric(a: Box, b: Box) -> None:
    assert 0 <= a.iou(b) <= 1 + 1e-9
    assert a.iou(b) == pytest.approx(b.iou(a))
    assert a.iou(a) == pytest.approx(1)
    assert (a.gap(b) > 0) <= (a.iou(b) == 0)


@given(st.lists(boxes, min_size=1, max_size=4), st.lists(boxes, min_size=1, max_size=4))
def test_the_matrix_agrees_with_the_pairs(rows: list[Box], columns: list[Box]) -> None:
    matrix = iou_matrix(np.array(rows, np.float32), np.array(columns, np.float32))
    assert matrix.dtype == np.float32
    for i, a in enumerate(rows):
        for j, b in enumerate(columns):
            assert matrix[i, j] == pytest.approx(a.iou(b), abs=2e-3)


@given(points, points, points)
def test_the_other_way_round_is_the_other_side(
    point: tuple[float, float], a: tuple[float, float], b: tuple[float, float]
) -> None:
    assume(math.dist(a, b) > 0.1)
    assert side(point, a, b) == pytest.approx(-side(point, b, a), abs=1e-6)
    assert abs(side(point, a, b)) <= distance_to_segment(point, a, b) + 1e-6


@given(points, points, points, points)
def test_a_crossing_lies_on_both(
    p: tuple[float, float], q: tuple[float, float], a: tuple[float, float], b: tuple[float, float]
) -> None:
    assume(min(math.dist(p, q), math.dist(a, b)) > 0.1)
    u = crossing(p, q, a, b)
    if u is not None:
        assert 0 <= u <= 1
        assert distance_to_segment((p[0] + u * (q[0] - p[0]), p[1] + u * (q[1] - p[1])), a, b) < 0.5
    elif side(p, a, b) * side(q, a, b) < -1 and side(a, p, q) * side(b, p, q) < -1:
        pytest.fail("the ends lie on different sides of each other, and no crossing was found")


@given(points, st.integers(3, 9), st.floats(1, 300))
def test_depth_agrees_with_inside(point: tuple[float, float], corners: int, radius: float) -> None:
    polygon = [
        (radius * math.cos(2 * math.pi * n / corners), radius * math.sin(2 * math.pi * n / corners))
        for n in range(corners)
    ]
    reach = depth(point, polygon)
    assert (reach > 0) == inside(point, polygon) or abs(reach) < 1e-6
    assert reach <= radius + 1e-6
    if math.hypot(*point) > radius + 1e-6:
        assert reach < 0
