"""The static-foreground model by itself: light, view, regions."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vision.motion.staged import HEIGHT, WIDTH, Item, Scene, Walker, regions, yard
from vision.motion.cells import shrunk
from vision.motion.lighting import Light, fit
from vision.motion.static import StaticForeground
from vision.motion.steady import shift

BAG = Item(150, 200, begin=6.0)


@settings(max_examples=40, deadline=None)
@given(gain=st.floats(0.5, 1.5), offset=st.floats(-25, 25))
def test_light_is_recovered_and_undone(gain: float, offset: float) -> None:
    ground = np.clip(yard() * 0.7, 40, 130)
    picture = np.clip(np.rint(ground * gain + offset), 0, 255).astype(np.uint8)
    light = fit(ground, picture, np.ones(ground.shape, np.bool_))
    restored = light.undo(picture).astype(np.float32)
    assert float(np.median(np.abs(restored - ground))) <= 4


def test_things_do_not_bend_the_light() -> None:
    ground = yard()
    picture = (ground * 1.3).astype(np.uint8)
    picture[60:200, 40:140] = 30
    light = fit(ground, picture, np.ones(ground.shape, np.bool_))
    assert light.gain == pytest.approx(1.3, abs=0.15)


def test_no_light_is_told_from_few_cells() -> None:
    ground = yard()
    where = np.zeros(ground.shape, np.bool_)
    where[:5, :5] = True
    assert fit(ground, (ground * 1.5).astype(np.uint8), where) == Light()


@pytest.mark.parametrize(
    ("dx", "dy"),
    [
        (3.0, 0.0),  # a knock from the side
        (0.0, -2.0),  # sagging
        (-4.0, 5.0),  # both
    ],
)
def test_a_moved_view_is_measured(dx: float, dy: float) -> None:
    ground = yard()
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    picture = cv2.warpAffine(ground, move, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE).astype(np.uint8)
    before = ground.copy()
    assert shift(ground, picture) == (pytest.approx(dx, abs=0.4), pytest.approx(dy, abs=0.4))
    assert np.array_equal(ground, before)


def test_a_still_view_has_not_moved() -> None:
    ground = yard()
    noise = np.random.default_rng(0).normal(0, 3, ground.shape)
    assert shift(ground, np.clip(ground + noise, 0, 255).astype(np.uint8)) is None


@pytest.mark.parametrize(
    ("size", "cells"),
    [
        ((480, 720), (120, 180)),  # halved twice
        ((1080, 1920), (135, 240)),  # three times
        ((240, 180), (240, 180)),  # small enough as it is
        ((361, 641), (90, 160)),  # odd sizes lose their last row
    ],
)
def test_working_size(size: tuple[int, int], cells: tuple[int, int]) -> None:
    assert shrunk(np.zeros(size, np.uint8)).shape == cells


@pytest.mark.parametrize("fps", [2.0, 5.0, 10.0])
def test_a_thing_is_one_region_with_its_times(fps: float) -> None:
    found = [(t, region) for t, now in regions(Scene(20, items=[BAG]), fps) for region in now]
    assert {region.id for _, region in found} == {found[0][1].id}
    last = found[-1][1]
    assert last.kind == "appeared"
    assert last.clarity > 0.6
    assert last.box.iou(BAG.box) > 0.7
    assert last.begin == pytest.approx(6.0, abs=1 / fps + 0.01)
    assert last.since == pytest.approx(6.0, abs=1 / fps + 0.01)
    assert found[0][0] <= 6 + 2 + 2 / fps  # reported once it has rested for 2 s


def test_a_thing_taken_is_told_from_one_put_down() -> None:
    found = regions(Scene(20, items=[Item(150, 200, end=8.0)]), 5.0)[-1][1]
    assert [region.kind for region in found] == ["removed"]


def test_a_region_ends_when_the_thing_has_gone() -> None:
    found = regions(Scene(20, items=[Item(150, 200, begin=6, end=12)]), 5.0)
    assert max(t for t, now in found if now) == pytest.approx(12, abs=1.6)


def test_a_region_lasts_while_somebody_stands_before_it() -> None:
    person = Walker(1, [(10.0, 340, 225), (12.0, 163, 225), (17.0, 163, 225), (20.0, 340, 225)])
    found = regions(Scene(24, people=[person], items=[BAG]), 5.0)
    assert all(now for t, now in found if t > 10)
    assert {region.id for t, now in found if t > 10 for region in now} == {found[-1][1][0].id}
    assert found[-1][1][0].since == pytest.approx(6, abs=0.3)


def test_people_are_neither_learned_nor_reported() -> None:
    person = Walker(1, [(2.0, -20, 205), (5.0, 150, 205), (25.0, 150, 205), (27.0, 340, 205)])
    assert not any(now for _, now in regions(Scene(30, people=[person]), 5.0))


def test_the_same_pictures_give_the_same_regions() -> None:
    scene = Scene(14, items=[BAG], shake=1.0)
    assert regions(scene, 5.0) == regions(scene, 5.0)


def test_numbers_are_not_used_again_after_a_reset() -> None:
    model = StaticForeground(WIDTH, HEIGHT)
    numbers = []
    for _ in range(2):
        model.reset()
        for t, luma, _tracks in Scene(12, items=[BAG]).frames(5.0):
            found = model.step(luma, t, ())
        numbers.append(found[0].id)
    assert numbers[0] < numbers[1]
