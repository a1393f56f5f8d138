"""The demo's clips: who does what in the yard, and which events are right for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from . import actors, props, yard
from .actors import Actor, Idle, Walk
from .bodies import Body, Look
from .effects import Sensor
from .light import Light, day, night
from .mesh import Mesh
from .pose import Gait

FPS = 10


@dataclass(frozen=True)
class Drive:
    """A car on the road, along x."""

    mesh: Mesh
    start: float
    x0: float
    speed: float
    y: float

    def at(self, t: float) -> Mesh | None:
        """The car at time `t`; None when out of sight."""
        x = self.x0 + self.speed * (t - self.start)
        if t < self.start or abs(x) > abs(self.x0) + 1:
            return None
        return self.mesh.moved((x, self.y, yard.ROAD_Z), 0.0 if self.speed > 0 else np.pi)


@dataclass(frozen=True)
class Carried:
    """A bag in somebody's right hand until `drop` seconds, then on the ground."""

    mesh: Mesh
    owner: int
    drop: float
    label: str = "backpack"


@dataclass(frozen=True)
class Expected:
    """An event that a good system reports; `who` is an index into the actors, `at` the moment it begins."""

    type: str
    zone: str
    at: float
    who: int | None = None
    before: float = 1.0
    after: float = 3.0


@dataclass(frozen=True)
class Script:
    """One clip."""

    name: str
    seconds: float
    light: Light
    sensor: Sensor
    people: tuple[Actor, ...] = ()
    cars: tuple[Drive, ...] = ()
    bags: tuple[Carried, ...] = ()
    expected: tuple[Expected, ...] = ()
    cover: tuple[float, float] | None = None
    seed: int = 1
    note: str = ""
    wind: float = 1.0


DAY = Sensor()
DARK = Sensor(gain=2.2, noise=2.2, mono=True, saturation=0.0, bloom=0.12, shake=0.2, sharpen=0.4, vignette=0.4)


def _person(**look: object) -> Body:
    return Body.build(replace(Look(), **look))  # type: ignore[arg-type]


def climb() -> Script:
    """Somebody walks past outside; later somebody climbs the fence and crosses the yard."""
    passer = Actor(
        _person(
            height=1.70,
            top=(0.42, 0.36, 0.26),
            legs=(0.09, 0.12, 0.20),
            coat=True,
            hair=(0.16, 0.09, 0.05),
            long_hair=True,
            backpack=(0.05, 0.12, 0.2),
        ),
        (Walk(((-10.5, 12.5), (11.5, 12.7)), 1.5),),
    )
    way = Walk(((-10.5, 13.5), (-6, 13.1), (-1.3, 11.42)), 1.45, Gait(lean=5, arm=28))
    over = actors.climb((-1.3, 11.42), np.pi)
    away = Walk(((-1.3, 10.37), (-0.6, 8.4), (1.6, 2.5)), 1.5, Gait(lean=6))
    climber = Actor(
        _person(
            height=1.80, top=(0.07, 0.075, 0.085), legs=(0.16, 0.16, 0.17), headwear="hood", shoes=(0.5, 0.5, 0.48)
        ),
        (way, over, away),
        start=5.0,
    )
    up = climber.act_start(1)
    return Script(
        "climb",
        23,
        day(-150, 44, 0.2),
        DAY,
        (passer, climber),
        seed=11,
        expected=(
            Expected("climbing", "fence", up + 3.0, 1, 2.5, 3.5),
            Expected("intrusion", "yard", up + 4.6, 1, 1.5, 3.0),
        ),
        note="Walking past along the fence is nothing; climbing it is.",
    )


