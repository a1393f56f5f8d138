"""Random places, people and light for training; and the demo's yard with other people in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from . import actors, props, yard
from .bodies import Body, Look
from .camera import Camera
from .effects import Sensor
from .light import Lamp, Light, day, night
from .mesh import Array, Colour, Material, Mesh, box, ground, join, rgb
from .pose import BEND, CROUCH, PRONE, SIDEWAYS, SIT, STAND, SUPINE, Gait, Pose, posture
from .render import Thing

Rng = np.random.Generator
_GROUNDS: tuple[tuple[Material, Colour], ...] = (
    (Material.ASPHALT, (0.12, 0.12, 0.125)),
    (Material.ASPHALT, (0.22, 0.22, 0.22)),
    (Material.PAVING, (0.36, 0.345, 0.32)),
    (Material.PAVING, (0.26, 0.20, 0.17)),
    (Material.GRASS, (0.105, 0.155, 0.045)),
    (Material.CONCRETE, (0.40, 0.39, 0.37)),
    (Material.CONCRETE, (0.30, 0.28, 0.24)),
    (Material.GRASS, (0.16, 0.15, 0.07)),
)


@dataclass(frozen=True)
class Place:
    """A static world with what is needed to put people into it."""

    world: list[Mesh]
    camera: Camera
    light: Light
    sensor: Sensor
    centre: Array
    fence: tuple[float, float, float] | None = None
    is_yard: bool = False


def light_and_sensor(rng: Rng, lamp: Lamp) -> tuple[Light, Sensor]:
    """Day or night, and a camera to match."""
    cheap = Sensor(
        gain=float(rng.uniform(0.6, 1.15)),
        noise=float(rng.uniform(0.5, 3.0)),
        distortion=float(rng.choice([-0.045, -0.045, -0.02, 0.0, -0.1])),
        vignette=float(rng.uniform(0.1, 0.4)),
        sharpen=float(rng.uniform(0.1, 0.9)),
        blur=float(rng.uniform(0.35, 0.95)),
        saturation=float(rng.uniform(0.6, 1.1)),
        warmth=float(rng.normal(0, 0.03)),
        bloom=float(rng.uniform(0.02, 0.12)),
        shake=0.0,
    )
    if rng.random() < 0.7:
        cloud = float(rng.uniform(0, 1))
        return day(float(rng.uniform(0, 360)), float(rng.uniform(18, 70)), cloud, float(rng.random() * 0.8)), replace(
            cheap, gain=cheap.gain * (1 + 0.35 * cloud)
        )
    mono = bool(rng.random() < 0.8)
    lamps = (lamp,) if rng.random() < 0.8 else ()
    strength = float(rng.uniform(1.5, 6.5)) if mono else 0.0
    scene = night(
        lamps, strength, float(rng.uniform(0.008, 0.05)) if lamps and mono else float(rng.uniform(0.03, 0.08))
    )
    return scene, replace(
        cheap,
        gain=cheap.gain * float(rng.uniform(1.6, 3.2)),
        noise=cheap.noise * float(rng.uniform(1.0, 1.8)),
        mono=mono,
        saturation=0.0 if mono else 0.7,
        blur=max(cheap.blur, 0.5),
    )


def any_place(rng: Rng) -> Place:
    """A place that nobody has seen before."""
    mat, col = _GROUNDS[rng.integers(len(_GROUNDS))]
    col = rgb(np.asarray(col) * rng.uniform(0.7, 1.35))
    mat2, col2 = _GROUNDS[rng.integers(len(_GROUNDS))]
    edge = float(rng.uniform(7, 18))
    parts = [ground((-90, 90), (-12, edge), 0.0, col, mat), ground((-90, 90), (edge, 120), -0.01, col2, mat2)]
    fence: tuple[float, float, float] | None = None
    if rng.random() < 0.65:
        y, h = float(rng.uniform(6.5, 14)), float(rng.uniform(1.1, 2.3))
        x0, x1 = -float(rng.uniform(5, 14)), float(rng.uniform(3, 14))
        fence = (x0, x1, y)
        kind = rng.integers(4)
        if kind == 0:
            parts.append(props.board_fence(x0, x1, y, h, rng))
        elif kind == 1:
            brick = rng.random() < 0.5
            parts.append(
                props.wall(
                    x0,
                    x1,
                    y,
                    h,
                    (0.36, 0.15, 0.09) if brick else (0.6, 0.57, 0.5),
                    Material.BRICK if brick else Material.PLASTER,
                )
            )
        else:
            dark = float(rng.uniform(0.02, 0.4))
            parts.append(props.bar_fence(x0, x1, y, h, (dark, dark * 1.05, dark), float(rng.uniform(0.1, 0.2))))
    if rng.random() < 0.75:
        x = -float(rng.uniform(18, 30))
        y = float(rng.uniform(16, 34))
        while x < 26:
            width = float(rng.uniform(7, 15))
            walls: Colour = ((0.34, 0.15, 0.10), (0.6, 0.55, 0.45), (0.66, 0.64, 0.58), (0.45, 0.47, 0.5))[
                rng.integers(4)
            ]
            parts.append(
                props.house(
                    (x, x + width),
                    y + float(rng.uniform(0, 3)),
                    float(rng.uniform(3, 8)),
                    8,
                    walls,
                    Material(int(rng.choice([Material.BRICK, Material.PLASTER]))),
                    rng,
                )
            )
            x += width + float(rng.uniform(1, 6))
    stuff: list[Callable[[], Mesh]] = [
        lambda: props.bin_(rgb(rng.uniform(0.03, 0.25, 3))),
        lambda: props.barrel(rgb(rng.uniform(0.03, 0.4, 3))),
        lambda: props.pallet_stack(int(rng.integers(1, 8))),
        props.bench,
        lambda: props.bush(rng, float(rng.uniform(0.35, 0.9)), leaves=220),
        lambda: props.tree(rng, float(rng.uniform(3.5, 8))),
        lambda: props.lamp_post(float(rng.uniform(3.5, 6))),
        lambda: box((0.12, 0.12, 0.9), (0, 0, 0.45), (0.4, 0.4, 0.4), Material.CONCRETE),
        lambda: box(rgb(rng.uniform(0.3, 1.6, 3)), (0, 0, 0.4), rgb(rng.uniform(0.05, 0.5, 3)), Material.METAL),
        lambda: box((0.5, 0.05, 1.6), (0, 0, 0.8), rgb(rng.uniform(0.05, 0.6, 3)), Material.WOOD),
    ]
    parts += [
        stuff[rng.integers(len(stuff))]().moved(
            (float(rng.normal(0, 7)), float(rng.uniform(4, 24)), 0), float(rng.uniform(0, 6.28))
        )
        for _ in range(int(rng.integers(2, 13)))
    ]
    height = float(rng.uniform(2.2, 7.0))
    aim = float(rng.uniform(7, 16))
    camera = Camera(
        at=(float(rng.normal(0, 1)), float(rng.uniform(-2, 1)), height),
        yaw=float(rng.normal(0, 16)),
        pitch=-float(np.degrees(np.arctan2(height - 0.7, aim))),
        roll=float(rng.normal(0, 1.2)),
        hfov=float(rng.uniform(52, 92)),
    )
    lamp = Lamp(
        at=(float(rng.normal(0, 3)), float(rng.uniform(5, 11)), float(rng.uniform(3.5, 6.5))),
        aim=(float(rng.normal(0, 0.3)), float(rng.normal(0, 0.3)), -1.0),
        col=rgb(np.array([30.0, 24.0, 15.0]) * rng.uniform(0.5, 1.6)),
        cone=float(rng.uniform(50, 75)),
    )
    light, sensor = light_and_sensor(rng, lamp)
    return Place([join(parts)], camera, light, sensor, np.array([0.0, 10.0, 0.0], np.float32), fence)


def the_yard(rng: Rng) -> Place:
    """The demo's yard in another light, the camera knocked a little or a lot."""
    k = 0.15 if rng.random() < 0.5 else 1.0
    c = yard.CAMERA
    camera = replace(
        c,
        at=(
            c.at[0] + k * float(rng.normal(0, 0.8)),
            c.at[1] + k * float(rng.normal(0, 0.5)),
            c.at[2] + k * float(rng.normal(0, 0.4)),
        ),
        yaw=c.yaw + k * float(rng.normal(0, 6)),
        pitch=c.pitch + k * float(rng.normal(0, 2)),
        roll=c.roll + k * float(rng.normal(0, 0.6)),
        hfov=c.hfov * (1 + k * float(rng.normal(0, 0.07))),
    )
    light, sensor = light_and_sensor(rng, yard.LAMP)
    world = [*yard.world(rng), *yard.Wind(rng).at(0.0)]
    return Place(world, camera, light, sensor, np.array([0.0, 11.0, 0.0], np.float32), (-7.0, 2.4, yard.FENCE_Y), True)


