"""Rendered parts: the same numbers give the same part, and every fault comes with its pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tools.scenes.parts import DEFECTS, MATERIALS, SIDE, Design, Line, PartShot, shoot
from tools.vlm.parts_fields import PartLook
from tools.vlm.parts_look import part_look


@pytest.mark.parametrize("material", MATERIALS)
def test_the_same_numbers_give_the_same_picture(material: str) -> None:
    shots = [shoot(Design.make(material, 4), np.random.default_rng(9), "scratch") for _ in range(2)]
    assert np.array_equal(shots[0].picture, shots[1].picture)
    assert np.array_equal(shots[0].fault, shots[1].fault)


@pytest.mark.parametrize("material", MATERIALS)
def test_a_good_part_has_no_fault(material: str) -> None:
    shot = shoot(Design.make(material, 1), np.random.default_rng(2))
    assert shot.picture.shape == (SIDE, SIDE, 3)
    assert not shot.fault.any()
    assert (shot.defect, shot.place) == ("none", "none")
    assert 0.3 < shot.part.mean() < 0.6


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("material", MATERIALS)
def test_a_fault_lies_on_the_part(material: str, defect: str) -> None:
    shot = shoot(Design.make(material, 3), np.random.default_rng(7), defect)
    assert 15 < shot.fault.sum() < 0.2 * shot.part.sum()
    assert (shot.fault & ~shot.part).sum() <= 0.05 * shot.fault.sum()  # the rim of the mask


def test_a_fault_is_where_the_picture_differs() -> None:
    """Without turn, shift and changing light, a hole is the only dark thing that a good part has not."""
    still = Line(turn=0, shift=0, light=0, noise=0)
    design = Design.make("plastic", 1)
    good, bad = (shoot(design, np.random.default_rng(5), name, still) for name in ("none", "hole"))
    darker = good.picture.astype(int).sum(2) - bad.picture.astype(int).sum(2)
    assert np.median(darker[bad.fault]) > 150


def test_a_misprint_of_the_kind_that_is_asked_for() -> None:
    """Cut letters take ink away and add none."""
    design, still = Design.make("board", 2), Line(turn=0, shift=0, light=0, noise=0)
    good, cut = (shoot(design, np.random.default_rng(5), name, still, ("cut",)) for name in ("none", "misprint"))
    assert cut.fault.sum() > 15
    change = good.picture.astype(int).sum(2) - cut.picture.astype(int).sum(2)
    assert np.median(change[cut.fault]) > 60  # pale ink gone
    assert (change < -60).sum() < 15


SEEN = (
    # fault's box in pixels of the part's side of 200: left, top, right, bottom; its place; its extent
    ((30, 40, 40, 50), "upper_left", "small"),
    ((150, 160, 190, 190), "lower_right", "medium"),
    ((90, 20, 110, 180), "centre", "large"),
    ((92, 20, 108, 60), None, None),  # in the middle of the upper half: left or right?
    ((125, 90, 140, 130), None, None),  # on the rim of the centre
    ((30, 30, 60, 40), None, None),  # neither small nor medium
)


@pytest.mark.parametrize(("box", "place", "extent"), SEEN)
def test_what_is_to_be_seen_of_a_fault(box: tuple[int, int, int, int], place: str | None, extent: str | None) -> None:
    part, fault = np.zeros((320, 320), bool), np.zeros((320, 320), bool)
    part[60:260, 60:260] = True
    fault[60 + box[1] : 60 + box[3], 60 + box[0] : 60 + box[2]] = True
    shot = PartShot(np.zeros((320, 320, 3), np.uint8), fault, part, "metal", "scratch", "", 0.0, (0.0, 0.0))
    if place is None or extent is None:
        assert part_look(shot) is None
    else:
        assert part_look(shot) == PartLook("metal", "scratch", place, extent=extent)
    assert part_look(replace(shot, fault=np.zeros_like(fault))) == PartLook("metal")


def test_an_unknown_defect_is_told() -> None:
    with pytest.raises(ValueError, match="no defect 'dent'"):
        shoot(Design.make("metal", 1), np.random.default_rng(1), "dent")