def loiter() -> Script:
    """Somebody hangs about at the gate; somebody else only passes through the area."""
    stay = (
        Walk(((12.0, 13.3), (7.0, 13.0), (4.9, 12.2)), 1.3, Gait(arm=16)),
        Idle((4.9, 12.2), 9.0, 2.2, 3),
        Walk(((4.9, 12.2), (4.2, 11.9)), 0.6, Gait(stride=0.9, swing=15)),
        Idle((4.2, 11.9), 8.5, 2.9, 5),
        Walk(((4.2, 11.9), (4.9, 12.4)), 0.6, Gait(stride=0.9, swing=15)),
        Idle((4.9, 12.4), 6.5, 2.5, 9),
        Walk(((4.9, 12.4), (7.5, 13.0), (13.0, 13.2)), 1.35, Gait(arm=16)),
    )
    loiterer = Actor(_person(height=1.77, top=(0.25, 0.05, 0.05), legs=(0.05, 0.06, 0.10), headwear="cap"), stay)
    passer = Actor(
        _person(
            height=1.66,
            top=(0.50, 0.50, 0.47),
            legs=(0.24, 0.2, 0.14),
            skin=(0.3, 0.19, 0.13),
            hair=(0.02, 0.02, 0.02),
            build=1.12,
        ),
        (Walk(((-11.0, 13.4), (3.0, 13.0), (12.5, 13.1)), 1.45),),
        start=9.0,
    )
    return Script(
        "loiter",
        33,
        day(150, 50, 0.85),
        replace(DAY, gain=1.25),
        (loiterer, passer),
        seed=12,
        expected=(Expected("loitering", "gate", loiterer.act_start(1) - 1.0, 0, 2.0, 27.0),),
        note="One stays at the gate for about 25 s, one only passes.",
    )


def bag() -> Script:
    """Somebody walks in through the gate, puts a bag down and leaves the picture."""
    come = Walk(((12.0, 13.2), (6.0, 13.0), (4.6, 12.3), (4.4, 10.2), (2.6, 8.1)), 1.45, Gait(carry="R"))
    down = actors.put_down((2.6, 8.1), come.pose(come.seconds).yaw)
    leave = Walk(((2.6, 8.1), (0.5, 7.6), (-7.0, 6.9)), 1.5)
    owner = Actor(
        _person(height=1.74, top=(0.13, 0.24, 0.42), legs=(0.035, 0.035, 0.04), hair=(0.10, 0.06, 0.035)),
        (come, down, leave),
    )
    drop = owner.act_start(1) + 1.3
    return Script(
        "bag",
        33,
        day(-110, 38, 0.3, 0.4),
        DAY,
        (owner,),
        bags=(Carried(props.bag((0.035, 0.035, 0.05), "duffel"), 0, drop),),
        seed=13,
        expected=(
            Expected("line_crossing", "gate_line", _crosses(owner), 0, 1.0, 1.5),
            Expected("intrusion", "yard", _enters(owner), 0, 1.5, 3.0),
            Expected("left_object", "yard", drop, None, 1.0, 19.0),
        ),
        note="The bag stays for the rest of the clip.",
    )


def fall() -> Script:
    """Somebody bends, sits on the bench and leaves; somebody else walks, falls and stays down."""
    sitter = Actor(
        _person(
            height=1.64, top=(0.42, 0.17, 0.28), legs=(0.12, 0.13, 0.15), hair=(0.35, 0.33, 0.31), coat=True, build=1.08
        ),
        (
            Walk(((-7.5, 6.6), (-3.6, 8.2)), 1.3),
            actors.bend_down((-3.6, 8.2), -0.9),
            Walk(((-3.6, 8.2), (-4.6, 9.1)), 0.9, Gait(stride=1.0, swing=16)),
            actors.sit((-4.6, 9.22), np.pi, 4.2),
            Walk(((-4.6, 9.1), (-4.2, 8.2), (-7.5, 6.6)), 1.3),
        ),
    )
    way = Walk(((9.0, 7.6), (1.9, 7.9)), 1.3)
    faller = Actor(
        _person(height=1.79, top=(0.62, 0.44, 0.08), legs=(0.09, 0.12, 0.19), skin=(0.52, 0.34, 0.24)),
        (way, actors.fall((1.9, 7.9), way.pose(way.seconds).yaw, 30.0)),
        start=9.5,
    )
    down = faller.act_start(1)
    return Script(
        "fall",
        27,
        day(-140, 46, 0.3),
        DAY,
        (sitter, faller),
        seed=14,
        expected=(
            Expected("intrusion", "yard", 1.6, 0, 1.6, 3.0),
            Expected("intrusion", "yard", faller.start + 2.0, 1, 1.5, 3.5),
            Expected("fall", "", down + 1.0, 1, 1.5, 5.0),
        ),
        note="Bending and sitting down are no fall.",
    )


