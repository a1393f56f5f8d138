"""Colours as people see them: CIELAB and the CIEDE2000 difference.

Source: Sharma, Wu, Dalal, "The CIEDE2000 color-difference formula" (Color Research and Application 2005).
"""

from __future__ import annotations

from typing import Annotated

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import Field

from vision.frame import Pixels

Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
Lab = npt.NDArray[np.float64]  # [..., 3]: lightness 0..100, a, b

_P25 = 25.0**7


def bgr_of(colour: str) -> tuple[int, int, int]:
    """A colour of the form #rrggbb in OpenCV's order."""
    return int(colour[5:7], 16), int(colour[3:5], 16), int(colour[1:3], 16)


def hex_of(colour: npt.ArrayLike) -> str:
    """A CIELAB colour as "#rrggbb", clipped to what a screen shows."""
    pixel = np.asarray(colour, np.float32).reshape(1, 1, 3)
    b, g, r = np.clip(np.rint(np.asarray(cv2.cvtColor(pixel, cv2.COLOR_LAB2BGR)).ravel() * 255), 0, 255).astype(int)
    return f"#{r:02x}{g:02x}{b:02x}"


def lab(image: Pixels) -> Lab:
    """A BGR picture (uint8, sRGB) in CIELAB under D65."""
    return np.asarray(cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_BGR2LAB), np.float64)


def difference(one: Lab, other: Lab) -> npt.NDArray[np.float64]:
    """CIEDE2000 between colours [..., 3]; 1 is about what a trained eye just sees."""
    l1, a1, b1 = np.moveaxis(np.asarray(one, np.float64), -1, 0)
    l2, a2, b2 = np.moveaxis(np.asarray(other, np.float64), -1, 0)
    mean7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1 + 0.5 * (1 - np.sqrt(mean7 / (mean7 + _P25)))
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    grey = c1 * c2 == 0
    turn = h2 - h1
    turn = np.where(turn > 180, turn - 360, np.where(turn < -180, turn + 360, turn))
    turn = np.where(grey, 0.0, turn)
    total = h1 + h2
    around = np.where(np.abs(h1 - h2) <= 180, total / 2, np.where(total < 360, (total + 360) / 2, (total - 360) / 2))
    hue = np.where(grey, total, around)
    light, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    return _weighed(l2 - l1, c2 - c1, 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)), light, chroma, hue)


def _weighed(dl: Lab, dc: Lab, dh: Lab, light: Lab, chroma: Lab, hue: Lab) -> npt.NDArray[np.float64]:
    """The steps in lightness, chroma and hue, each weighed by where they lie."""
    t = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    away = (light - 50) ** 2
    sl = 1 + 0.015 * away / np.sqrt(20 + away)
    sc, sh = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    turn = 30 * np.exp(-(((hue - 275) / 25) ** 2))
    rt = -2 * np.sqrt(chroma**7 / (chroma**7 + _P25)) * np.sin(np.radians(2 * turn))
    dl, dc, dh = dl / sl, dc / sc, dh / sh
    return np.asarray(np.sqrt(np.maximum(dl * dl + dc * dc + dh * dh + rt * dc * dh, 0)))
