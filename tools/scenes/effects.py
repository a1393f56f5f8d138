"""What a cheap camera does to light: lens, exposure, noise, sharpening, shake. Everything from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .mesh import Array

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Sensor:
    """How a camera spoils the picture. `gain` is the exposure, `noise` a multiple of a decent day-time camera."""

    gain: float = 0.85
    noise: float = 1.0
    distortion: float = -0.045
    vignette: float = 0.28
    shake: float = 0.25
    drift: float = 0.02
    sharpen: float = 0.55
    blur: float = 0.55
    saturation: float = 0.92
    warmth: float = 0.0
    mono: bool = False
    bloom: float = 0.05


class Lens:
    """Turns light into 8-bit pictures, frame by frame; the same maps move the ground truth."""

    def __init__(self, sensor: Sensor, size: tuple[int, int], seed: int) -> None:
        self.sensor, self.size = sensor, size
        self._rng = np.random.default_rng(seed)
        w, h = size
        self._grid = np.stack(np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32)), -1)
        centred = (self._grid - np.array([w / 2, h / 2], np.float32)) / (w / 2)
        self._r2 = (centred**2).sum(-1)
        # zoomed in a little, so that neither distortion nor shake shows an edge
        scale = (1 + sensor.distortion * self._r2[..., None]) * (
            0.985 if sensor.distortion <= 0 else 1 / (1 + sensor.distortion * 1.4)
        )
        self._base = centred * scale * (w / 2) + np.array([w / 2, h / 2], np.float32)
        self._dark = (1 - sensor.vignette * (self._r2 / self._r2.max()) ** 1.3)[..., None]
        self._pattern = self._rng.normal(0, 1, (h, w, 1)).astype(np.float32) * 0.35
        self._phase = self._rng.uniform(0, 6.28, 6)

    def maps(self, t: float) -> tuple[Array, Array]:
        """Where each pixel comes from at time `t`: distortion and shake."""
        p, s = self._phase, self.sensor.shake
        dx = s * (0.6 * np.sin(2.1 * t + p[0]) + 0.4 * np.sin(5.3 * t + p[1]))
        dy = s * (0.6 * np.sin(1.7 * t + p[2]) + 0.4 * np.sin(6.1 * t + p[3]))
        m = self._base + np.array([dx, dy], np.float32)
        return np.ascontiguousarray(m[..., 0]), np.ascontiguousarray(m[..., 1])

    def expose(self, light: Array, t: float, gain: float = 1.0) -> Picture:
        """The picture (BGR) of linear light (RGB) at time `t`."""
        s, rng = self.sensor, self._rng
        h, w = light.shape[:2]
        x: NDArray[Any] = cv2.remap(light, *self.maps(t), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if s.bloom:
            small = cv2.resize(np.minimum(x, 12.0), (w // 4, h // 4), interpolation=cv2.INTER_AREA)
            x = x * (1 - s.bloom) + s.bloom * cv2.resize(cv2.GaussianBlur(small, (0, 0), 6), (w, h))
        x = x * self._dark
        x = x * (
            s.gain
            * gain
            * (1 + s.drift * np.sin(0.35 * t + self._phase[4]) + 0.4 * s.drift * np.sin(1.3 * t + self._phase[5]))
        )
        if s.mono:
            x = np.repeat(x @ np.array([[0.35], [0.45], [0.20]], np.float32), 3, 2)
        grain = rng.standard_normal((h, w, 1), np.float32) if s.mono else rng.standard_normal((h, w, 3), np.float32)
        sigma = s.noise * np.sqrt(0.00030 * np.maximum(x, 0) + 0.000012)
        x = x + sigma * (grain + self._pattern * 0.4)
        if s.blur:
            x = cv2.GaussianBlur(x, (0, 0), s.blur)
        x = np.maximum(x, 0)
        x = x * (1 + x / 3.2) / (1 + x)  # shoulder: highlights roll off
        x = np.where(x < 0.0031308, 12.92 * x, 1.055 * np.power(np.maximum(x, 1e-6), 1 / 2.2) - 0.055)
        if s.saturation != 1 and not s.mono:
            grey = x.mean(2, keepdims=True)
            x = grey + (x - grey) * s.saturation
        x = x + 0.22 * (x - 0.42) * np.clip(4 * x * (1 - x), 0, 1)  # contrast as the maker likes it
        if s.warmth:
            x = x * np.array([1 + s.warmth, 1, 1 - s.warmth], np.float32)
        if s.sharpen:
            x = x + s.sharpen * (x - cv2.GaussianBlur(x, (0, 0), 1.1))
        return np.ascontiguousarray((np.clip(x, 0, 1) * 255 + 0.5).astype(np.uint8)[..., ::-1])

    def move_ids(self, ids: NDArray[np.uint8], t: float) -> NDArray[np.uint8]:
        """The label picture as the lens shows it."""
        return np.asarray(cv2.remap(ids, *self.maps(t), cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE), np.uint8)

    def move_points(self, points: Array) -> Array:
        """Pixels of the pinhole picture to pixels of the distorted one (without shake)."""
        w = self.size[0]
        middle = np.array([w / 2, self.size[1] / 2])
        goal = (np.asarray(points) - middle) / (w / 2)
        k = self.sensor.distortion
        zoom = 0.985 if k <= 0 else 1 / (1 + k * 1.4)
        out = goal.copy()
        for _ in range(20):
            out = goal / (zoom * (1 + k * (out**2).sum(-1, keepdims=True)))
        return np.asarray(out * (w / 2) + middle, np.float32)


def covered(picture: Picture, amount: float, seed: int, t: float) -> Picture:
    """A dark cloth pushed in front of the lens from the right; `amount` 0..1 of the way."""
    if amount <= 0:
        return picture
    h, w = picture.shape[:2]
    rng = np.random.default_rng(seed)
    folds: NDArray[Any] = cv2.resize(
        rng.normal(0, 1, (7, 11)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC
    )
    folds += 0.5 * cv2.resize(rng.normal(0, 1, (14, 22)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
    shiver = 3.0 * np.sin(1.9 * t) + 1.5 * np.sin(4.3 * t)
    folds = np.roll(folds, int(shiver), 1)
    x = np.arange(w, dtype=np.float32)[None] / w
    y = np.arange(h, dtype=np.float32)[:, None] / h
    edge = 1.12 - 1.35 * amount + 0.06 * np.sin(5 * y + 0.6 * t) + 0.10 * (y - 0.5)
    alpha = np.clip((x - edge) / 0.07, 0, 1)[..., None]
    alpha = alpha * alpha * (3 - 2 * alpha)
    level = 17.0 + 5.0 * folds + 14.0 * np.exp(-(((x - edge) / 0.16) ** 2)) + rng.normal(0, 1.0, (1, 1))
    grain = np.random.default_rng(seed + int(t * 1000)).normal(0, 1.6, (h, w, 1))
    cloth = level[..., None] * np.array([0.95, 0.92, 1.08]) + grain
    return np.asarray(np.clip(picture * (1 - alpha) + cloth * alpha, 0, 255), np.uint8)
