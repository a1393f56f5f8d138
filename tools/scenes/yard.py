"""The demo's place: a paved yard behind a steel fence with a gate, a pavement and a road beyond it, houses at the back.

Metres. The camera looks along +y; the fence stands at ``FENCE_Y``, the gate's opening is ``GATE``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import props
from .camera import Camera
from .light import Lamp
from .mesh import Array, Material, Mesh, blades, box, ground, join

FENCE_Y = 11.0
FENCE_TOP = 1.9
GATE = (3.0, 6.0)
PAVEMENT = (11.2, 14.4)
ROAD = (14.4, 21.4)
ROAD_Z = -0.12
BENCH = (-4.6, 9.6)
YARD = ((-5.75, 5.3), (-6.1, 10.55), (2.6, 10.55), (2.6, 9.3), (6.6, 9.3), (6.6, 5.3))
GATE_AREA = ((2.6, 9.5), (2.6, 13.4), (6.6, 13.4), (6.6, 9.5))
CAMERA = Camera(at=(0.3, 0.0, 4.1), yaw=-1.5, pitch=-17.5, roll=0.4, hfov=68.0)
LAMP = Lamp(at=(2.4, 9.2, 5.0), aim=(-0.12, -0.35, -1.0), col=(30.0, 23.0, 13.5), cone=72.0)


def world(rng: np.random.Generator) -> list[Mesh]:
    """Everything of the yard that never moves."""
    paving, grass = (0.36, 0.345, 0.32), (0.105, 0.155, 0.045)
    parts: list[Mesh] = [
        ground((-6.5, 7.6), (-3.0, FENCE_Y - 0.05), 0.0, paving, Material.PAVING),
        ground((-60, 60), (FENCE_Y - 0.05, PAVEMENT[1]), -0.01, (0.33, 0.32, 0.31), Material.PAVING),
        ground((-80, 80), (ROAD[0], ROAD[1]), -0.12, (0.115, 0.115, 0.12), Material.ASPHALT),
        ground((-80, 80), (ROAD[1], 60), -0.02, grass, Material.GRASS),
        ground((7.6, 40), (-3.0, FENCE_Y - 0.05), -0.005, grass, Material.GRASS),
        ground((-40, -6.5), (-3, FENCE_Y - 0.05), -0.01, grass, Material.GRASS),
    ]
    parts += [
        box((120, 0.16, 0.14), (0, y, -0.06), (0.40, 0.39, 0.37), Material.CONCRETE)
        for y in (ROAD[0] - 0.08, ROAD[1] + 0.08)
    ]
    parts += [
        ground((x, x + 1.7), (17.82, 17.95), -0.115, (0.55, 0.55, 0.53), Material.CONCRETE)
        for x in np.arange(-50, 50, 4.6)
    ]
    parts += [props.bar_fence(-12.0, GATE[0], FENCE_Y, FENCE_TOP), props.bar_fence(GATE[1], 16.0, FENCE_Y, FENCE_TOP)]
    posts = [
        box((0.34, 0.34, 2.15), (x, FENCE_Y, 1.07), (0.34, 0.13, 0.085), Material.BRICK) for x in (GATE[0], GATE[1])
    ]
    posts += [
        box((0.44, 0.44, 0.08), (x, FENCE_Y, 2.18), (0.42, 0.41, 0.38), Material.CONCRETE) for x in (GATE[0], GATE[1])
    ]
    parts += posts
    parts.append(props.gate_leaf(1.42, 1.8).moved((GATE[0] + 0.12, FENCE_Y - 0.1, 0), yaw=-1.75))
    parts.append(props.gate_leaf(1.42, 1.8).moved((GATE[1] - 0.12, FENCE_Y - 0.1, 0), yaw=-1.25))
    brick = (0.36, 0.145, 0.09)
    parts.append(box((3.0, 7.2, 3.3), (-8.35, 6.6, 1.65), brick, Material.BRICK).pinned())
    parts.append(box((3.3, 7.6, 0.16), (-8.35, 6.6, 3.36), (0.16, 0.16, 0.17), Material.METAL))
    parts += [
        box((0.06, 1.0, 2.05), (-6.84, 5.2, 1.03), (0.09, 0.15, 0.21), Material.METAL),
        box((0.05, 1.2, 0.8), (-6.85, 8.2, 1.75), (0.03, 0.035, 0.04), Material.GLASS),
    ]
    parts.append(box((0.08, 1.34, 0.94), (-6.865, 8.2, 1.75), (0.7, 0.69, 0.66), Material.PLAIN))
    parts += [
        props.bench().moved((BENCH[0], BENCH[1], 0)),
        props.bin_().moved((-2.75, 10.35, 0), 0.1),
        props.bin_((0.05, 0.06, 0.10)).moved((-2.1, 10.4, 0), -0.08),
    ]
    parts += [
        props.pallet_stack(5).moved((7.35, 7.1, 0), 0.25),
        props.barrel((0.07, 0.13, 0.28)).moved((7.15, 8.55, 0)),
    ]
    parts.append(props.lamp_post(5.0).moved((2.4, 10.4, 0)))
    parts += [
        box((0.12, 0.12, 0.75), (x, 14.0, 0.37), (0.30, 0.30, 0.31), Material.CONCRETE) for x in (-9.5, -6.5, 8.5, 11.5)
    ]
    parts += _greenery(rng) + _background(rng)
    return [join(parts)]


def _greenery(rng: np.random.Generator) -> list[Mesh]:
    lawn = np.concatenate(
        [
            np.stack([rng.uniform(7.6, 15, 5000), rng.uniform(3.5, 10.9, 5000), np.zeros(5000)], 1),
            np.stack([rng.uniform(-22, 22, 5000), rng.uniform(21.6, 25.5, 5000), np.zeros(5000)], 1),
        ]
    )
    parts = [blades(rng, lawn.astype(np.float32), 0.10, (0.12, 0.175, 0.05))]
    parts += [props.tufts(rng, ((-6.5, FENCE_Y - 0.16), (GATE[0] - 0.3, FENCE_Y - 0.16)), 700, 0.05)]
    parts += [
        props.tufts(rng, ((GATE[1] + 0.2, FENCE_Y - 0.16), (14, FENCE_Y - 0.16)), 600, 0.07),
        props.tufts(rng, ((-6.7, 3.0), (-6.75, 10.6)), 600, 0.05),
    ]
    parts += [
        props.bush(rng, r).moved((x, y, 0)) for x, y, r in ((9.4, 10.1, 0.8), (11.0, 10.2, 0.7), (10.3, 7.6, 0.6))
    ]
    return parts


def _background(rng: np.random.Generator) -> list[Mesh]:
    parts = [
        props.house((-25, -11), 28.0, 5.6, 8, (0.60, 0.55, 0.45), Material.PLASTER, rng),
        props.house((-8.5, 4.5), 29.5, 5.6, 9, (0.34, 0.15, 0.10), Material.BRICK, rng),
        props.house((8, 24), 28.5, 5.8, 8, (0.66, 0.64, 0.58), Material.PLASTER, rng),
    ]
    parts += [
        props.tree(rng, h).moved((x, y, 0))
        for x, y, h in ((-9.8, 25.5, 6.5), (6.2, 26.0, 7.2), (15.5, 24.5, 6.0), (-19, 24.8, 5.5))
    ]
    hedge = [props.bush(rng, 0.75, leaves=200).moved((x, 25.6 + rng.normal(0, 0.1), 0)) for x in np.arange(-8, 5, 0.9)]
    return parts + hedge


class Wind:
    """Bushes that move a little: their leaves are drawn anew every frame."""

    def __init__(self, rng: np.random.Generator) -> None:
        spots = ((8.2, 9.3, 0.62), (-5.9, 10.3, 0.45), (1.55, 10.55, 0.40))
        self._bushes = [props.bush(rng, r, leaves=260).moved((x, y, 0)) for x, y, r in spots]
        self._phase = rng.uniform(0, 6, len(spots))

    def at(self, t: float, strength: float = 1.0) -> list[Mesh]:
        """The bushes at time `t`."""
        out = []
        for bush, phase in zip(self._bushes, self._phase, strict=True):
            pos: Array = bush.pos
            gust = np.sin(1.1 * t + phase) + 0.5 * np.sin(2.7 * t + 2 * phase)
            ripple = np.sin(6.0 * t + 9.0 * pos[:, 0] + 7.0 * pos[:, 2] + phase) * 0.35
            push = (gust + ripple) * 0.013 * strength * np.clip(pos[:, 2] / 0.6, 0, 2)
            moved = (pos + np.stack([push, 0.4 * push, 0.002 * ripple], 1)).astype(np.float32)
            out.append(replace(bush, pos=moved, rest=pos))
        return out
