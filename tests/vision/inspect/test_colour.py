"""Colour differences against the published test pairs."""

from __future__ import annotations

import numpy as np
import pytest

from vision.inspect.colour import bgr_of, difference, hex_of, lab

# Sharma, Wu, Dalal (2005), table 1: pairs 1, 4, 7, 9, 13, 16, 17, 19, 25, 29, 33, 34
PAIRS = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0000),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),  # one of them grey
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0009), 7.1792),  # opposite hues, either way around
    ((50.0, -0.0010, 2.4900), (50.0, 0.0009, -2.4900), 4.8045),
    ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((50.0, 2.5, 0.0), (56.0, -27.0, -3.0), 31.9030),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((6.7747, -0.2908, -2.4247), (5.8714, -0.0985, -2.2286), 0.6377),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("one", "other", "expected"), PAIRS)
def test_the_published_pairs(
    one: tuple[float, float, float], other: tuple[float, float, float], expected: float
) -> None:
    assert difference(np.array(one), np.array(other)) == pytest.approx(expected, abs=1e-4)
    assert difference(np.array(other), np.array(one)) == pytest.approx(expected, abs=1e-4)


def test_there_and_back() -> None:
    for colour in ("#c83c3c", "#000000", "#ffffff", "#2a6f97"):
        assert hex_of(lab(np.array([[bgr_of(colour)]], np.uint8))[0, 0]) == colour
