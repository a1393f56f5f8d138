"""Rendered potato leaves: healthy, with late blight, with early blight; drawn by formulas, so that they can be shipped.

They look like a textbook, not like a field. What answers well on them is not thereby any good on a farm.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from vision.frame import Pixels

Condition = Literal["healthy", "late_blight", "early_blight"]
SIZE = (640, 480)  # width, height in pixels

_Field = npt.NDArray[np.float32]


def render_leaf(condition: Condition, seed: int, *, sign: str | None = None, severity: float = 0.5) -> Pixels:
    """A picture (480 x 640 x 3, BGR) of one leaf on soil; the same seed gives the same picture.

    `severity` 0..1 is how much of the leaf is ill; `sign` is a text on a board beside the leaf.
    """
    rng = np.random.default_rng(seed)
    width, height = SIZE
    picture = _soil(rng, width, height)
    leaf, along, across = _leaf(rng, width, height)
    colour = _green(rng, along, across)
    if condition == "late_blight":
        colour = _late_blight(rng, colour, leaf, severity)
    elif condition == "early_blight":
        colour = _early_blight(rng, colour, leaf, severity)
    edge = cv2.GaussianBlur(leaf.astype(np.float32), (0, 0), 1.2)[..., None]
    shadow = cv2.GaussianBlur(np.roll(leaf.astype(np.float32), (9, 7), (0, 1)), (0, 0), 7)[..., None]
    picture = picture * (1 - 0.45 * shadow * (1 - edge))
    picture = picture * (1 - edge) + colour * edge
    if sign is not None:
        picture = _with_sign(picture, sign)
    picture = picture * rng.uniform(0.88, 1.08) + rng.normal(0, 2.5, picture.shape).astype(np.float32)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _noise(rng: np.random.Generator, width: int, height: int, scale: float) -> _Field:
    """Smooth noise, -1..1, with spots of about `scale` pixels."""
    small = rng.normal(0, 1, (max(2, int(height / scale)), max(2, int(width / scale)))).astype(np.float32)
    grown = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(grown / max(1e-6, float(np.abs(grown).max())), np.float32)


def _soil(rng: np.random.Generator, width: int, height: int) -> _Field:
    base = np.array([97, 101, 105], np.float32) + rng.uniform(-8, 8)  # grey-brown, little colour of its own
    rough = 16 * _noise(rng, width, height, 40) + 12 * _noise(rng, width, height, 6)
    return np.asarray(base + rough[..., None], np.float32)


def _leaf(rng: np.random.Generator, width: int, height: int) -> tuple[npt.NDArray[np.bool_], _Field, _Field]:
    """The leaf's mask, and for each pixel how far along (-1..1) and across (-1..1) the leaf it lies."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    angle, length = rng.uniform(-0.6, 0.6), rng.uniform(215, 255)
    breadth = length * rng.uniform(0.58, 0.70)
    dx, dy = x - width / 2 - rng.uniform(-20, 20), y - height / 2 - rng.uniform(-15, 15)
    along = (dx * np.cos(angle) + dy * np.sin(angle)) / length
    across = (-dx * np.sin(angle) + dy * np.cos(angle)) / breadth
    outline = np.sqrt(np.clip(1 - along**2, 0, 1)) * (1 - 0.28 * along) * (1 + 0.03 * _noise(rng, width, height, 25))
    mask = (np.abs(across) < outline) & (np.abs(along) < 1)
    return mask, along.astype(np.float32), across.astype(np.float32)


def _green(rng: np.random.Generator, along: _Field, across: _Field) -> _Field:
    """Leaf green with midrib and side veins."""
    height, width = along.shape
    base = np.array([42, 128, 62], np.float32) + rng.uniform(-10, 10, 3).astype(np.float32)
    light = 10 * _noise(rng, width, height, 60) + 5 * _noise(rng, width, height, 9) - 14 * np.abs(across)
    vein = np.exp(-((across / 0.018) ** 2))
    side = np.exp(-(((((along - 0.55 * np.abs(across)) * 6.5) % 1.0 - 0.5) / 0.07) ** 2)) * (np.abs(across) > 0.02)
    lift = light + 34 * vein + 15 * side
    return np.asarray(base + lift[..., None] * np.array([0.7, 1.0, 0.8], np.float32), np.float32)


def _late_blight(rng: np.random.Generator, colour: _Field, leaf: npt.NDArray[np.bool_], severity: float) -> _Field:
    """Large dark, watery patches from the edge inwards, with a pale yellow-green border (Phytophthora infestans)."""
    height, width = leaf.shape
    inside = np.asarray(cv2.distanceTransform(leaf.astype(np.uint8), cv2.DIST_L2, 5), np.float32)
    inside /= max(1.0, float(inside.max()))
    field = 0.75 * _noise(rng, width, height, 110) + 0.25 * _noise(rng, width, height, 25) - 0.5 * inside
    level = np.quantile(field[leaf], 1 - (0.10 + 0.35 * severity))
    patch = np.clip((field - level) / 0.10 + 0.5, 0, 1)[..., None]
    halo = np.clip((field - level) / 0.10 + 1.6, 0, 1)[..., None]
    dark = np.array([34, 52, 78], np.float32) + 9 * _noise(rng, width, height, 14)[..., None]
    pale = np.array([52, 168, 172], np.float32)
    return np.asarray((colour * (1 - 0.55 * halo) + pale * 0.55 * halo) * (1 - patch) + dark * patch, np.float32)


def _early_blight(rng: np.random.Generator, colour: _Field, leaf: npt.NDArray[np.bool_], severity: float) -> _Field:
    """Round brown spots with rings like a target and a yellow border (Alternaria solani)."""
    height, width = leaf.shape
    y, x = np.nonzero(cv2.erode(leaf.astype(np.uint8), np.ones((41, 41), np.uint8)))
    xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    for _ in range(int(5 + 12 * severity)):
        i = rng.integers(len(x))
        radius = rng.uniform(13, 27)
        far = np.hypot((xs - x[i]) * rng.uniform(0.85, 1.15), ys - y[i]) + 3 * _noise(rng, width, height, 12)
        spot = np.clip((radius - far) / 2.5 + 0.5, 0, 1)[..., None]
        halo = np.clip((radius * 1.7 - far) / (0.7 * radius), 0, 1)[..., None]
        rings = 11 * np.cos(far / radius * 2 * np.pi * 2.5)[..., None]
        brown = np.array([38, 72, 118], np.float32) + rings
        yellow = np.array([48, 178, 200], np.float32)
        colour = colour * (1 - 0.6 * halo) + yellow * 0.6 * halo
        colour = colour * (1 - spot) + brown * spot
    return np.asarray(colour, np.float32)


def _with_sign(picture: _Field, text: str) -> _Field:
    """A white board at the lower edge with black letters."""
    height, width = picture.shape[:2]
    board = np.clip(picture, 0, 255).astype(np.uint8)
    lines = [text[i : i + 30] for i in range(0, len(text), 30)]
    top = height - 34 * len(lines) - 26
    cv2.rectangle(board, (24, top), (width - 24, height - 14), (236, 238, 240), -1)
    for i, line in enumerate(lines):
        cv2.putText(board, line, (40, top + 32 + 34 * i), cv2.FONT_HERSHEY_SIMPLEX, 0.95, (20, 20, 24), 2, cv2.LINE_AA)
    return board.astype(np.float32)
