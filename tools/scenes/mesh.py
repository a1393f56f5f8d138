"""Triangle meshes as flat arrays, and the plain shapes that things are put together from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Colour = tuple[float, float, float]


class Material(IntEnum):
    """What the surface shader draws; the numbers are those of ``surface.glsl`` in ``shaders.py``."""

    PLAIN = 0
    CLOTH = 1
    SKIN = 2
    HAIR = 3
    ASPHALT = 4
    GRASS = 5
    PAVING = 6
    BRICK = 7
    PLASTER = 8
    WOOD = 9
    METAL = 10
    PAINT = 11
    GLASS = 12
    RUBBER = 13
    LEAF = 14
    CONCRETE = 15
    TILES = 16
    GLOW = 17


@dataclass(frozen=True)
class Mesh:
    """World or model space triangles; ``rest`` is the place a texture sticks to, in metres."""

    pos: Array
    nrm: Array
    rest: Array
    col: Array
    mat: Array
    tri: NDArray[np.int32]

    def moved(self, at: Sequence[float] = (0, 0, 0), yaw: float = 0.0, scale: float = 1.0) -> Mesh:
        """Turned by `yaw` radians about the vertical, scaled, then shifted."""
        turn = rotation_z(yaw)
        pos = (self.pos * np.float32(scale)) @ turn.T + np.asarray(at, np.float32)
        return replace(self, pos=pos.astype(np.float32), nrm=(self.nrm @ turn.T).astype(np.float32))

    def pinned(self) -> Mesh:
        """The texture now sticks to where the mesh stands."""
        return replace(self, rest=self.pos)

    def interleaved(self) -> bytes:
        """Vertex buffer: position, normal, rest place, colour, material."""
        parts = (self.pos, self.nrm, self.rest, self.col, self.mat[:, None])
        return np.ascontiguousarray(np.concatenate(parts, 1), np.float32).tobytes()


def rotation_z(angle: float) -> Array:
    """Rotation about the vertical, counter-clockwise seen from above."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32)


def make(pos: NDArray[Any], nrm: NDArray[Any], tri: NDArray[Any], col: Colour, mat: Material) -> Mesh:
    """A mesh of a single colour and material."""
    n = len(pos)
    pos = np.asarray(pos, np.float32)
    colours = np.tile(np.asarray(col, np.float32), (n, 1))
    return Mesh(
        pos, np.asarray(nrm, np.float32), pos, colours, np.full(n, float(mat), np.float32), tri.astype(np.int32)
    )


def join(meshes: Iterable[Mesh]) -> Mesh:
    """One mesh out of many."""
    items = list(meshes)
    offsets = np.cumsum([0] + [len(m.pos) for m in items[:-1]])
    pos, nrm, rest, col, mat = (
        np.concatenate([getattr(m, name) for m in items]) for name in ("pos", "nrm", "rest", "col", "mat")
    )
    tri = np.concatenate([m.tri + o for m, o in zip(items, offsets, strict=True)]).astype(np.int32)
    return Mesh(pos, nrm, rest, col, mat, tri)


def rgb(values: Iterable[float]) -> Colour:
    """Three numbers as a colour."""
    r, g, b = (float(v) for v in values)
    return r, g, b


_FACES = np.array(
    [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]],
)
_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)], np.float32)


def box(size: Sequence[float], at: Sequence[float], col: Colour, mat: Material = Material.PLAIN) -> Mesh:
    """Axis-parallel box around `at`."""
    corners = _CORNERS * np.asarray(size, np.float32)
    pos = corners[_FACES].reshape(-1, 3)
    quads = corners[_FACES]
    nrm = np.cross(quads[:, 1] - quads[:, 0], quads[:, 2] - quads[:, 0])
    nrm /= np.linalg.norm(nrm, axis=1, keepdims=True) + 1e-9
    nrm *= np.sign((nrm * quads.mean(1)).sum(1, keepdims=True))
    tri = np.concatenate([np.array([[0, 1, 2], [0, 2, 3]]) + 4 * f for f in range(6)])
    return make(pos + np.asarray(at, np.float32), np.repeat(nrm, 4, 0), tri, col, mat)


def ground(x: tuple[float, float], y: tuple[float, float], z: float, col: Colour, mat: Material) -> Mesh:
    """A level rectangle."""
    pos = np.array([[x[0], y[0], z], [x[1], y[0], z], [x[1], y[1], z], [x[0], y[1], z]], np.float32)
    nrm = np.tile(np.array([0, 0, 1], np.float32), (4, 1))
    return make(pos, nrm, np.array([[0, 1, 2], [0, 2, 3]]), col, mat)


