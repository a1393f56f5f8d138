"""Things that stand about: cars, bags, benches, fences, trees, houses."""

from __future__ import annotations

import numpy as np

from .mesh import Array, Colour, Material, Mesh, blades, box, foliage, ground, join, rgb, tube
from .solid import Field, Part, block, carve, cone

PAINT: tuple[Colour, ...] = (
    (0.55, 0.56, 0.58),
    (0.03, 0.03, 0.035),
    (0.70, 0.70, 0.68),
    (0.35, 0.03, 0.03),
    (0.05, 0.10, 0.25),
    (0.22, 0.23, 0.25),
    (0.10, 0.16, 0.12),
    (0.40, 0.36, 0.28),
)
FABRIC: tuple[Colour, ...] = (
    (0.03, 0.03, 0.04),
    (0.30, 0.05, 0.05),
    (0.06, 0.10, 0.24),
    (0.16, 0.17, 0.10),
    (0.35, 0.25, 0.12),
    (0.25, 0.25, 0.27),
)


def car(paint: Colour, kind: str = "hatch", step: float = 0.05) -> Mesh:
    """A car of about 4.3 m pointing along +x, wheels on z = 0. Kinds: hatch, saloon, van."""
    roof, back, length = {"hatch": (1.46, -1.75, 4.1), "saloon": (1.42, -1.2, 4.6), "van": (1.95, -2.15, 4.7)}[kind]
    half = length / 2
    front = 0.55 if kind != "van" else 1.35
    body = (
        block((length, 1.76, 0.50), (0, 0, 0.56), 0.16),
        block((length * 0.96, 1.70, 0.34), (-0.05, 0, 0.74), 0.15),
    )
    cabin = [cone((back + 0.45, 0, roof - 0.42), (front - 0.25, 0, roof - 0.42), 0.42, 0.40, flat=1.62)]
    cabin.append(cone((back + 0.30, 0, 0.90), (front + 0.25, 0, 0.86), 0.30, 0.26, flat=2.3))
    if kind == "van":
        cabin = [block((half * 1.75, 1.70, 1.15), (back + half * 0.86, 0, roof - 0.6), 0.16), cabin[1]]

    def arches(p: Array) -> Array:
        gaps = [np.hypot(p[:, 0] - x, p[:, 2] - 0.32) - 0.37 for x in (-half * 0.6, half * 0.62)]
        return np.asarray(np.maximum(np.minimum(*gaps), 0.55 - np.abs(p[:, 1])), np.float32)

    mesh, _ = carve(
        (Part(body, paint, Material.PAINT, 0.08), Part(tuple(cabin), paint, Material.PAINT, 0.10)),
        (-half - 0.1, -1.0, 0.15),
        (half + 0.1, 1.0, roof + 0.1),
        step,
        0.10,
        arches,
    )
    p, n = mesh.pos, mesh.nrm
    col, mat = mesh.col.copy(), mesh.mat.copy()
    belt, top = 0.93, roof - 0.11
    pillar = np.minimum(np.abs(p[:, 0] - (-0.15)), np.abs(p[:, 0] - (back + 0.55))) < 0.04
    glass = (p[:, 2] > belt) & (p[:, 2] < top) & (n[:, 2] < 0.75) & ~((np.abs(n[:, 1]) > 0.6) & pillar)
    if kind == "van":
        glass &= p[:, 0] > 0.35
    col[glass], mat[glass] = (0.015, 0.018, 0.022), Material.GLASS
    lamps = (p[:, 2] > 0.58) & (p[:, 2] < 0.76) & (np.abs(p[:, 1]) > 0.5)
    for side, tint in ((p[:, 0] > half - 0.22, (0.85, 0.85, 0.8)), (p[:, 0] < -half + 0.16, (0.45, 0.02, 0.02))):
        col[lamps & side], mat[lamps & side] = tint, Material.PLAIN
    low = p[:, 2] < 0.40
    col[low], mat[low] = (0.03, 0.03, 0.03), Material.RUBBER
    plate = (np.abs(p[:, 1]) < 0.27) & (np.abs(p[:, 0]) > half - 0.12) & (p[:, 2] > 0.42) & (p[:, 2] < 0.55)
    col[plate], mat[plate] = (0.75, 0.74, 0.68), Material.PLAIN
    shell = Mesh(mesh.pos, mesh.nrm, mesh.rest, col, mat, mesh.tri)
    pieces = [shell, box((length * 0.85, 1.4, 0.2), (0, 0, 0.32), (0.01, 0.01, 0.01), Material.RUBBER)]
    for x in (-half * 0.6, half * 0.62):
        for s in (-1, 1):
            pieces.append(tube((x, s * 0.62, 0.32), (x, s * 0.84, 0.32), 0.32, (0.02, 0.02, 0.02), Material.RUBBER, 20))
            pieces.append(tube((x, s * 0.70, 0.32), (x, s * 0.855, 0.32), 0.20, (0.42, 0.43, 0.45), Material.METAL, 14))
            pieces.append(tube((x, s * 0.70, 0.32), (x, s * 0.86, 0.32), 0.06, (0.1, 0.1, 0.1), Material.METAL, 8))
    pieces += [box((0.10, 0.18, 0.13), (front - 0.1, s * 0.95, 1.0), paint, Material.PAINT) for s in (-1, 1)]
    return join(pieces)


