"""Endless made-up surfaces and faults for training the inspection backbone: no photograph, no drawing of anything real.

A `World` is one kind of surface: processes of noise, cells, weaves and leaves, a layout of shapes that every part shares,
light and colour. `World.shot` is one good picture of it, `World.faulty` one with a fault and the pixels it changed.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Rng = np.random.Generator
Process = Callable[[Rng], Array]


def _unit(field: Array) -> Array:
    field = field - field.mean()
    return np.asarray(field / (field.std() + 1e-6), np.float32)


def spectral(rng: Rng, n: int) -> Process:
    """Noise with a power spectrum of its own: grain, brushing, clouds, streaks."""
    beta, ratio = rng.uniform(0.4, 2.6), float(np.exp(rng.uniform(0, np.log(40)) if rng.random() < 0.6 else 0))
    angle = float(rng.choice([0, np.pi / 2])) if rng.random() < 0.5 else float(rng.uniform(0, np.pi))
    low, bend = float(rng.choice([0, 0, rng.uniform(1, n / 6)])), int(rng.integers(5))
    fy, fx = np.meshgrid(np.fft.fftfreq(n) * n, np.fft.rfftfreq(n) * n, indexing="ij")
    u, v = np.cos(angle) * fx + np.sin(angle) * fy, -np.sin(angle) * fx + np.cos(angle) * fy
    radius = np.sqrt((u * ratio) ** 2 + v**2 + 1.0)
    gain = (radius**-beta * (1 - np.exp(-((radius / (low + 0.5)) ** 2)))).astype(np.float32)

    def draw(r: Rng) -> Array:
        white = np.fft.rfft2(r.standard_normal((n, n)).astype(np.float32))
        f = _unit(np.fft.irfft2(white * gain, s=(n, n)).astype(np.float32))
        if bend == 1:
            f = np.abs(f)
        elif bend == 2:
            f = np.tanh(4 * f)
        elif bend == 3:
            f = np.exp(np.minimum(1.2 * f, 3))
        return _unit(np.asarray(f, np.float32))

    return draw


def leaves(rng: Rng, n: int) -> Process:
    """Overlapping discs, boxes or chips of one range of sizes and greys."""
    count, kind = int(np.exp(rng.uniform(np.log(15), np.log(160)))), int(rng.integers(3))
    small, large = sorted(np.exp(rng.uniform(np.log(1.5), np.log(n / 6), 2)))
    levels = rng.standard_normal(int(rng.integers(2, 6))).astype(np.float32)

    def draw(r: Rng) -> Array:
        f = np.zeros((n, n), np.float32)
        for x, y, s, a, t in zip(*r.random((5, count)), strict=True):
            at, size = (int(x * n), int(y * n)), small + s * (large - small)
            grey = float(levels[int(a * len(levels))])
            if kind == 0:
                cv2.circle(f, at, max(1, round(size)), grey, -1, cv2.LINE_AA)
            elif kind == 1:
                box = cv2.boxPoints((at, (2 * size, 2 * size * (0.3 + t)), t * 90))
                cv2.fillConvexPoly(f, box.astype(np.int32), grey, cv2.LINE_AA)
            else:
                axes = (max(1, round(size)), max(1, round(0.4 * size)))
                cv2.ellipse(f, at, axes, t * 180, 0, 360, grey, -1, cv2.LINE_AA)
        return _unit(f)

    return draw


def weave(rng: Rng, n: int) -> Process:
    """Stripes, cloth, grids and dots: waves in one or two directions with a little wobble."""
    period, sharp, two = (
        float(np.exp(rng.uniform(np.log(4), np.log(28)))),
        float(rng.uniform(0.5, 6)),
        rng.random() < 0.6,
    )
    angle = float(rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)]))
    wobble, join = float(rng.uniform(0, 0.6)), int(rng.integers(3))
    rows, columns = np.mgrid[0:n, 0:n].astype(np.float32)

    def draw(r: Rng) -> Array:
        bump = cv2.resize(
            r.standard_normal((2, 4, 4)).astype(np.float32).transpose(1, 2, 0), (n, n), interpolation=cv2.INTER_CUBIC
        )
        u = np.cos(angle) * columns + np.sin(angle) * rows
        v = -np.sin(angle) * columns + np.cos(angle) * rows
        p, q = r.uniform(0, 2 * np.pi, 2)
        a = np.tanh(sharp * np.sin(2 * np.pi * u / period + p + wobble * bump[..., 0]))
        if not two:
            return _unit(np.asarray(a, np.float32))
        b = np.tanh(sharp * np.sin(2 * np.pi * v / period + q + wobble * bump[..., 1]))
        return _unit(np.asarray((a * b, a + b, np.maximum(a, b))[join], np.float32))

    return draw


def cells(rng: Rng, n: int) -> Process:
    """Cells around random points: grains, tiles, leather."""
    count, edges = int(np.exp(rng.uniform(np.log(8), np.log(300)))), rng.random() < 0.5

    def draw(r: Rng) -> Array:
        seeds = np.full((n, n), 255, np.uint8)
        points = r.integers(0, n, (count, 2))
        seeds[points[:, 0], points[:, 1]] = 0
        far, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
        return _unit(far if edges else r.standard_normal(int(labels.max()) + 1).astype(np.float32)[labels])

    return draw


def _process(rng: Rng, n: int) -> Process:
    return (spectral, spectral, spectral, leaves, weave, cells)[int(rng.integers(6))](rng, n)


def _blob(rng: Rng, n: int, size: float) -> Array:
    """A soft-edged spot of a ragged shape, 0..1, somewhere."""
    rows, columns = np.mgrid[0:n, 0:n].astype(np.float32)
    x, y = rng.uniform(0, n, 2)
    a, stretch = rng.uniform(0, np.pi), float(np.exp(rng.uniform(0, 1.1)))
    u = (np.cos(a) * (columns - x) + np.sin(a) * (rows - y)) / (size * stretch)
    v = (-np.sin(a) * (columns - x) + np.cos(a) * (rows - y)) / (size / stretch)
    rag = cv2.resize(rng.standard_normal((9, 9)).astype(np.float32), (n, n), interpolation=cv2.INTER_CUBIC)
    far = np.hypot(u, v) + rng.uniform(0, 0.3) * rag
    soft = float(np.exp(rng.uniform(np.log(1.0), np.log(5)))) / size  # pixels of edge
    return np.asarray(np.clip((1 - far) / max(soft, 0.02) + 0.5, 0, 1), np.float32)


def _curve(rng: Rng, n: int, width: int) -> Array:
    line = np.zeros((n, n), np.float32)
    t = np.linspace(-1, 1, 20)
    a, half = rng.uniform(0, np.pi), rng.uniform(0.1, 0.7) * n
    d, m = np.array([np.cos(a), np.sin(a)]), np.array([-np.sin(a), np.cos(a)])
    walk = np.cumsum(rng.normal(0, rng.uniform(0, 1.6), 20))
    points = rng.uniform(0, n, 2) + t[:, None] * half * d + (walk + rng.normal(0, 8) * (1 - t**2))[:, None] * m
    cv2.polylines(line, [np.rint(points).astype(np.int32)], False, 1.0, width, cv2.LINE_AA)
    return cv2.GaussianBlur(line, (0, 0), float(rng.uniform(0.3, 0.9)))


class World:
    """One kind of surface, drawn by its number."""

    def __init__(self, rng: Rng, n: int) -> None:
        self.n = n
        self._first, self._second, self._other = (_process(rng, n) for _ in range(3))
        self._contrast = float(np.exp(rng.uniform(np.log(0.02), np.log(0.22))))
        self._mix, self._times = float(rng.uniform(0, 1)) * (rng.random() < 0.6), rng.random() < 0.3
        self._ground = float(rng.uniform(0.2, 0.7))
        self._layout = self._shapes(rng) if rng.random() < 0.5 else None
        self._edge = rng.uniform(-0.25, 0.3, 4) if rng.random() < 0.5 else None
        self._outside = float(rng.uniform(0.0, 0.9))
        self._jitter = float(rng.uniform(0, 4))
        grey = rng.random() < 0.5
        self._tint = np.ones(3, np.float32) if grey else np.exp(rng.normal(0, 0.35, 3)).astype(np.float32)
        self._light = (float(rng.uniform(0.02, 0.3)), float(rng.uniform(0.02, 0.3)), float(rng.uniform(0, 0.15)))
        self._noise, self._blur, self._grey = float(rng.uniform(0.002, 0.015)), float(rng.uniform(0, 0.8)), grey

    def _shapes(self, rng: Rng) -> Array:
        n = self.n
        f = np.zeros((n, n), np.float32)
        for _ in range(int(rng.integers(1, 10))):
            grey, x, y = float(rng.normal(0, 0.22)), *(int(v) for v in rng.integers(0, n, 2))
            w, h = (int(v) for v in np.exp(rng.uniform(np.log(3), np.log(n / 2.5), 2)))
            kind = int(rng.integers(5))
            if kind == 0:
                cv2.rectangle(f, (x, y), (x + w, y + h), grey, int(rng.choice([-1, 1, 2])), cv2.LINE_AA)
            elif kind == 1:
                cv2.circle(f, (x, y), w // 2 + 2, grey, int(rng.choice([-1, 1, 2, 3])), cv2.LINE_AA)
            elif kind == 2:
                cv2.line(
                    f, (x, y), (x + w, y + h * int(rng.integers(-1, 2))), grey, int(rng.integers(1, 5)), cv2.LINE_AA
                )
            elif kind == 3:
                text = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUXYZ0123456789"), int(rng.integers(1, 7))))
                ink = np.zeros((n, n), np.uint8)
                scale, thick = float(rng.uniform(0.3, 1.1)), int(rng.integers(1, 3))
                cv2.putText(ink, text, (x - 20, y), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, cv2.LINE_AA)
                f[:] = f + (grey - f) * (ink / np.float32(255))
            else:
                step = int(rng.integers(6, 20))
                for k in range(int(rng.integers(2, 8))):
                    cv2.circle(f, (x + k * step, y), int(rng.integers(2, 5)), grey, -1, cv2.LINE_AA)
        return f

    def _albedo(self, r: Rng) -> Array:
        f = self._first(r)
        if self._mix:
            g = self._second(r)
            f = _unit(f * (1 + 0.5 * g)) if self._times else _unit((1 - self._mix) * f + self._mix * g)
        a = self._ground * (1 + self._contrast * np.clip(f, -4, 4) / 0.6)
        if self._layout is not None:
            a = a + self._placed(self._layout, r)
        return np.asarray(a, np.float32)

    def _placed(self, drawing: Array, r: Rng) -> Array:
        n, j = self.n, self._jitter
        m = cv2.getRotationMatrix2D((n / 2, n / 2), float(r.normal(0, 0.5 * j)), 1.0)
        m[:, 2] += r.normal(0, 0.6 * j, 2)
        return np.asarray(
            cv2.warpAffine(drawing, m, (n, n), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32
        )

    def _framed(self, a: Array, r: Rng) -> Array:
        """The part's outline in the picture, where this world shows one."""
        if self._edge is None:
            return a
        n = self.n
        left, top, right, bottom = np.clip(self._edge, 0, 1) * n / 2
        m = np.zeros((n, n), np.float32)
        skew = r.normal(0, 2, 4)
        corners = np.array(
            [
                [left + skew[0], top + skew[1]],
                [n - right, top + skew[2]],
                [n - right + skew[3], n - bottom],
                [left, n - bottom],
            ]
        )
        corners = np.where(
            np.clip(self._edge, 0, 1)[[[0, 1], [2, 1], [2, 3], [0, 3]]] > 0,
            corners,
            [[-9, -9], [n + 9, -9], [n + 9, n + 9], [-9, n + 9]],
        )
        cv2.fillConvexPoly(m, np.rint(corners).astype(np.int32), 1.0, cv2.LINE_AA)
        m = cv2.GaussianBlur(m, (0, 0), 0.8)
        return np.asarray(a * m + (1 - m) * self._outside * (1 + 0.05 * r.standard_normal()), np.float32)

    def _exposed(self, colour: Array, r: Rng) -> NDArray[np.uint8]:
        n, (uneven, gain, gamma) = self.n, self._light
        field = cv2.resize(r.standard_normal((3, 3)).astype(np.float32), (n, n), interpolation=cv2.INTER_CUBIC)
        lit = colour * np.exp(uneven * 0.5 * field + r.normal(0, gain))[..., None]
        lit = np.clip(lit, 1e-3, 1.2) ** float(np.exp(r.normal(0, gamma)))
        if self._blur > 0.25:
            lit = cv2.GaussianBlur(lit, (0, 0), self._blur)
        dust = r.standard_normal((n, n, 1 if self._grey else 3)).astype(np.float32)
        return np.clip(255 * (lit + self._noise * dust), 0, 255).astype(np.uint8)

    def shot(self, r: Rng) -> NDArray[np.uint8]:
        """A good picture, BGR [n, n, 3]."""
        return self._exposed(self._framed(self._albedo(r), r)[..., None] * self._tint, r)

    def faulty(self, r: Rng) -> tuple[NDArray[np.uint8], Array, Array]:
        """A picture with a fault, its pixels 0..1, and where nothing should be asked (0..1)."""
        good = self._framed(self._albedo(r), r)[..., None] * self._tint
        bad, mask, vague = good.copy(), np.zeros((self.n, self.n), np.float32), np.zeros((self.n, self.n), np.float32)
        for _ in range(1 if r.random() < 0.7 else 2):
            bad, m, v = self._harmed(bad, r)
            mask, vague = np.maximum(mask, m), np.maximum(vague, v)
        seen = cv2.GaussianBlur(np.abs(bad - good).max(-1), (0, 0), 1.0) / (0.02 + 0.12 * good.mean())
        return (
            self._exposed(bad, r),
            np.asarray(mask * (seen > 0.5), np.float32),
            np.maximum(vague, mask * (seen <= 0.5)),
        )

    def _harmed(self, a: Array, r: Rng) -> tuple[Array, Array, Array]:
        n, kind = self.n, int(r.integers(9))
        none = np.zeros((n, n), np.float32)
        strength = (
            float(np.exp(r.uniform(np.log(0.12), np.log(0.9))))
            * float(r.choice([-1, -1, 1]))
            * float(max(0.15, a.mean()))
        )
        hue = np.ones(3, np.float32) if self._grey or r.random() < 0.5 else r.normal(0.6, 0.8, 3).astype(np.float32)
        if kind <= 1:  # a line: crack, scratch, hair
            m = _curve(r, n, int(r.integers(1, 4)))
            return np.clip(a + 1.3 * strength * m[..., None] * hue, 0, 1.3), (m > 0.3).astype(np.float32), none
        if kind == 2:  # specks: pores, chips
            m = none.copy()
            for _ in range(int(r.integers(1, 4))):
                m = np.maximum(m, _blob(r, n, float(r.uniform(1.5, 5))))
            return np.clip(a + 1.3 * strength * m[..., None] * hue, 0, 1.3), (m > 0.4).astype(np.float32), none
        m = _blob(r, n, float(np.exp(r.uniform(np.log(4), np.log(n / 3.5)))))
        hard = (m > 0.4).astype(np.float32)
        w = m[..., None]
        if kind == 3:  # a stain
            return np.clip(a * (1 - w) + w * np.clip(a + strength * hue, 0, 1.3), 0, 1.3), hard, none
        if kind == 4:  # another surface shows
            other = (
                a.mean()
                * (1 + r.uniform(0.05, 0.3) * self._other(r))[..., None]
                * self._tint
                * float(np.exp(r.normal(0, 0.25)))
            )
            return np.asarray(a * (1 - w) + w * other, np.float32), hard, none
        if kind == 5:  # worn smooth or rough
            smooth = cv2.GaussianBlur(a, (0, 0), 4)
            return np.asarray(a + w * (smooth - a) * float(r.choice([0.9, -1.5])), np.float32), hard, none
        if kind == 6:  # turned or moved piece
            k = int(r.integers(1, 4))
            other = np.roll(np.rot90(a, k), tuple(int(v) for v in r.integers(8, n, 2)), (0, 1))
            return np.asarray(a * (1 - w) + w * other, np.float32), hard, none
        if kind == 7:  # broken off, down to dark or bright ground
            ground = float(r.choice([0.02, 0.1, 0.9])) * np.ones(3, np.float32)
            return np.asarray(a * (1 - w) + w * ground, np.float32), hard, none
        rows, columns = np.mgrid[0:n, 0:n].astype(
            np.float32
        )  # unevenly worked: one side differs; only the border is sure
        angle, x, y = r.uniform(0, 2 * np.pi), *r.uniform(0.2 * n, 0.8 * n, 2)
        far = (
            np.cos(angle) * (columns - x)
            + np.sin(angle) * (rows - y)
            + 3 * cv2.resize(r.standard_normal((6, 6)).astype(np.float32), (n, n), interpolation=cv2.INTER_CUBIC)
        )
        side = np.clip(far / float(r.uniform(1, 6)) + 0.5, 0, 1)
        gain = float(np.exp(r.choice([-1, 1]) * r.uniform(0.12, 0.6)))
        return (
            np.asarray(a * (1 + (gain - 1) * side[..., None]), np.float32),
            (np.abs(far) < 4).astype(np.float32),
            (far > 0).astype(np.float32),
        )
