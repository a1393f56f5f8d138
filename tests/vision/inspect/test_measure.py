"""Things are found, and measured to a small part of a pixel."""

from __future__ import annotations

import numpy as np
import pytest

from tests.vision.inspect.drawn import blank, view_of, with_disc, with_rectangle
from vision.inspect.measure import ThingParams, off, size, things

FIND = ThingParams(type="any")


@pytest.mark.parametrize(
    ("centre", "sides", "turn"),
    [
        ((100.0, 80.0), (60.0, 30.0), 0.0),  # edges on pixel edges
        ((100.3, 80.7), (60.5, 30.25), 0.0),  # edges between pixels
        ((100.0, 80.0), (60.0, 30.0), 17.0),  # turned
        ((99.4, 81.2), (75.0, 12.5), -63.0),  # long, steep
        ((60.5, 60.5), (20.0, 20.0), 45.0),  # small
    ],
)
def test_a_rectangle_is_measured_between_pixels(
    centre: tuple[float, float], sides: tuple[float, float], turn: float
) -> None:
    found = things(view_of(with_rectangle(blank(), centre, sides, turn)), FIND)
    assert len(found) == 1
    measured = size(found[0].outline)
    assert measured.length == pytest.approx(
        max(sides), abs=0.6
    )  # the blur rounds the corners of the smallest rectangle
    assert measured.width == pytest.approx(min(sides), abs=0.3)
    assert measured.area == pytest.approx(sides[0] * sides[1], rel=0.006)
    assert found[0].centre == pytest.approx(centre, abs=0.06)
    if sides[0] != sides[1]:
        assert (measured.angle_deg - turn + 90) % 180 - 90 == pytest.approx(0, abs=0.6)


def test_a_disc_has_its_diameter() -> None:
    found = things(view_of(with_disc(blank(), (90.0, 70.0), 22.4, (30, 30, 30))), FIND)
    assert size(found[0].outline).diameter == pytest.approx(44.8, abs=0.1)


def test_what_is_no_thing() -> None:
    rng = np.random.default_rng(0)
    noisy = np.clip(blank() + rng.normal(0, 3, (160, 200, 3)), 0, 255).astype(np.uint8)
    assert things(view_of(noisy), FIND) == []  # noise has two halves too
    assert things(view_of(with_rectangle(noisy, (50, 50), (8, 6))), FIND) == []  # smaller than counts
    mask = np.full((160, 200), 255, np.uint8)
    mask[:, :100] = 0
    assert things(view_of(with_rectangle(noisy, (50, 50), (40, 40)), mask=mask), FIND) == []  # not judged there
    assert things(view_of(noisy, mask=np.zeros_like(mask)), FIND) == []  # nothing to judge at all


def test_a_hole_is_no_thing_of_its_own_and_colour_finds_what_tone_does_not() -> None:
    ring = with_disc(with_disc(blank(), (100.0, 80.0), 40.0, (30, 30, 30)), (100.0, 80.0), 20.0, (200, 200, 200))
    assert len(things(view_of(ring), FIND)) == 1
    red, green = (60, 60, 200), (60, 139, 60)  # of one brightness
    picture = with_disc(np.full((160, 200, 3), green, np.uint8), (70.0, 60.0), 18.0, red)
    found = things(view_of(picture), ThingParams(type="any", colour="#c83c3c"))
    assert len(found) == 1
    assert found[0].centre == pytest.approx((70, 60), abs=0.7)


@pytest.mark.parametrize(
    ("value", "span", "expected"),
    [
        (10.0, (9.0, 11.0), 0.0),  # in the middle
        (11.0, (9.0, 11.0), 1.0),  # on the edge
        (12.0, (9.0, 11.0), 2.0),
        (5.0, (5.0, 5.0), 0.0),  # no tolerance at all, met
        (5.1, (5.0, 5.0), pytest.approx(1.1)),  # and not met: above 1
    ],
)
def test_how_far_off(value: float, span: tuple[float, float], expected: float) -> None:
    assert off(value, span) == expected