def bag(col: Colour, kind: str = "duffel", step: float = 0.016) -> Mesh:
    """A bag standing on z = 0, along x. Kinds: duffel, backpack, suitcase."""
    dark = rgb(c * 0.5 for c in col)
    main: tuple[Field, ...]
    pocket: tuple[Field, ...]
    if kind == "duffel":
        main = (cone((-0.19, 0, 0.155), (0.19, 0, 0.155), 0.155, 0.15), block((0.5, 0.26, 0.12), (0, 0, 0.08), 0.05))
        pocket = (cone((-0.10, -0.13, 0.12), (0.10, -0.13, 0.12), 0.07, 0.07),)
        straps = [tube((-0.12, s * 0.07, 0.29), (0.0, s * 0.035, 0.40), 0.012, dark) for s in (-1, 1)]
        straps += [tube((0.12, s * 0.07, 0.29), (0.0, s * 0.035, 0.40), 0.012, dark) for s in (-1, 1)]
    elif kind == "backpack":
        main = (cone((0, 0, 0.14), (0, 0.01, 0.34), 0.15, 0.12, flat=0.7), block((0.3, 0.2, 0.2), (0, 0, 0.11), 0.06))
        pocket = (cone((0, -0.11, 0.12), (0, -0.10, 0.2), 0.09, 0.08, flat=0.7),)
        straps = [tube((s * 0.08, 0.10, 0.42), (s * 0.09, 0.13, 0.08), 0.018, dark) for s in (-1, 1)]
        straps.append(tube((-0.04, 0.03, 0.45), (0.04, 0.03, 0.45), 0.012, dark))
    else:
        main = (block((0.44, 0.24, 0.58), (0, 0, 0.33), 0.06),)
        pocket = (block((0.30, 0.04, 0.28), (0, -0.125, 0.30), 0.02),)
        straps = [
            tube((s * 0.11, 0.08, 0.6), (s * 0.11, 0.08, 0.95), 0.010, (0.3, 0.3, 0.3), Material.METAL) for s in (-1, 1)
        ]
        straps.append(tube((-0.11, 0.08, 0.95), (0.11, 0.08, 0.95), 0.016, (0.02, 0.02, 0.02)))
    mesh, _ = carve(
        (Part(main, col, Material.CLOTH, 0.03), Part(pocket, dark, Material.CLOTH, 0.02)),
        (-0.45, -0.3, -0.03),
        (0.45, 0.3, 0.75),
        step,
        0.012,
    )
    return join([mesh, *straps])


def bar_fence(
    x0: float,
    x1: float,
    y: float,
    height: float,
    col: Colour = (0.05, 0.07, 0.06),
    gap: float = 0.13,
    footing: bool = True,
) -> Mesh:
    """Steel fence of thin upright bars between posts, along x, mostly on a low concrete footing."""
    parts = (
        [box((x1 - x0, 0.16, 0.14), ((x0 + x1) / 2, y, 0.07), (0.34, 0.33, 0.31), Material.CONCRETE)] if footing else []
    )
    parts += [
        box((0.022, 0.022, height - 0.12), (x, y, height / 2 + 0.06), col, Material.METAL)
        for x in np.arange(x0 + gap, x1, gap)
    ]
    parts += [box((x1 - x0, 0.05, 0.05), ((x0 + x1) / 2, y, z), col, Material.METAL) for z in (0.24, height - 0.05)]
    count = max(2, round((x1 - x0) / 2.4) + 1)
    parts += [
        box((0.08, 0.08, height + 0.05), (x, y, height / 2 + 0.02), col, Material.METAL)
        for x in np.linspace(x0, x1, count)
    ]
    return join(parts)


