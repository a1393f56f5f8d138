"""What people do: a timeline of walking, standing, climbing, falling…, sampled at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from .bodies import Body
from .mesh import Array, Mesh
from .pose import BEND, CROUCH, PRONE, SIT, STAND, Gait, Pose, posture

Point = tuple[float, float]


class Act(Protocol):
    """A stretch of a timeline."""

    seconds: float

    def pose(self, t: float) -> Pose:
        """The pose `t` seconds into the act."""


def heading(a: Point, b: Point) -> float:
    """Yaw of somebody who walks from a to b."""
    return float(np.arctan2(-(b[0] - a[0]), b[1] - a[1]))


@dataclass
class Walk:
    """Walks along corner points at an even speed, turning softly."""

    path: Sequence[Point]
    speed: float = 1.3
    gait: Gait = field(default_factory=Gait)
    phase: float = 0.0

    def __post_init__(self) -> None:
        points = np.asarray(self.path, float)
        steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
        self._along = np.concatenate([[0.0], np.cumsum(steps)])
        self.seconds = float(self._along[-1] / self.speed)

    def _place(self, s: float) -> Point:
        points = np.asarray(self.path, float)
        return (float(np.interp(s, self._along, points[:, 0])), float(np.interp(s, self._along, points[:, 1])))

    def pose(self, t: float) -> Pose:
        s = t * self.speed
        here = self._place(s)
        total = float(self._along[-1])
        # the corner is cut: the course is looked up a little behind and ahead
        a, b = self._place(max(0.0, min(s, total - 0.02) - 0.35)), self._place(min(total, s + 0.35))
        smooth = ((a[0] + b[0] + 2 * here[0]) / 4, (a[1] + b[1] + 2 * here[1]) / 4) if 0.35 < s < total - 0.35 else here
        return Pose(
            self.gait.angles(self.phase + 2 * np.pi * s / self.gait.stride), smooth[0], smooth[1], yaw=heading(a, b)
        )


@dataclass
class Idle:
    """Stands about: shifts weight, looks around, raises a phone, turns."""

    at: Point
    seconds: float
    yaw: float = 0.0
    seed: int = 0
    turn: float = 40.0

    def pose(self, t: float) -> Pose:
        rng = np.random.default_rng(self.seed)
        p, f = rng.uniform(0, 6.28, 8), rng.uniform(0.2, 0.6, 8)
        w = np.sin(f * t * 2 + p)
        phone = float(np.clip(3 * np.sin(0.45 * t + p[7]) - 1.0, 0, 1))
        angles = STAND + posture(
            pelvis=(0, 2.5 * w[0], 0),
            spine=(-3 + 2 * w[1], -2 * w[0], 6 * w[2]),
            head=(-14 * phone + 4 * w[3], 0, 35 * w[4] * (1 - phone)),
            armR=(6 * w[5] + 32 * phone, 2),
            foreR=(10 + 75 * phone),
            armL=(4 * w[6], 1),
            thighR=(2 * w[0], 2),
            thighL=(-2 * w[0], 2),
            shins=-3,
        )
        yaw = self.yaw + np.radians(self.turn) * float(np.sin(0.31 * t + p[0]) - np.sin(p[0]))
        sway = 0.03 * float(w[0])
        return Pose(angles, self.at[0] + sway * float(np.cos(yaw)), self.at[1] + sway * float(np.sin(yaw)), yaw=yaw)


@dataclass(frozen=True)
class Key:
    """A posture at a moment; `dx`, `dy` from the act's place, forward being the act's heading."""

    t: float
    angles: Array
    dx: float = 0.0
    dy: float = 0.0
    z: float | None = None
    turn: float = 0.0


@dataclass
class Keys:
    """Postures blended one into the next."""

    at: Point
    yaw: float
    keys: Sequence[Key]

    def __post_init__(self) -> None:
        self.seconds = self.keys[-1].t

    def pose(self, t: float) -> Pose:
        times = [k.t for k in self.keys]
        i = int(np.clip(np.searchsorted(times, t, "right") - 1, 0, len(times) - 2))
        a, b = self.keys[i], self.keys[i + 1]
        u = float(np.clip((t - a.t) / (b.t - a.t), 0, 1))
        return _blend(self._fixed(a), self._fixed(b), u * u * (3 - 2 * u))

    def _fixed(self, k: Key) -> Pose:
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        x = self.at[0] + k.dx * c - k.dy * s
        y = self.at[1] + k.dx * s + k.dy * c
        return Pose(
            k.angles,
            float(x),
            float(y),
            0.95 if k.z is None else k.z,
            self.yaw + np.radians(k.turn),
            1.0 if k.z is None else 0.0,
        )


def _blend(a: Pose, b: Pose, u: float) -> Pose:
    yaw = a.yaw + u * float((b.yaw - a.yaw + np.pi) % (2 * np.pi) - np.pi)
    mix = {k: (1 - u) * getattr(a, k) + u * getattr(b, k) for k in ("angles", "x", "y", "grounded", "floor")}
    z = b.z if a.grounded == 1 else a.z if b.grounded == 1 else (1 - u) * a.z + u * b.z
    return Pose(mix["angles"], mix["x"], mix["y"], z, yaw, mix["grounded"], mix["floor"])


@dataclass
class Actor:
    """One person and the timeline; absent before `start` and after its end unless `stay`."""

    body: Body
    acts: Sequence[Act]
    start: float = 0.0
    stay: bool = False
    floor: float = 0.0

    @property
    def end(self) -> float:
        """When the last act is over."""
        return self.start + sum(act.seconds for act in self.acts)

    def act_start(self, index: int) -> float:
        """When an act begins."""
        return self.start + sum(act.seconds for act in self.acts[:index])

    def pose(self, t: float) -> Pose | None:
        """The pose at time `t`, or None when not there."""
        if t < self.start or (t >= self.end and not self.stay):
            return None
        left = t - self.start
        for i, act in enumerate(self.acts):
            if left < act.seconds or i == len(self.acts) - 1:
                pose = act.pose(min(left, act.seconds))
                if i and left < 0.35:
                    before = self.acts[i - 1]
                    u = left / 0.35
                    last = before.pose(before.seconds)
                    pose = _blend(replace(last, x=pose.x, y=pose.y), pose, u * u * (3 - 2 * u))
                return replace(pose, floor=pose.floor + self.floor)
            left -= act.seconds
        return None

    def mesh(self, t: float) -> tuple[Mesh, dict[str, Array]] | None:
        """The bent body and its joints at time `t`."""
        pose = self.pose(t)
        return None if pose is None else self.body.bent(pose)


def climb(at: Point, yaw: float, top: float = 1.9) -> Keys:
    """Over a fence that stands 0.4 m ahead of `at`: reach up, pull, swing both legs over, drop, rise."""
    reach = STAND + posture(arms=(152, -4), fores=14, head=14, thighs=3)
    pull = posture(
        arms=(95, 4), fores=70, spine=-8, thighR=(95, 8), shinR=-105, thighL=(10, 2), shinL=-24, foots=-20, head=8
    )
    push = posture(
        arms=(14, 6),
        fores=24,
        spine=-30,
        chest=-14,
        pelvis=-22,
        thighR=(84, 22),
        shinR=-98,
        thighL=(-4, 4),
        shinL=-12,
        foots=-30,
        head=20,
    )
    over = posture(
        pelvis=(-48, -22, 24),
        spine=-20,
        arms=(52, 6),
        fores=16,
        thighR=(62, 46),
        shinR=-38,
        thighL=(26, 34),
        shinL=-62,
        foots=-20,
        head=28,
    )
    swing = posture(
        pelvis=(-20, 8, 70),
        spine=-12,
        armR=(20, 16),
        armL=(-20, 40),
        fores=18,
        thighR=(52, 10),
        shinR=-42,
        thighL=(62, 24),
        shinL=-66,
        head=12,
    )
    drop = posture(
        pelvis=(0, 0, 60),
        spine=-12,
        armR=(40, 26),
        armL=(70, 40),
        fores=26,
        thighs=(34, 8),
        shins=-48,
        foots=-16,
        head=-8,
    )
    land = CROUCH + posture(pelvis=(0, 0, 25))
    return Keys(
        at,
        yaw,
        (
            Key(0.0, STAND),
            Key(0.7, reach, dy=0.08),
            Key(1.3, reach + posture(spine=4), dy=0.12),
            Key(2.1, pull, dy=0.10, z=top - 0.52),
            Key(2.9, push, dy=0.18, z=top + 0.04),
            Key(3.6, over, dy=0.38, z=top + 0.30),
            Key(4.2, swing, dy=0.62, z=top + 0.22),
            Key(4.6, drop, dy=0.86, z=top - 0.45),
            Key(4.85, land, dy=0.98),
            Key(5.2, land, dy=1.0),
            Key(5.9, STAND, dy=1.05),
        ),
    )


def fall(at: Point, yaw: float, lie: float) -> Keys:
    """Stumbles while walking, goes down on the front and lies still for `lie` seconds."""
    trip = posture(thighR=(38, 2), shinR=-30, thighL=(-26, 2), shinL=-40, spine=-22, chest=-8, arms=(48, 26), fores=30)
    knees = posture(pelvis=-34, thighs=(22, 8), shins=-92, foots=-40, spine=-18, arms=(70, 18), fores=30, head=10)
    return Keys(
        at,
        yaw,
        (
            Key(0.0, Gait().angles(0.6)),
            Key(0.4, trip, dy=0.38),
            Key(0.95, knees, dy=0.72),
            Key(1.5, PRONE, dy=0.95),
            Key(2.1, PRONE + posture(armR=(-8, 4)), dy=1.0),
            Key(2.1 + lie, PRONE + posture(armR=(-8, 4)), dy=1.0),
        ),
    )


def sit(at: Point, yaw: float, seconds: float, seat: float = 0.45) -> Keys:
    """Sits down backwards on a seat whose edge is at `at`, looks about, and gets up."""
    z = seat + 0.13
    half = posture(thighs=(60, 5), shins=-78, foots=14, spine=-38, arms=(40, 5), fores=20, head=20)
    return Keys(
        at,
        yaw,
        (
            Key(0, STAND, dy=0.12),
            Key(0.7, half, dy=-0.05, z=z + 0.22),
            Key(1.3, SIT, dy=-0.22, z=z),
            Key(1.3 + seconds * 0.3, SIT + posture(head=(0, 0, 30)), dy=-0.22, z=z),
            Key(1.3 + seconds * 0.6, SIT + posture(head=(-8, 0, -25), spine=-10), dy=-0.22, z=z),
            Key(1.3 + seconds, SIT, dy=-0.22, z=z),
            Key(2.0 + seconds, half, dy=-0.05, z=z + 0.22),
            Key(2.7 + seconds, STAND, dy=0.12),
        ),
    )


def put_down(at: Point, yaw: float) -> Keys:
    """Bends down, leaves what is in the right hand on the ground after 1.3 s, and rises."""
    down = BEND + posture(armR=(12, 0), armL=(-30, 0))
    return Keys(at, yaw, (Key(0, STAND), Key(1.1, down), Key(1.5, down), Key(2.4, STAND)))


def bend_down(at: Point, yaw: float) -> Keys:
    """Picks something up, ties a shoe."""
    return Keys(at, yaw, (Key(0, STAND), Key(0.9, CROUCH), Key(2.6, CROUCH + posture(head=6)), Key(3.5, STAND)))
