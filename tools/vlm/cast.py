"""Who and what stands in a training picture: people in known clothes, postures and with or without a bag; cars; bags."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tools.scenes import actors, props, yard
from tools.scenes.bodies import LEGS, Body
from tools.scenes.bodies import Look as Clothes
from tools.scenes.mesh import Array, Colour, Mesh, rgb
from tools.scenes.pose import BEND, CROUCH, PRONE, SIDEWAYS, SIT, STAND, SUPINE, Gait, Pose, posture
from tools.scenes.random_scene import Place
from tools.scenes.render import Thing

from .fields import Look

Rng = np.random.Generator

# Linear reflectance of clothes that anybody would call by this name; "unsure" are colours between two names.
COLOURS: dict[str, tuple[Colour, ...]] = {
    "red": ((0.40, 0.045, 0.045), (0.27, 0.04, 0.04), (0.55, 0.08, 0.06)),
    "blue": ((0.05, 0.09, 0.26), (0.12, 0.23, 0.43), (0.06, 0.14, 0.45)),
    "green": ((0.08, 0.20, 0.09), (0.05, 0.28, 0.08), (0.10, 0.20, 0.12)),
    "yellow": ((0.62, 0.44, 0.08), (0.70, 0.58, 0.10), (0.55, 0.45, 0.05)),
    "white": ((0.70, 0.69, 0.66), (0.58, 0.58, 0.56), (0.80, 0.80, 0.80)),
    "grey": ((0.20, 0.20, 0.215), (0.26, 0.26, 0.26), (0.17, 0.175, 0.185)),
    "black": ((0.04, 0.04, 0.045), (0.065, 0.07, 0.08), (0.025, 0.025, 0.03)),
    "brown": ((0.17, 0.085, 0.04), (0.22, 0.12, 0.06), (0.13, 0.07, 0.035)),
    "unsure": ((0.42, 0.17, 0.28), (0.75, 0.28, 0.04), (0.20, 0.08, 0.26)),
}
_NAMED = tuple(name for name in COLOURS if name != "unsure")
ACTIVITIES = ("walking", "carrying", "standing", "climbing", "lying")
_SHARES = (0.24, 0.19, 0.22, 0.17, 0.18)


@dataclass(frozen=True)
class Shown:
    """One thing of a picture, what it shows when well seen, and the number of the bag in its hand."""

    thing: Thing
    look: Look
    bag: int = 0
    back: float = -1.0  # how much a worn backpack is turned to the camera, -1 to 1; -1 without one


class Cast:
    """Figures, cars and bags carved once; clothes, postures and places are new for every picture."""

    def __init__(self, seed: int, figures: int = 30) -> None:
        rng = np.random.default_rng([seed, 41])
        looks = [Clothes.random(rng) for _ in range(figures)]
        packed = [replace(look, backpack=look.backpack if i % 6 == 0 else None) for i, look in enumerate(looks)]
        self._bodies = [Body.build(look, 0.022) for look in packed]
        self._cars = [
            props.car(props.PAINT[i % len(props.PAINT)], ("hatch", "saloon", "van")[i % 3], 0.06) for i in range(10)
        ]
        self._bags = [_bag(rng, i) for i in range(12)]

    def fill(self, place: Place, rng: Rng) -> list[Shown]:
        """The things of one picture, numbered from 1."""
        out: list[Shown] = []
        for index in rng.permutation(len(self._bodies))[: int(rng.integers(3, 7))]:
            out += self._person(self._bodies[int(index)], place, len(out) + 1, rng)
        for _ in range(int(rng.choice([0, 1, 2], p=[0.5, 0.35, 0.15]))):
            spot = (
                (float(rng.uniform(-10, 10)), float(rng.choice([16.1, 19.7])))
                if place.is_yard
                else spot_on(place, rng, 6.5, 22)
            )
            if spot is None:
                continue
            turn = float(rng.choice([0, np.pi])) if place.is_yard else float(rng.uniform(0, 6.28))
            z = yard.ROAD_Z if place.is_yard else 0.0
            mesh = self._cars[rng.integers(len(self._cars))].moved((*spot, z), turn)
            out.append(Shown(Thing(mesh, len(out) + 1), Look("car")))
        for _ in range(int(rng.choice([0, 1, 2], p=[0.35, 0.45, 0.2]))):
            spot = spot_on(place, rng, 3.5, 12)
            if spot is None:
                continue
            mesh = self._bags[rng.integers(len(self._bags))].moved(
                (*spot, 0), float(rng.uniform(0, 6.28)), float(rng.uniform(0.9, 1.25))
            )
            out.append(Shown(Thing(mesh, len(out) + 1), Look("bag")))
        return out

    def _person(self, body: Body, place: Place, number: int, rng: Rng) -> list[Shown]:
        activity = str(rng.choice(ACTIVITIES, p=_SHARES))
        posed = _posed(activity, place, rng)
        if posed is None:
            return []
        pose, stance = posed
        name = str(rng.choice(_NAMED)) if rng.random() < 0.95 else "unsure"
        worn = dressed(body, name, rng)
        mesh, joints = worn.bent(pose)
        look = Look("person", activity, stance, name)
        back = -1.0
        if worn.look.backpack is not None:
            to_camera = np.asarray(place.camera.at[:2]) - np.asarray((pose.x, pose.y))
            behind = np.array([np.sin(pose.yaw), -np.cos(pose.yaw)])
            back = float(behind @ to_camera / (np.linalg.norm(to_camera) + 1e-6))
        if activity != "carrying":
            return [Shown(Thing(mesh, number), look, back=back)]
        held = self._held(joints["handR"], pose, rng)
        return [
            Shown(Thing(mesh, number), look, number + 1, back),
            Shown(held_thing(held, number + 1), Look("bag"), -1),
        ]

    def _held(self, hand: Array, pose: Pose, rng: Rng) -> Thing:
        bag = self._bags[rng.integers(len(self._bags))]
        at = (float(hand[0]), float(hand[1]), max(0.0, float(hand[2]) - 0.47))
        return Thing(bag.moved(at, pose.yaw + np.pi / 2))


def held_thing(thing: Thing, number: int) -> Thing:
    """The same mesh under another number."""
    return replace(thing, number=number)


def dressed(body: Body, name: str, rng: Rng) -> Body:
    """The body with a top of the colour of this name and anybody's other clothes."""
    base = np.asarray(COLOURS[name][rng.integers(len(COLOURS[name]))])
    top = rgb((base * rng.uniform(0.88, 1.14) + rng.normal(0, 0.006, 3)).clip(0.01, 0.9))
    rest = Clothes.random(rng)
    legs = rgb((np.asarray(LEGS[rng.integers(len(LEGS))]) * rng.uniform(0.75, 1.3)).clip(0.01, 0.9))
    return body.dressed(replace(rest, top=top, legs=legs))