def board_fence(
    x0: float, x1: float, y: float, height: float, rng: np.random.Generator, col: Colour = (0.30, 0.20, 0.12)
) -> Mesh:
    """Closed fence of upright boards along x."""
    parts = []
    for x in np.arange(x0, x1 - 0.05, 0.145):
        tint = rng.uniform(0.75, 1.25)
        parts.append(
            box(
                (0.135, 0.025, height + rng.normal(0, 0.008)),
                (x + 0.07, y, height / 2),
                rgb(c * tint for c in col),
                Material.WOOD,
            )
        )
    parts += [
        box((0.09, 0.09, height + 0.06), (x, y + 0.05, height / 2), col, Material.WOOD)
        for x in np.arange(x0, x1 + 0.1, 2.2)
    ]
    return join(parts)


def wall(x0: float, x1: float, y: float, height: float, col: Colour, mat: Material, thick: float = 0.24) -> Mesh:
    """A wall along x with coping stones."""
    middle = (x0 + x1) / 2
    body = box((x1 - x0, thick, height), (middle, y, height / 2), col, mat)
    cap = box((x1 - x0 + 0.06, thick + 0.08, 0.07), (middle, y, height + 0.03), (0.42, 0.41, 0.38), Material.CONCRETE)
    return join([body, cap])


def gate_leaf(width: float, height: float, col: Colour = (0.05, 0.07, 0.06)) -> Mesh:
    """A swing gate from the hinge at the origin along +x."""
    return join(
        [
            bar_fence(0.05, width, 0.0, height, col, 0.13, footing=False).moved((0, 0, 0.06)),
            box((width, 0.05, 0.05), (width / 2, 0, height * 0.55), col, Material.METAL),
        ]
    )


def bench() -> Mesh:
    """A park bench along x, seat at 0.45 m, its back at +y."""
    wood = (0.34, 0.22, 0.12)
    parts = [box((1.7, 0.09, 0.035), (0, y, 0.44), wood, Material.WOOD) for y in (-0.17, -0.06, 0.05, 0.16)]
    parts += [
        box((1.7, 0.03, 0.10), (0, 0.25 + dz * 0.1, z), wood, Material.WOOD) for z, dz in ((0.62, 0.2), (0.78, 0.5))
    ]
    for x in (-0.7, 0.7):
        parts += [
            box((0.05, 0.45, 0.05), (x, 0, 0.40), (0.06, 0.06, 0.06), Material.METAL),
            box((0.05, 0.05, 0.40), (x, -0.17, 0.2), (0.06, 0.06, 0.06), Material.METAL),
            tube((x, 0.2, 0.0), (x, 0.30, 0.85), 0.025, (0.06, 0.06, 0.06), Material.METAL),
        ]
    return join(parts)


def bin_(col: Colour = (0.06, 0.12, 0.08)) -> Mesh:
    """A wheeled rubbish bin."""
    parts = [
        box((0.48, 0.5, 0.85), (0, 0, 0.52), col, Material.METAL),
        box((0.54, 0.58, 0.07), (0, 0, 0.98), col, Material.METAL),
    ]
    parts += [
        tube((s * 0.2, 0.26, 0.1), (s * 0.27, 0.26, 0.1), 0.1, (0.02, 0.02, 0.02), Material.RUBBER) for s in (-1, 1)
    ]
    return join(parts)


def barrel(col: Colour) -> Mesh:
    """A drum."""
    rings = [tube((0, 0, z), (0, 0, z + 0.03), 0.305, col, Material.METAL, 20) for z in (0.0, 0.28, 0.57, 0.85)]
    return join([tube((0, 0, 0), (0, 0, 0.88), 0.29, col, Material.METAL, 20), *rings])


def pallet_stack(n: int) -> Mesh:
    """Wooden pallets on top of each other."""
    parts = []
    for i in range(n):
        z = i * 0.15
        parts += [
            box((0.11, 0.8, 0.02), (x, 0, z + 0.13), (0.40, 0.30, 0.19), Material.WOOD)
            for x in np.linspace(-0.54, 0.54, 7)
        ]
        parts += [box((1.2, 0.1, 0.11), (0, y, z + 0.06), (0.36, 0.27, 0.17), Material.WOOD) for y in (-0.35, 0, 0.35)]
    return join(parts)


