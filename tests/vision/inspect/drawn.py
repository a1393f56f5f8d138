"""Pictures for tests of inspection: shapes drawn finely and made small, prints of two tones, views of them."""

from __future__ import annotations

import cv2
import numpy as np

from vision.frame import Pixels
from vision.inspect.calibration import Calibration
from vision.inspect.part import View

FINE = 16


def blank(width: int = 200, height: int = 160, grey: int = 200) -> Pixels:
    return np.full((height, width, 3), grey, np.uint8)


def with_rectangle(
    image: Pixels, centre: tuple[float, float], size: tuple[float, float], turn: float = 0.0, grey: int = 40
) -> Pixels:
    """A rectangle (turn in degrees counter-clockwise), edges exact to a sixteenth of a pixel; corners count from 0."""
    height, width = image.shape[:2]
    cover = np.zeros((height * FINE, width * FINE), np.uint8)
    a, half = np.radians(turn), np.array(size) / 2
    along, across = np.array([np.cos(a), -np.sin(a)]), np.array([np.sin(a), np.cos(a)])
    corners = [centre + sx * half[0] * along + sy * half[1] * across for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    cv2.fillPoly(cover, [np.rint(np.array(corners) * FINE - 0.5).astype(np.int32)], 255)
    share = cv2.resize(cover, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / 255
    return np.rint(image * (1 - share) + grey * share).astype(np.uint8)


def with_disc(image: Pixels, centre: tuple[float, float], radius: float, colour: tuple[int, int, int]) -> Pixels:
    height, width = image.shape[:2]
    y, x = (np.mgrid[0 : height * FINE, 0 : width * FINE].astype(np.float32) + 0.5) / FINE
    cover = (np.hypot(x - centre[0], y - centre[1]) <= radius).astype(np.float32)
    share = cv2.resize(cover, (width, height), interpolation=cv2.INTER_AREA)[..., None]
    return np.rint(image * (1 - share) + np.array(colour) * share).astype(np.uint8)


def scale_only(mm_per_px: float, width: int = 200, height: int = 160) -> Calibration:
    """A camera straight above, `mm_per_px` millimetres to a pixel."""
    s = mm_per_px
    return Calibration(
        width=width, height=height, to_mm=((s, 0, 0), (0, s, 0), (0, 0, 1)), rms_mm=0.0, corners=4, square_mm=1.0
    )


def view_of(image: Pixels, mm_per_px: float | None = None, **more: object) -> View:
    calibration = None if mm_per_px is None else scale_only(mm_per_px, image.shape[1], image.shape[0])
    return View(image, mm_per_px=mm_per_px, calibration=calibration, **more)  # type: ignore[arg-type]  # a test's shorthand


def board(seed: int = 0, side: int = 320) -> Pixels:
    """A print of two tones: dark tracks and pads on white, jagged a little as an etching is."""
    rng = np.random.default_rng(seed)
    image = np.full((side, side), 255, np.uint8)
    for _ in range(9):
        x, y = (int(v) for v in rng.integers(30, side - 30, 2))
        for _ in range(3):
            step = int(rng.integers(30, 110)) * int(rng.choice([-1, 1]))
            end = (
                (int(np.clip(x + step, 14, side - 14)), y)
                if rng.random() < 0.5
                else (x, int(np.clip(y + step, 14, side - 14)))
            )
            cv2.line(image, (x, y), end, 0, int(rng.integers(5, 9)))
            x, y = end
        cv2.circle(image, (x, y), int(rng.integers(9, 15)), 0, -1)
    rough = cv2.GaussianBlur(rng.standard_normal((side, side)).astype(np.float32), (0, 0), 1.5)
    soft = cv2.GaussianBlur(image, (0, 0), 1.2).astype(np.float32) + 60 * rough
    return cv2.cvtColor(np.where(soft > 127, 255, 0).astype(np.uint8), cv2.COLOR_GRAY2BGR)


def encoded(image: Pixels, suffix: str = ".png") -> bytes:
    done, data = cv2.imencode(suffix, image)
    assert done
    return data.tobytes()
