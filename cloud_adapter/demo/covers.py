"""Rendered manhole covers on asphalt: in place, displaced, damaged, missing; drawn by formulas."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from vision.frame import Pixels

State = Literal["in_place", "displaced", "damaged", "missing"]
SIZE = (640, 480)


def render_cover(state: State, seed: int) -> Pixels:
    """A picture (480 x 640 x 3, BGR) straight from above; the same seed gives the same picture."""
    rng = np.random.default_rng(seed)
    width, height = SIZE
    ground = np.full((height, width, 3), rng.uniform(84, 104)) + rng.normal(0, 9, (height, width, 1))
    ground += cv2.resize(
        rng.normal(0, 10, (12, 16)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )[..., None]
    centre = (int(width / 2 + rng.uniform(-25, 25)), int(height / 2 + rng.uniform(-20, 20)))
    radius = int(rng.uniform(150, 170))
    cv2.circle(ground, centre, radius + 14, (58, 60, 62), -1, cv2.LINE_AA)  # frame
    cv2.circle(ground, centre, radius, (9, 9, 10), -1, cv2.LINE_AA)  # shaft
    if state != "missing":
        shift = rng.uniform(60, 95) if state == "displaced" else rng.uniform(0, 2)
        angle = rng.uniform(0, 2 * np.pi)
        place = (int(centre[0] + shift * np.cos(angle)), int(centre[1] + shift * np.sin(angle)))
        _lid(ground, place, radius - 4, rng, broken=state == "damaged")
    ground += rng.normal(0, 3, ground.shape)
    return np.clip(cv2.GaussianBlur(ground, (0, 0), 0.8), 0, 255).astype(np.uint8)


def _lid(
    ground: npt.NDArray[np.float64], place: tuple[int, int], radius: int, rng: np.random.Generator, *, broken: bool
) -> None:
    height, width = ground.shape[:2]
    lid = np.full_like(ground, 112)
    turn = rng.uniform(0, np.pi)
    x, y = np.meshgrid(np.arange(width) - place[0], np.arange(height) - place[1])
    u, v = x * np.cos(turn) + y * np.sin(turn), -x * np.sin(turn) + y * np.cos(turn)
    studs = ((np.floor(u / 15) + np.floor(v / 15)) % 2)[..., None]
    lid += 26 * studs - 10
    for ring in (0.35, 0.7, 0.95):
        lid[np.abs(np.hypot(x, y) - ring * radius) < 3] = 84
    mask = (np.hypot(x, y) < radius).astype(np.float32)
    if broken:
        piece = rng.uniform(0, 2 * np.pi)
        bearing = (np.arctan2(y, x) - piece + np.pi) % (2 * np.pi) - np.pi
        mask[(np.abs(bearing) < 0.42) & (np.hypot(x, y) > 0.35 * radius)] = 0
        crack = np.abs(v - 14 * np.sin(u / 23)) < 3.5
        lid[crack] = 26
    soft = cv2.GaussianBlur(mask, (0, 0), 1.0)[..., None]
    ground[:] = ground * (1 - soft) + lid * soft