def lamp_post(height: float = 5.0) -> Mesh:
    """A post with an arm and a lamp head at its top, reaching out along -y."""
    grey = (0.22, 0.23, 0.24)
    return join(
        [
            tube((0, 0, 0), (0, 0, height), (0.075, 0.05), grey, Material.METAL, 12),
            tube((0, 0, height), (0, -1.1, height + 0.1), 0.035, grey, Material.METAL),
            box((0.22, 0.55, 0.09), (0, -1.2, height + 0.09), grey, Material.METAL),
            box((0.16, 0.4, 0.02), (0, -1.2, height + 0.035), (0.9, 0.8, 0.6), Material.GLOW),
        ]
    )


def bush(rng: np.random.Generator, radius: float = 0.6, col: Colour = (0.07, 0.13, 0.035), leaves: int = 420) -> Mesh:
    """A leafy bush on z = 0."""
    centres = rng.normal(0, 1, (9, 3)) * np.array([radius * 0.5, radius * 0.5, radius * 0.25]) + np.array(
        [0, 0, radius * 0.75]
    )
    return foliage(rng, centres.astype(np.float32), radius * 0.6, leaves, 0.055, col)


def tree(rng: np.random.Generator, height: float = 6.0, col: Colour = (0.06, 0.115, 0.03)) -> Mesh:
    """A broad-leaved tree."""
    trunk = tube(
        (0, 0, 0), (0.1, 0, height * 0.6), (height * 0.028, height * 0.014), (0.14, 0.11, 0.08), Material.WOOD, 10
    )
    limbs = []
    centres = []
    for _ in range(16):
        way = rng.normal(size=3) * np.array([1, 1, 0.65])
        c = np.array([0, 0, height * 0.68]) + way / np.linalg.norm(way) * height * 0.26 * rng.uniform(0.5, 1.1)
        centres.append(c)
        limbs.append(
            tube((0.05, 0, height * 0.42), tuple(c), (0.05, 0.015), (0.14, 0.11, 0.08), Material.WOOD, 6, caps=False)
        )
    return join([trunk, *limbs, foliage(rng, np.array(centres, np.float32), height * 0.14, 330, 0.11, col)])


def tufts(
    rng: np.random.Generator, line: tuple[tuple[float, float], tuple[float, float]], count: int, spread: float = 0.12
) -> Mesh:
    """Grass growing along a line on the ground."""
    t = rng.random(count)[:, None]
    a, b = np.array(line[0]), np.array(line[1])
    at = a + (b - a) * t + rng.normal(0, spread, (count, 2))
    return blades(rng, np.concatenate([at, np.zeros((count, 1))], 1), 0.16, (0.13, 0.19, 0.05))


def house(
    x: tuple[float, float], y: float, height: float, depth: float, col: Colour, mat: Material, rng: np.random.Generator
) -> Mesh:
    """A house front at `y` facing the camera, with windows, a door and a pitched roof."""
    middle, width = (x[0] + x[1]) / 2, x[1] - x[0]
    parts = [box((width, depth, height), (middle, y + depth / 2, height / 2), col, mat)]
    for floor in range(int(height // 2.7)):
        for wx in np.arange(x[0] + 1.2, x[1] - 0.9, 2.1):
            z = 1.5 + floor * 2.7
            parts.append(box((1.12, 0.10, 1.42), (wx, y - 0.01, z), (0.72, 0.71, 0.68), Material.PLAIN))
            dark = rng.uniform(0.015, 0.06)
            parts += [
                box((0.46, 0.06, 1.24), (wx + s * 0.27, y - 0.045, z), (dark, dark, dark * 1.15), Material.GLASS)
                for s in (-1, 1)
            ]
            parts.append(box((1.25, 0.18, 0.06), (wx, y - 0.08, z - 0.74), (0.45, 0.44, 0.42), Material.CONCRETE))
    rise = depth * 0.38
    pos = np.array(
        [
            [x[0] - 0.4, y - 0.4, height],
            [x[1] + 0.4, y - 0.4, height],
            [x[1] + 0.4, y + depth / 2, height + rise],
            [x[0] - 0.4, y + depth / 2, height + rise],
        ],
        np.float32,
    )
    nrm = np.tile(np.array([0, -rise, depth / 2], np.float32) / np.hypot(rise, depth / 2), (4, 1))
    slope = ground((0, 1), (0, 1), 0, (0.28, 0.13, 0.09), Material.TILES)
    parts.append(Mesh(pos, nrm.astype(np.float32), pos, slope.col, slope.mat, slope.tri))
    return join(parts)
