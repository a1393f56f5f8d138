"""Rendered parts: the same numbers give the same part, and every fault comes with its pixels."""

from __future__ import annotations

import numpy as np
import pytest

from tools.scenes.parts import DEFECTS, MATERIALS, SIDE, Design, Line, shoot


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


def test_an_unknown_defect_is_told() -> None:
    with pytest.raises(ValueError, match="no defect 'dent'"):
        shoot(Design.make("metal", 1), np.random.default_rng(1), "dent")
