"""Parts on a table: found wherever they lie, in colour, and judged up to their rim."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.vision.inspect.drawn import encoded
from tools.scenes.parts import Design, Line, PartShot, shoot
from vision.errors import InputError
from vision.frame import Pixels
from vision.inspect.check import ScriptedAssets
from vision.inspect.inspector import Inspector
from vision.inspect.locate import Locator, part_mask
from vision.inspect.recipe import Recipe


@pytest.fixture(scope="module")
def shots() -> dict[str, PartShot]:
    """One kind of plate: good ones, and one with a hole through it."""
    design = Design.make("plastic", 3)
    calm = Line(turn=0, shift=0)
    return {
        "reference": shoot(design, np.random.default_rng(0), line=calm),
        "good": shoot(design, np.random.default_rng(5), line=Line(turn=6)),
        "hole": shoot(design, np.random.default_rng(6), "hole", line=Line(turn=6)),
    }


def test_the_part_is_told_from_the_table(shots: dict[str, PartShot]) -> None:
    for shot in shots.values():
        mask = part_mask(shot.picture)
        assert mask is not None
        assert np.count_nonzero((mask > 0) & shot.part) / np.count_nonzero((mask > 0) | shot.part) > 0.93


@pytest.mark.parametrize("picture", [np.full((100, 100, 3), 90, np.uint8), np.zeros((240, 320, 3), np.uint8)])
def test_an_empty_table_has_no_part(picture: Pixels) -> None:
    assert part_mask(picture) is None


@pytest.mark.parametrize(
    ("turn", "at", "allowed"),
    [
        (0, (320, 240), 15),  # a larger picture than the reference
        (-11, (200, 180), 15),
        (14, (430, 300), 15),
        (97, (300, 250), 180),  # any turn, where it is allowed
        (-160, (340, 220), 180),
    ],
)
def test_a_part_is_found_where_it_lies(
    shots: dict[str, PartShot], turn: float, at: tuple[int, int], allowed: float
) -> None:
    reference = shots["reference"]
    table = np.median(reference.picture[:20], axis=(0, 1))
    matrix = cv2.getRotationMatrix2D((159.5, 159.5), turn, 1.0)
    matrix[:, 2] += at[0] - 159.5, at[1] - 159.5
    picture = np.asarray(cv2.warpAffine(reference.picture, matrix, (640, 480), borderValue=table.tolist()), np.uint8)
    mask = part_mask(reference.picture)
    locator = Locator(reference.picture, mask, turn=allowed, motion="affine", min_likeness=0.5)
    place = locator.find(picture)
    corners = np.array([[70, 70, 1], [250, 70, 1], [160, 250, 1]]).T
    assert place.likeness > 0.95
    assert np.abs((place.matrix - matrix) @ corners).max() < 0.5


def test_verdicts_on_parts(shots: dict[str, PartShot]) -> None:
    corners = [[[x, y], [x + 0.16, y], [x + 0.16, y + 0.16], [x, y + 0.16]] for x in (0.06, 0.78) for y in (0.06, 0.78)]
    recipe = Recipe.model_validate(
        # screws sit as they happen to: their slots are no fault
        {"reference": "r.png", "regions": [{"checks": [{"type": "golden"}], "ignore": corners}]}
    )
    inspector = Inspector(recipe, ScriptedAssets({"r.png": encoded(shots["reference"].picture)}))
    good = inspector.inspect(shots["good"].picture).verdict
    assert good.outcome == "pass", good
    verdict = inspector.inspect(shots["hole"].picture).verdict
    assert verdict.outcome == "reject"
    rows, columns = np.nonzero(shots["hole"].fault)
    box = verdict.findings[0].box
    assert box.x1 <= columns.min() + 2 and columns.max() - 1 <= box.x2  # noqa: PT018  # one box around one fault
    assert box.y1 <= rows.min() + 2 and rows.max() - 1 <= box.y2  # noqa: PT018
    half = shots["good"].picture[:, :170]
    assert inspector.inspect(half).verdict.outcome == "no_decision"  # what cannot be seen has not passed


def test_recipes_that_cannot_be_used(shots: dict[str, PartShot]) -> None:
    flat = encoded(np.full((100, 100, 3), 90, np.uint8))
    files = ScriptedAssets(
        {"r.png": encoded(shots["reference"].picture), "flat.png": flat, "bad.png": b"not a picture"}
    )
    for values, said in (
        ({"reference": "gone.png"}, r"gone\.png"),
        ({"reference": "bad.png"}, r"bad\.png: is no picture"),
        ({"reference": "flat.png"}, "no edges"),
        ({"reference": "flat.png", "locate": {"find": "part"}}, "no part lying free"),
        ({"reference": ["r.png", "flat.png"]}, r"flat\.png: is not like r\.png"),
    ):
        with pytest.raises(InputError, match=said):
            Inspector(Recipe.model_validate({"checks": [{"type": "golden"}], **values}), files)
