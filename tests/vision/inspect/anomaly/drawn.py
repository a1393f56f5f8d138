"""Parts for tests: brushed plates, drawn from noise, with or without a spot."""

from __future__ import annotations

import cv2
import numpy as np

from vision.frame import Pixels


def plate(number: int, spot: bool = False, size: tuple[int, int] = (160, 128)) -> Pixels:
    """A plate of width and height `size`; the spot lies at 30 % of its width and 60 % of its height."""
    width, height = size
    rng = np.random.default_rng(number)
    grain = cv2.GaussianBlur(rng.standard_normal((height, width)).astype(np.float32), (0, 0), sigmaX=9, sigmaY=0.8)
    grey = 120 + 12 * grain / grain.std() + rng.normal(0, 6)
    picture = np.repeat(grey[..., None], 3, axis=2)
    if spot:
        cv2.circle(picture, (int(0.3 * width), int(0.6 * height)), 9, (40, 40, 40), -1, cv2.LINE_AA)
    return np.asarray(np.clip(picture, 0, 255), np.uint8)