class Crowd:
    """Figures, cars and bags carved once; clothes and colours are new for every picture."""

    def __init__(self, seed: int, figures: int = 48) -> None:
        rng = np.random.default_rng([seed, 77])
        self._bodies = [Body.build(Look.random(rng), 0.022) for _ in range(figures)]
        self._cars = [
            props.car(props.PAINT[i % len(props.PAINT)], ("hatch", "saloon", "van")[i % 3], 0.06) for i in range(14)
        ]
        self._bags = [self._bag(rng, i) for i in range(18)]
        self._rng = rng

    @staticmethod
    def _bag(rng: Rng, index: int) -> Mesh:
        col = np.asarray(props.FABRIC[index % len(props.FABRIC)]) * rng.uniform(0.7, 1.6)
        return props.bag(
            (float(col[0]), float(col[1]), float(col[2])),
            ("duffel", "duffel", "backpack", "suitcase")[index % 4],
            0.022,
        )

    def fill(self, place: Place, rng: Rng) -> list[tuple[Thing, str]]:
        """People, cars and bags for one picture."""
        self._rng = rng
        out: list[tuple[Thing, str]] = []
        if rng.random() < 0.08:
            return out
        number = 1
        for index in rng.permutation(len(self._bodies))[: int(rng.integers(1, 7))]:
            body = self._bodies[int(index)].dressed(Look.random(rng))
            pose = self._pose(place)
            if pose is None:
                continue
            mesh, joints = body.bent(pose)
            out.append((Thing(mesh, number), "person"))
            number += 1
            if rng.random() < 0.12 and pose.grounded == 1:
                hand = joints["handR"]
                out.append(
                    (
                        Thing(
                            self._bags[rng.integers(len(self._bags))].moved(
                                (float(hand[0]), float(hand[1]), max(0.0, float(hand[2]) - 0.47)), pose.yaw + np.pi / 2
                            ),
                            number,
                        ),
                        "backpack",
                    )
                )
                number += 1
        for _ in range(int(rng.choice([0, 1, 2], p=[0.45, 0.4, 0.15]))):
            spot = (
                (float(rng.uniform(-11, 11)), float(rng.choice([16.1, 19.7])))
                if place.is_yard
                else _spot(rng, place.camera, 6.5, 26)
            )
            if spot is not None:
                turn = float(rng.choice([0, np.pi])) if place.is_yard else float(rng.uniform(0, 6.28))
                z = yard.ROAD_Z if place.is_yard else 0.0
                out.append((Thing(self._cars[rng.integers(len(self._cars))].moved((*spot, z), turn), number), "car"))
                number += 1
        for _ in range(int(rng.choice([0, 1, 2], p=[0.4, 0.4, 0.2]))):
            spot = _spot(rng, place.camera, 3, 13)
            if spot is not None:
                out.append(
                    (
                        Thing(
                            self._bags[rng.integers(len(self._bags))].moved(
                                (*spot, 0), float(rng.uniform(0, 6.28)), float(rng.uniform(0.85, 1.2))
                            ),
                            number,
                        ),
                        "backpack",
                    )
                )
                number += 1
        return out

    def _pose(self, place: Place) -> Pose | None:
        rng = self._rng
        yaw = float(rng.uniform(0, 6.28))
        choice = rng.random()
        wobble = rng.normal(0, 5, (17, 3)).astype(np.float32)
        if choice < 0.13 and place.fence is not None:
            act = actors.climb(
                (float(rng.uniform(place.fence[0], place.fence[1])), place.fence[2] + 0.42),
                np.pi if rng.random() < 0.75 else np.pi + 1e-3,
            )
            pose = act.pose(float(rng.uniform(0.3, act.seconds)))
            return replace(pose, angles=pose.angles + 0.5 * wobble)
        if choice < 0.17 and place.is_yard:
            act = actors.sit((yard.BENCH[0] + float(rng.normal(0, 0.4)), yard.BENCH[1] - 0.38), np.pi, 4.0)
            return act.pose(float(rng.uniform(0, act.seconds)))
        spot = _spot(rng, place.camera, 3.0, 19.0)
        if place.is_yard and rng.random() < 0.35:
            spot = (float(rng.uniform(-8, 9)), float(rng.uniform(11.4, 14.2)))
        if spot is None:
            return None
        if choice < 0.32:
            if rng.random() < 0.35:
                act = actors.fall(spot, yaw, 0.1)
                return act.pose(float(rng.uniform(0.2, act.seconds)))
            lying = (PRONE, SIDEWAYS, SUPINE)[rng.integers(3)]
            pose = Pose(lying + 0.6 * wobble, *spot, yaw=yaw)
        elif choice < 0.47:
            base = (
                (SIT, CROUCH, BEND)[rng.integers(3)]
                if rng.random() < 0.7
                else 0.5 * (STAND + (CROUCH, BEND, SIT)[rng.integers(3)])
            )
            pose = Pose(base + wobble, *spot, yaw=yaw)
        elif choice < 0.62:
            pose = replace(actors.Idle(spot, 9.0, yaw, int(rng.integers(1 << 30))).pose(float(rng.uniform(0, 9))))
        else:
            gait = Gait(
                swing=float(rng.uniform(14, 32)),
                arm=float(rng.uniform(8, 38)),
                lean=float(rng.normal(4, 4)),
                carry=str(rng.choice(["", "", "R"])),
            )
            pose = Pose(
                gait.angles(float(rng.uniform(0, 6.28)))
                + posture(head=(float(rng.normal(0, 8)), 0, float(rng.normal(0, 20)))),
                *spot,
                yaw=yaw,
            )
        return pose


def _spot(rng: Rng, camera: Camera, near: float, far: float) -> tuple[float, float] | None:
    """A place on the ground inside the picture."""
    right, up, forward = camera.axes()
    for _ in range(12):
        u, v = rng.uniform(-1.02, 1.02), rng.uniform(-1.05, 0.75)
        ray = forward + right * u * camera.width / 2 / camera.focal + up * v * camera.height / 2 / camera.focal
        if ray[2] > -0.02:
            continue
        t = -camera.at[2] / ray[2]
        spot = np.asarray(camera.at) + ray * t
        if near < t < far:
            return float(spot[0]), float(spot[1])
    return None
