"""The quality gate on rendered pictures, and on real ones that it must let pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from vision.capture.quality import Gate, fingerprint, judge, measured, reduced
from vision.frame import Pixels

RNG = np.random.default_rng(5)


def noisy(image: npt.NDArray[Any], sigma: float = 3.0, seed: int = 0) -> Pixels:
    rng = np.random.default_rng(seed)
    return np.clip(image + rng.normal(0, sigma, image.shape), 0, 255).astype(np.uint8)


def field(width: int = 1280, height: int = 720) -> Pixels:
    """Rows of plants on soil under a third of sky."""
    image = np.full((height, width, 3), (60, 85, 110), np.uint8)
    image[: height // 3] = (235, 190, 150)
    rng = np.random.default_rng(1)
    for _ in range(900):
        y = int(rng.uniform(height / 3, height))
        size = max(2, int(18 * y / height * width / 1280))
        colour = (int(rng.uniform(20, 60)), int(rng.uniform(110, 190)), int(rng.uniform(40, 90)))
        centre = (int(rng.uniform(0, width)), y)
        cv2.ellipse(image, centre, (size * 2, size), rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
    return noisy(image)


def sky(width: int = 1280, height: int = 720, *, clouds: bool) -> Pixels:
    ramp = np.linspace(0, 1, height)[:, None, None]
    image = (np.array([235, 160, 90]) * (1 - ramp) + np.array([245, 215, 185]) * ramp) * np.ones((1, width, 1))
    if clouds:
        soft = cv2.GaussianBlur(np.random.default_rng(2).normal(0, 1, (height, width)), (0, 0), 60)
        image += (soft / soft.std() * 20)[:, :, None]
    return noisy(np.clip(image, 0, 255).astype(np.uint8))


def scaled(image: Pixels, gain: float, sigma: float = 3.0) -> Pixels:
    return noisy(np.clip(image * gain, 0, 255).astype(np.uint8), sigma)


def covered() -> Pixels:
    """A leaf flat on the lens: dim, warm, without edges."""
    ramp = np.linspace(70, 95, 1280)[None, :, None] * np.ones((720, 1, 3))
    return noisy((ramp * np.array([0.5, 1.0, 0.6])).astype(np.uint8))


def lamp() -> Pixels:
    night = scaled(field(), 0.06)
    cv2.circle(night, (900, 200), 25, (255, 255, 255), -1)
    return night


REFUSED = {
    # a winter evening after sunset
    "dark": (scaled(field(), 0.12), ("dark",)),
    # the sensor's black, with its noise
    "night": (noisy(np.full((720, 1280, 3), 4, np.uint8), 6), ("dark",)),
    # one lit lamp makes no picture
    "lamp in the night": (lamp(), ("dark",)),
    # the sun in the lens
    "overexposed": (scaled(field(), 4.5), ("overexposed",)),
    # a lid, a hand, mud, a leaf: light comes through, edges do not
    "covered": (covered(), ("blocked",)),
    # dew on the lens, focus lost
    "out of focus": (noisy(cv2.GaussianBlur(field(), (0, 0), 20), 1), ("blurred",)),
    # shaken while exposing: 60 px of 1280
    "shaken": (noisy(cv2.blur(field(), (60, 60)), 1), ("blurred",)),
    # the mast has turned
    "blue sky": (sky(clouds=False), ("sky",)),
    "clouds": (sky(clouds=True), ("sky",)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_pictures_not_worth_their_bytes(name: str) -> None:
    image, reasons = REFUSED[name]
    verdict = judge(image, Gate())
    assert verdict.reasons == reasons, verdict.quality
    assert 0 < verdict.score < judge(field(), Gate()).score


ACCEPTED = {
    "the field itself": field(),
    "thumbnail": field(320, 180),
    "large": field(3840, 2160),
    "dull day": scaled(field(), 0.45),
    "bright day": scaled(field(), 1.25),
    "a little soft": cv2.GaussianBlur(field(), (0, 0), 2),
    "noise of dusk": scaled(field(), 0.35, 12),
    # two thirds sky: plants below are what it is for
    "much sky": np.concatenate([sky(clouds=True)[:480], field()[240:480]]),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_pictures_worth_their_bytes(name: str) -> None:
    verdict = judge(np.ascontiguousarray(ACCEPTED[name]), Gate())
    assert verdict.ok, (verdict.reasons, verdict.quality)


def test_limits_can_be_set_and_switched_off() -> None:
    off = Gate(light=0, over=1, detail=0, blur=1, sky=1, same=1)
    for name, (image, _) in REFUSED.items():
        assert judge(image, off).ok, name
    assert judge(field(), Gate(light=255)).reasons == ("dark",)


def test_a_frozen_picture_is_one_that_repeats_itself_to_the_pixel() -> None:
    before = fingerprint(field())
    again = field().copy()
    cv2.putText(again, "2026-11-23 06:30:01", (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (255, 255, 255), 2)
    assert judge(again, Gate(), before).reasons == ("frozen",)  # but for its clock
    live = noisy(field(), 1.5, seed=9)
    assert judge(live, Gate(), before).ok
    assert judge(field(640, 360), Gate(), before).ok  # another size is another picture
    night = np.zeros((720, 1280, 3), np.uint8)
    assert judge(night, Gate(), fingerprint(night)).quality.same is None  # black repeats itself


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (16, 16), (7, 7)])
def test_the_smallest_pictures_are_measured_too(size: tuple[int, int]) -> None:
    image = RNG.integers(0, 255, (*size, 3), dtype=np.uint8)
    assert set(measured(image).values()) == {"light", "over", "blur", "detail", "contrast", "sky"}


def test_reduced_never_enlarges() -> None:
    assert reduced(field(), 256).shape == (144, 256, 3)
    assert reduced(field(320, 180), 1024).shape == (180, 320, 3)


def _pictures(folder: Path, *parts: str) -> list[Path]:
    return [p for part in parts for p in sorted((folder / part).rglob("*")) if p.suffix.lower() in (".jpg", ".png")]


def test_real_leaves_and_streets_pass(shared_data: Path) -> None:
    paths = _pictures(shared_data / "images", "leaves_potato", "leaves_rice", "photos")
    assert len(paths) > 50
    refused = {p.name: v.reasons for p in paths if not (v := judge(_read(p), Gate())).ok}
    assert refused == {}


def test_real_pictures_out_of_focus_do_not_pass(shared_data: Path) -> None:
    """Blurred by 2 % of their width, so that a leaf's spots are gone."""
    paths = _pictures(shared_data / "images", "leaves_potato", "leaves_rice", "photos")
    assert [path.name for path in paths if judge(_soft(_read(path)), Gate()).ok] == []


def _soft(image: Pixels) -> Pixels:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(image.shape) * 0.02), np.uint8)


def _read(path: Path) -> Pixels:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)
