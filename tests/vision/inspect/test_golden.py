"""The golden template: changed copies of the good part pass, faults are found, boxed and named."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from tests.vision.inspect.drawn import board, encoded
from vision.frame import Pixels
from vision.inspect.check import ScriptedAssets
from vision.inspect.inspector import Inspection, Inspector
from vision.inspect.recipe import Recipe

GOOD = board(3)


def inspector(good: Pixels = GOOD) -> Inspector:
    recipe = Recipe.model_validate({"reference": "good.png", "checks": [{"type": "golden"}]})
    return Inspector(recipe, ScriptedAssets({"good.png": encoded(good)}))


@pytest.fixture(scope="module")
def golden() -> Inspector:
    return inspector()


def moved(image: Pixels, turn: float, dx: float, dy: float, scale: float = 1.0) -> Pixels:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, scale)
    matrix[:, 2] += dx, dy
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def noisy(image: Pixels, sigma: float) -> Pixels:
    rng = np.random.default_rng(1)
    return np.clip(image + rng.normal(0, sigma, image.shape), 0, 255).astype(np.uint8)


def jpeg(image: Pixels, quality: int) -> Pixels:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def bent(image: Pixels, pixels: float) -> Pixels:
    """A smooth bend, as of a lens or a print that has shrunk."""
    y, x = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float32)
    wave = pixels * np.sin(x / 60) * np.cos(y / 75)
    return np.asarray(cv2.remap(image, x + wave, y - wave, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image,
        lambda image: moved(image, 0, 12, -12),
        lambda image: moved(image, 0, 3.5, 2.5),  # between pixels
        lambda image: moved(image, 3, 0, 0),
        lambda image: moved(image, -3, -12, 9, 1.01),
        lambda image: moved(image, 0, 0, 0, 0.985),
        lambda image: (image * 0.8).astype(np.uint8),
        lambda image: np.clip(image * 1.25, 0, 255).astype(np.uint8),
        lambda image: np.clip(image.astype(int) + 30, 0, 255).astype(np.uint8),
        lambda image: np.clip(image.astype(int) - 30, 0, 255).astype(np.uint8),
        lambda image: (image * np.linspace(1, 0.7, image.shape[1])[None, :, None]).astype(np.uint8),  # light falls off
        lambda image: noisy(image, 10),
        lambda image: jpeg(image, 40),
        lambda image: cv2.GaussianBlur(image, (0, 0), 1.4),
        lambda image: bent(image, 1.0),
        lambda image: jpeg(noisy(cv2.GaussianBlur(moved(image, 2, 8, -7), (0, 0), 1.0), 5), 75),
    ],
)
def test_a_changed_copy_of_the_good_part_passes(golden: Inspector, change: Callable[[Pixels], Pixels]) -> None:
    verdict = golden.inspect(change(GOOD)).verdict
    assert verdict.outcome == "pass", verdict.reasons


def plain() -> Pixels:
    """Four tracks and a pad, where it is plain what a fault does."""
    image = np.full((320, 320, 3), 255, np.uint8)
    for y in (60, 120, 180, 240):
        cv2.line(image, (30, y), (290, y), (0, 0, 0), 8)
    cv2.circle(image, (60, 180), 26, (0, 0, 0), -1)
    cv2.line(image, (290, 60), (290, 240), (0, 0, 0), 8)
    return image


FAULTS: list[tuple[str, tuple[float, float], Callable[[Pixels], object]]] = [
    ("open", (150, 60), lambda p: cv2.rectangle(p, (146, 50), (154, 70), (255, 255, 255), -1)),
    ("short", (150, 150), lambda p: cv2.line(p, (150, 122), (150, 178), (0, 0, 0), 4)),
    ("mouse bite", (200, 117), lambda p: cv2.circle(p, (200, 115), 5, (255, 255, 255), -1)),
    ("spur", (220, 68), lambda p: cv2.line(p, (220, 62), (220, 74), (0, 0, 0), 5)),
    ("island", (220, 212), lambda p: cv2.circle(p, (220, 212), 6, (0, 0, 0), -1)),
    ("pinhole", (60, 180), lambda p: cv2.circle(p, (60, 180), 5, (255, 255, 255), -1)),
]


@pytest.mark.parametrize(("kind", "place", "draw"), FAULTS)
@pytest.mark.parametrize("turn", [0.0, 2.5])
def test_faults_are_found_boxed_and_named(
    kind: str, place: tuple[float, float], draw: Callable[[Pixels], object], turn: float
) -> None:
    faulty = plain()
    draw(faulty)
    findings = inspector(plain()).inspect(moved(faulty, turn, 4 * turn, -2 * turn)).verdict.findings
    assert [finding.kind for finding in findings] == [kind]
    matrix = cv2.getRotationMatrix2D((160, 160), turn, 1.0)
    matrix[:, 2] += 4 * turn, -2 * turn
    there = matrix @ (*place, 1)  # boxes are those of the picture that was given, not of the reference
    assert findings[0].box.centre == pytest.approx(there, abs=5)
    assert max(findings[0].box.width, findings[0].box.height) < 80


def test_the_same_picture_gives_the_same_verdict(golden: Inspector) -> None:
    faulty = GOOD.copy()
    cv2.circle(faulty, (150, 150), 7, (0, 0, 0), -1)
    picture = moved(faulty, 1.5, 3, 4)
    first, second, third = golden.inspect(picture), golden.inspect(picture), inspector().inspect(picture)
    assert first.verdict == second.verdict == third.verdict


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (np.full((320, 320, 3), 255, np.uint8), "not found"),  # nothing at all
        (board(8), "not found"),  # another board
        (np.full((8, 8, 3), 0, np.uint8), "too small"),
        (np.random.default_rng(0).integers(0, 255, (320, 320, 3)).astype(np.uint8), "not found"),
        (np.roll(GOOD, 150, axis=1), "not found"),  # half of it elsewhere
        (cv2.GaussianBlur(GOOD, (0, 0), 5.0), "focus"),
    ],
)
def test_what_cannot_be_judged_is_no_decision(golden: Inspector, picture: Pixels, reason: str) -> None:
    inspection: Inspection = golden.inspect(picture)
    assert inspection.verdict.outcome == "no_decision"
    assert reason in inspection.verdict.reasons[0]


def test_what_any_good_part_shows_is_good() -> None:
    labelled = GOOD.copy()
    cv2.putText(labelled, "B7", (150, 200), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 0), 2)
    files = {"a.png": encoded(GOOD), "b.png": encoded(moved(labelled, 1, 5, 0))}
    for references, outcome in ((("a.png",), "reject"), (("a.png", "b.png"), "pass")):
        recipe = Recipe.model_validate({"reference": references, "checks": [{"type": "golden"}]})
        assert Inspector(recipe, ScriptedAssets(files)).inspect(labelled).verdict.outcome == outcome


def test_regions_and_what_is_ignored() -> None:
    faulty = GOOD.copy()
    cv2.circle(faulty, (260, 40), 8, (0, 0, 0), -1)
    golden = [{"type": "golden"}]
    for region, outcome in (
        ({"box": [0, 0, 1, 1]}, "reject"),
        ({"box": [0, 0.4, 1, 1]}, "pass"),  # the fault lies outside
        ({"ignore": [[[0.7, 0.0], [1, 0], [1, 0.3], [0.7, 0.3]]]}, "pass"),
        ({"polygon": [[0, 0], [0.6, 0], [0.6, 1], [0, 1]]}, "pass"),
        ({"polygon": [[0.5, 0], [1, 0], [1, 1]]}, "reject"),
    ):
        recipe = Recipe.model_validate({"reference": "good.png", "regions": [{"checks": golden, **region}]})
        made = Inspector(recipe, ScriptedAssets({"good.png": encoded(GOOD)}))
        assert made.inspect(faulty).verdict.outcome == outcome, region