def car() -> Script:
    """A car each way on the road and a pedestrian on the pavement; nobody in the yard."""
    walker = Actor(
        _person(height=1.72, top=(0.10, 0.20, 0.12), legs=(0.22, 0.18, 0.12), headwear="cap", sleeves=True),
        (Walk(((11.5, 13.3), (-11.5, 13.3)), 1.5),),
    )
    cars = (
        Drive(props.car((0.36, 0.03, 0.03), "hatch"), 2.0, -27.0, 8.5, 16.1),
        Drive(props.car((0.62, 0.62, 0.60), "van"), 8.0, 27.0, -7.0, 19.7),
    )
    return Script("car", 16, day(-140, 48, 0.15), DAY, (walker,), cars, seed=15, note="Nothing to report.")


def dark() -> Script:
    """Night: somebody walks through the gate and across the yard."""
    walker = Actor(
        _person(height=1.78, top=(0.20, 0.20, 0.22), legs=(0.10, 0.10, 0.13), headwear="hood"),
        (Walk(((11.0, 13.2), (6.2, 12.9), (4.6, 12.2), (4.3, 9.8), (0.2, 7.6), (-7.0, 7.0)), 1.4),),
        start=1.0,
    )
    return Script(
        "night",
        18,
        night((yard.LAMP,), 4.2),
        DARK,
        (walker,),
        seed=16,
        expected=(
            Expected("line_crossing", "gate_line", _crosses(walker), 0, 1.0, 1.5),
            Expected("intrusion", "yard", _enters(walker), 0, 1.5, 3.0),
        ),
        note="Infrared and one lamp.",
        wind=0.6,
    )


def covered() -> Script:
    """Somebody passes outside, then a cloth is pulled over the lens."""
    passer = Actor(
        _person(height=1.69, top=(0.55, 0.55, 0.52), legs=(0.05, 0.07, 0.13), backpack=(0.3, 0.06, 0.05)),
        (Walk(((-11.0, 13.0), (9.0, 13.0)), 1.6),),
    )
    return Script(
        "covered",
        20,
        day(120, 45, 0.7),
        replace(DAY, gain=1.0),
        (passer,),
        seed=17,
        cover=(10.5, 11.6),
        expected=(Expected("tamper", "", 11.6, None, 1.5, 6.0),),
        note="Covered from 11 s to the end.",
    )


def quiet() -> Script:
    """Nothing: sensor noise, a little wind in the bushes, the light drifting."""
    return Script("quiet", 20, day(-135, 40, 0.35), replace(DAY, drift=0.03), seed=18, note="Nothing to report.")


def _times(actor: Actor) -> list[tuple[float, float, float]]:
    out = []
    for t in np.arange(actor.start, actor.end, 0.05):
        pose = actor.pose(float(t))
        if pose is not None:
            out.append((float(t), pose.x, pose.y))
    return out


def _crosses(actor: Actor) -> float:
    """When the actor comes through the plane of the fence."""
    return next(t for t, _, y in _times(actor) if y < yard.FENCE_Y)


def _enters(actor: Actor) -> float:
    """When the actor stands on the yard's ground."""
    return next(t for t, x, y in _times(actor) if y < 9.3 or (y < 10.55 and x < 2.6))


SCRIPTS: dict[str, Callable[[], Script]] = {
    "climb": climb,
    "loiter": loiter,
    "bag": bag,
    "fall": fall,
    "car": car,
    "night": dark,
    "covered": covered,
    "quiet": quiet,
}