def _bag(rng: Rng, index: int) -> Mesh:
    col = np.asarray(props.FABRIC[index % len(props.FABRIC)]) * rng.uniform(0.7, 1.6)
    kind = ("duffel", "duffel", "backpack", "suitcase")[index % 4]
    return props.bag((float(col[0]), float(col[1]), float(col[2])), kind, 0.022)


def _posed(activity: str, place: Place, rng: Rng) -> tuple[Pose, str] | None:
    """A pose for the activity somewhere in view, and the posture it shows; None where there is no room."""
    wobble = rng.normal(0, 4, (17, 3)).astype(np.float32)
    if activity == "climbing":
        return _on_the_fence(place, rng, wobble)
    spot = spot_on(place, rng, 3.5, 17.0)
    if place.is_yard and rng.random() < 0.3:
        spot = (float(rng.uniform(-8, 9)), float(rng.uniform(11.4, 14.2)))
    if spot is None:
        return None
    yaw = float(rng.uniform(0, 6.28))
    if activity == "lying":
        if rng.random() < 0.3:
            return actors.fall(spot, yaw, 3.0).pose(float(rng.uniform(1.6, 5.0))), "lying"
        angles = (PRONE, SIDEWAYS, SUPINE)[rng.integers(3)]
        return Pose(angles + 0.6 * wobble, *spot, yaw=yaw), "lying"
    if activity == "standing":
        return _standing(place, spot, yaw, rng, wobble)
    gait = Gait(
        stride=float(rng.uniform(1.3, 1.5)),
        swing=float(rng.uniform(20, 31)),
        arm=float(rng.uniform(12, 36)),
        lean=float(rng.normal(4, 3)),
        carry="R" if activity == "carrying" else "",
    )
    # the moment both feet are together looks like standing, and would teach a coin's toss
    phase = float(rng.choice([0.0, np.pi])) + float(rng.uniform(0.45, np.pi - 0.45))
    head = posture(head=(float(rng.normal(0, 6)), 0, float(rng.normal(0, 15))))
    return Pose(gait.angles(phase) + head, *spot, yaw=yaw), "upright"


def _standing(place: Place, spot: tuple[float, float], yaw: float, rng: Rng, wobble: Array) -> tuple[Pose, str]:
    if rng.random() < 0.5:
        return actors.Idle(spot, 9.0, yaw, int(rng.integers(1 << 30))).pose(float(rng.uniform(0, 9))), "upright"
    if place.is_yard and rng.random() < 0.25:
        act = actors.sit((yard.BENCH[0] + float(rng.normal(0, 0.4)), yard.BENCH[1] - 0.38), np.pi, 4.0)
        return act.pose(float(rng.uniform(1.0, act.seconds - 1.0))), "bent"
    base = (SIT, CROUCH, BEND, BEND, 0.35 * STAND + 0.65 * BEND)[rng.integers(5)]
    return Pose(base + wobble, *spot, yaw=yaw), "bent"


def _on_the_fence(place: Place, rng: Rng, wobble: Array) -> tuple[Pose, str] | None:
    if place.fence is None:
        return None
    x0, x1, y = place.fence
    yaw = np.pi if rng.random() < 0.75 else 0.0
    act = actors.climb((float(rng.uniform(x0, x1)), y + (0.42 if yaw else -0.42)), yaw)
    pose = act.pose(float(rng.uniform(1.5, 4.6)))
    return replace(pose, angles=pose.angles + 0.5 * wobble), "climbing"


def spot_on(place: Place, rng: Rng, near: float, far: float) -> tuple[float, float] | None:
    """A place on the ground inside the picture, `near` to `far` metres along the ray."""
    camera = place.camera
    right, up, forward = camera.axes()
    for _ in range(12):
        u, v = rng.uniform(-0.95, 0.95), rng.uniform(-0.95, 0.75)
        ray = forward + right * u * camera.width / 2 / camera.focal + up * v * camera.height / 2 / camera.focal
        if ray[2] > -0.02:
            continue
        t = -camera.at[2] / ray[2]
        spot = np.asarray(camera.at) + ray * t
        if near < t < far:
            return float(spot[0]), float(spot[1])
    return None
