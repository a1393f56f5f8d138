"""Smooth bodies out of soft-joined shapes: signed distances on a grid, then marching cubes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.measure import marching_cubes

from .mesh import Array, Mesh

Field = Callable[[Array], Array]


def cone(a: Sequence[float], b: Sequence[float], ra: float, rb: float, flat: float = 1.0, squash: float = 1.0) -> Field:
    """Round cone from `a` to `b`; `flat` below 1 makes it thin front to back, `squash` below 1 low."""
    stretch = np.array([1.0, 1.0 / flat, 1.0 / squash], np.float32)
    start, end = np.asarray(a, np.float32) * stretch, np.asarray(b, np.float32) * stretch

    def field(p: Array) -> Array:
        q = p * stretch - start
        axis = end - start
        t = np.clip((q @ axis) / (axis @ axis + 1e-9), 0, 1)
        gap = np.linalg.norm(q - t[:, None] * axis, axis=1) - (ra + (rb - ra) * t)
        return np.asarray(gap * min(flat, squash, 1.0), np.float32)

    return field


def block(size: Sequence[float], at: Sequence[float], rounding: float) -> Field:
    """Box with rounded edges; `size` is the full extent."""
    half = np.asarray(size, np.float32) / 2 - rounding

    def field(p: Array) -> Array:
        q = np.abs(p - np.asarray(at, np.float32)) - half
        outside = np.linalg.norm(np.maximum(q, 0), axis=1)
        return np.asarray(outside + np.minimum(q.max(1), 0) - rounding, np.float32)

    return field


def soft_union(values: Sequence[Array], k: float) -> Array:
    """Smooth minimum with a blending width of `k` metres."""
    out = values[0]
    for value in values[1:]:
        h = np.maximum(k - np.abs(out - value), 0) / k
        out = np.minimum(out, value) - h * h * k * 0.25
    return out


@dataclass(frozen=True)
class Part:
    """Shapes that share a surface: colour, material, softness of their joints."""

    fields: tuple[Field, ...]
    col: tuple[float, float, float]
    mat: int
    k: float = 0.03


def carve(
    parts: Sequence[Part],
    low: Sequence[float],
    high: Sequence[float],
    step: float,
    k: float = 0.015,
    cut: Field | None = None,
) -> tuple[Mesh, NDArray[np.intp]]:
    """Mesh of all the parts together, and for each vertex the number of its part."""
    axes = [np.arange(a, b + step, step, dtype=np.float32) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)

    def values(p: Array) -> list[Array]:
        return [soft_union([f(p) for f in part.fields], part.k) for part in parts]

    total = soft_union(values(grid), k)
    if cut is not None:
        total = np.maximum(total, -cut(grid))
    shape = tuple(len(a) for a in axes)
    pos, tri, nrm, _ = marching_cubes(total.reshape(shape), 0.0, spacing=(step,) * 3)
    pos = (pos + np.asarray(low)).astype(np.float32)
    owner = np.argmin(np.stack(values(pos)), 0)
    colours = np.array([part.col for part in parts], np.float32)[owner]
    mats = np.array([float(part.mat) for part in parts], np.float32)[owner]
    # marching_cubes takes solids to be brighter than their surroundings; in a distance field they are lower
    return Mesh(pos, -nrm.astype(np.float32), pos, colours, mats, tri.astype(np.int32)), owner