def tube(
    a: Sequence[float],
    b: Sequence[float],
    radius: float | tuple[float, float],
    col: Colour,
    mat: Material = Material.PLAIN,
    sides: int = 10,
    caps: bool = True,
) -> Mesh:
    """Round bar from `a` to `b`, possibly tapered."""
    ra, rb = radius if isinstance(radius, tuple) else (radius, radius)
    start, end = np.asarray(a, np.float32), np.asarray(b, np.float32)
    axis = (end - start) / (np.linalg.norm(end - start) + 1e-9)
    helper = np.array([1, 0, 0]) if abs(axis[0]) < 0.9 else np.array([0, 1, 0])
    u = np.cross(axis, helper)
    u /= np.linalg.norm(u)
    v = np.cross(axis, u)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = np.cos(angle)[:, None] * u + np.sin(angle)[:, None] * v
    pos = [start + ring * ra, end + ring * rb]
    nrm = [ring, ring]
    i = np.arange(sides)
    j = (i + 1) % sides
    tri = [np.stack([i, j, j + sides], 1), np.stack([i, j + sides, i + sides], 1)]
    if caps:
        for k, (centre, r, sign) in enumerate(((start, ra, -1.0), (end, rb, 1.0))):
            base = 2 * sides + k * (sides + 1)
            pos += [centre + ring * r, centre[None]]
            nrm += [np.tile(axis * sign, (sides + 1, 1))]
            tri.append(np.stack([i + base, j + base, np.full(sides, base + sides)], 1))
    return make(np.concatenate(pos), np.concatenate(nrm), np.concatenate(tri), col, mat)


def foliage(
    rng: np.random.Generator,
    centres: Array,
    spread: float,
    leaves: int,
    size: float,
    col: Colour,
) -> Mesh:
    """A cloud of small leaves around each centre; normals point outwards, so that the crown shades as one body."""
    n = leaves * len(centres)
    middle = np.repeat(centres, leaves, 0)
    way = rng.normal(size=(n, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    at = middle + way * spread * rng.uniform(0.35, 1.0, (n, 1)) ** 0.5
    u = rng.normal(size=(n, 3))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = np.cross(u, rng.normal(size=(n, 3)))
    v /= np.linalg.norm(v, axis=1, keepdims=True) + 1e-9
    s = size * rng.uniform(0.6, 1.3, (n, 1))
    pos = np.stack([at - u * s, at + v * s * 0.5, at + u * s, at - v * s * 0.5], 1).reshape(-1, 3)
    heart = centres.mean(0)
    outward = at - heart
    outward /= np.linalg.norm(outward, axis=1, keepdims=True) + 1e-6
    nrm = way * 0.6 + outward * 0.7 + np.cross(u, v) * 0.35
    nrm /= np.linalg.norm(nrm, axis=1, keepdims=True) + 1e-6
    tri = (np.arange(n)[:, None, None] * 4 + np.array([[0, 1, 2], [0, 2, 3]])).reshape(-1, 3)
    mesh = make(pos, np.repeat(nrm, 4, 0), tri, col, Material.LEAF)
    shade = rng.uniform(0.6, 1.25, (n, 1)) * np.array([[1, 1, 1]]) + rng.normal(0, 0.06, (n, 3))
    depth = np.clip(np.linalg.norm(at - middle, axis=1, keepdims=True) / spread, 0.35, 1.0)
    return replace(mesh, col=(mesh.col * np.repeat(shade * depth, 4, 0)).clip(0, 1).astype(np.float32))


def blades(rng: np.random.Generator, at: Array, height: float, col: Colour) -> Mesh:
    """Grass: one bent triangle a blade, rooted at each point."""
    n = len(at)
    lean = rng.normal(0, 0.35, (n, 3)) * np.array([1, 1, 0])
    tall = height * rng.uniform(0.5, 1.4, (n, 1))
    side = rng.normal(size=(n, 3)) * np.array([1, 1, 0])
    side = side / (np.linalg.norm(side, axis=1, keepdims=True) + 1e-6) * 0.012
    top = at + np.array([0, 0, 1]) * tall + lean * tall
    pos = np.stack([at - side, at + side, top], 1).reshape(-1, 3)
    nrm = np.repeat(np.array([[0.0, 0.0, 1.0]]) + lean * 0.5, 3, 0)
    mesh = make(
        pos, nrm / np.linalg.norm(nrm, axis=1, keepdims=True), np.arange(3 * n).reshape(-1, 3), col, Material.LEAF
    )
    shade = np.repeat(rng.uniform(0.55, 1.35, (n, 1)) + rng.normal(0, 0.05, (n, 3)), 3, 0)
    return replace(mesh, col=(mesh.col * shade).clip(0, 1).astype(np.float32))
