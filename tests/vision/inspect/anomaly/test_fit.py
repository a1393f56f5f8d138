from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest

from tests.vision.inspect.anomaly.drawn import plate
from vision.errors import InputError, ModelError
from vision.inspect.anomaly.backbone import open_backbone
from vision.inspect.anomaly.fit import Fitted, Part, Settings, fit
from vision.inspect.anomaly.grid import input_size
from vision.inspect.anomaly.model import AnomalyModel
from vision.inspect.check import ScriptedAssets, check_types
from vision.inspect.part import View

SETTINGS = Settings(side=128, memory=300)


@functools.cache
def fitted() -> Fitted:
    return fit([Part(f"{n}.png", plate(n)) for n in range(10)], open_backbone(), SETTINGS)


def test_a_spot_is_worse_than_any_good_part() -> None:
    model = fitted().model
    good = [model.look(plate(100 + n)).score for n in range(6)]
    bad = [model.look(plate(200 + n, spot=True)) for n in range(6)]
    assert max(good) < min(look.score for look in bad)
    for look in bad:  # and it is where the spot is
        row, column = np.unravel_index(int(look.heat.argmax()), look.heat.shape)
        assert abs(column - 0.3 * 160) < 16
        assert abs(row - 0.6 * 128) < 16


def test_the_same_model_gives_the_same_scores_after_it_was_stored() -> None:
    model = fitted().model
    again = AnomalyModel.from_bytes(model.to_bytes(), "there")
    assert again.sha256 == model.sha256
    assert again.about == model.about
    for number in range(3):
        one, other = model.look(plate(300 + number, spot=True)), again.look(plate(300 + number, spot=True))
        assert one.score == pytest.approx(other.score, abs=1e-6)
        np.testing.assert_allclose(one.heat, other.heat, atol=1e-5)


def test_training_again_gives_the_same_model() -> None:
    parts = [Part(f"{n}.png", plate(n)) for n in range(6)]
    first, second = (fit(parts, open_backbone(), SETTINGS).model for _ in range(2))
    assert first.sha256 == second.sha256


def cut_short(data: bytes) -> bytes:
    return data[:-7]


def longer(data: bytes) -> bytes:
    return data + b"x"


def newer(data: bytes) -> bytes:
    return data.replace(b'"format": 1', b'"format": 9')


def garbled(data: bytes) -> bytes:
    return data[:30] + b"\xff" * 40 + data[70:]


@pytest.mark.parametrize("change", [cut_short, longer, newer, garbled])
def test_a_damaged_model_is_told(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ModelError, match="damaged or was written by a newer version"):
        AnomalyModel.from_bytes(change(fitted().model.to_bytes()), "x.model")


def test_another_file_is_no_model() -> None:
    with pytest.raises(ModelError, match="sightline inspect train"):
        AnomalyModel.from_bytes(b"\x89PNG whatever it is", "x.png")


def test_too_few_parts_are_refused() -> None:
    with pytest.raises(InputError, match="4 pictures of good parts are too few"):
        fit([Part(str(n), plate(n)) for n in range(4)], open_backbone(), SETTINGS)


def test_few_parts_are_told_with_what_they_can_show() -> None:
    assert any("cannot show a rate of 2.00%" in text for text in fitted().warnings)


def test_a_bad_part_among_the_good_ones_is_pointed_at() -> None:
    parts = [Part(f"{n}.png", plate(n)) for n in range(9)] + [Part("odd.png", plate(9, spot=True))]
    warnings = fit(parts, open_backbone(), SETTINGS).warnings
    assert any("is it good? odd.png" in text for text in warnings)


def test_parts_unlike_each_other_are_told() -> None:
    """Each plate of another grain, size of picture and contrast: what half of them teach is not enough for the others."""
    rng = np.random.default_rng(0)
    parts = []
    for number in range(8):
        noise = rng.uniform(0, 255, (8 + 12 * number, 8 + 9 * number, 3)).astype(np.uint8)
        parts.append(Part(str(number), np.asarray(np.kron(noise, np.ones((9 - number, 9 - number, 1))), np.uint8)))
    warnings = fit(parts, open_backbone(), SETTINGS).warnings
    assert any("differ much from each other" in text for text in warnings)


def test_only_the_part_is_judged() -> None:
    """A spot outside of the mask changes nothing but the light; with no part at all there is no score."""
    model = fitted().model
    mask = np.full((128, 160), 255, np.uint8)
    mask[:, :80] = 0
    masked = model.look(plate(400, spot=True), mask)
    assert masked.heat[:, :72].max() == 0
    assert masked.score < model.look(plate(400, spot=True)).score
    with pytest.raises(ValueError, match="no place"):
        model.look(plate(400), np.zeros((128, 160), np.uint8))


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [  # as wide as high; a wide one; one odd among many does not matter; never thinner than 1:4; all shapes: square
        ([(300, 300)], (256, 256)),
        ([(600, 300)], (352, 192)),
        ([(600, 300)] * 19 + [(100, 100)], (352, 192)),
        ([(4000, 100)], (512, 128)),
        ([(200, 300), (210, 310), (600, 250), (120, 280)], (256, 256)),
    ],
)
def test_input_size(sizes: list[tuple[int, int]], expected: tuple[int, int]) -> None:
    assert input_size(sizes, 256) == expected


def test_the_check_rejects_in_pixels_of_the_original_picture() -> None:
    """The view is the part cut out at (40, 20): the box of the spot lies that much further right and down."""
    kind = check_types()["anomaly"]
    assets = ScriptedAssets({"a.model": fitted().model.to_bytes()})
    check = kind(kind.Params(type="anomaly", model="a.model"), assets)
    place = np.array([[1.0, 0.0, 40.0], [0.0, 1.0, 20.0]])
    result = check.look(View(image=plate(500, spot=True), to_native=place))
    assert result.outcome == "reject"
    assert result.reasons
    box = result.findings[0].box
    assert box.x1 < 40 + 0.3 * 160 < box.x2
    assert box.y1 < 20 + 0.6 * 128 < box.y2
    good = check.look(View(image=plate(501)))
    assert good.outcome == "pass"
    assert good.heat is not None
    assert good.heat.max() <= 1
    nothing = check.look(View(image=plate(501), mask=np.zeros((128, 160), np.uint8)))
    assert nothing.outcome == "no_decision"
