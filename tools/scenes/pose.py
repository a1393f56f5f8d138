"""Skeleton poses: joint angles in degrees and the root's place; walking and the other postures."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .mesh import Array

BONES: tuple[str, ...] = (
    "pelvis",
    "spine",
    "chest",
    "neck",
    "head",
    "armR",
    "foreR",
    "handR",
    "armL",
    "foreL",
    "handL",
    "thighR",
    "shinR",
    "footR",
    "thighL",
    "shinL",
    "footL",
)
PARENT: dict[str, str | None] = {
    "pelvis": None,
    "spine": "pelvis",
    "chest": "spine",
    "neck": "chest",
    "head": "neck",
} | {
    a + s: (b + s if b in {"arm", "fore", "thigh", "shin"} else b)
    for s in "RL"
    for a, b in (
        ("arm", "chest"),
        ("fore", "arm"),
        ("hand", "fore"),
        ("thigh", "pelvis"),
        ("shin", "thigh"),
        ("foot", "shin"),
    )
}
_INDEX = {name: i for i, name in enumerate(BONES)}
_HANG = 40.0  # degrees from the raised arms of the rest pose down to arms that hang


@dataclass(frozen=True)
class Pose:
    """Angles per bone (flexion about x, sideways about y, twist about z), degrees; root place in metres.

    Positive flexion moves a limb forward. `grounded` = 1 puts the lowest point on `floor`, 0 takes `z` for the pelvis.
    """

    angles: Array
    x: float = 0.0
    y: float = 0.0
    z: float = 0.95
    yaw: float = 0.0
    grounded: float = 1.0
    floor: float = 0.0

    def at(self, x: float, y: float, yaw: float | None = None) -> Pose:
        """The same posture elsewhere."""
        return replace(self, x=x, y=y, yaw=self.yaw if yaw is None else yaw)


def posture(**angles: tuple[float, ...] | float) -> Array:
    """Angles from names: ``posture(thighR=40, armL=(30, 10))``; ``arms``, ``legs``… set both sides, mirrored."""
    out: NDArray[Any] = np.zeros((len(BONES), 3), np.float32)
    for name, value in angles.items():
        triple: NDArray[Any] = np.zeros(3, np.float32)
        values = np.atleast_1d(np.asarray(value, np.float32))
        triple[: len(values)] = values
        if name in _INDEX:
            out[_INDEX[name]] += triple
            continue
        stem = name.rstrip("s")
        for side, sign in (("R", 1.0), ("L", -1.0)):
            out[_INDEX[stem + side]] += triple * np.array([1, sign, sign])
    return out


def _euler(x: float, y: float, z: float) -> Array:
    x, y, z = np.radians((x, y, z))
    cx, sx, cy, sy, cz, sz = np.cos(x), np.sin(x), np.cos(y), np.sin(y), np.cos(z), np.sin(z)
    rx = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    rz = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(rx @ ry @ rz, np.float32)


def rotations(pose: Pose) -> Array:
    """World rotation of every bone."""
    out = np.zeros((len(BONES), 3, 3), np.float32)
    c, s = np.cos(pose.yaw), np.sin(pose.yaw)
    root = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32)
    for i, name in enumerate(BONES):
        x, y, z = (float(a) for a in pose.angles[i])
        if name in {"armR", "armL"}:
            sign = 1.0 if name == "armR" else -1.0
            local: NDArray[Any] = _euler(x, 0, 0)
            local = local @ _euler(0, sign * _HANG - y, 0) @ _euler(0, 0, z)
        elif name in {"foreR", "foreL"}:
            # the elbow bends about an axis square to the half-raised arm
            sign = 1.0 if name == "foreR" else -1.0
            local = _euler(0, -sign * 45, 0) @ _euler(x, y, z) @ _euler(0, sign * 45, 0)
        elif name in {"thighR", "thighL"}:
            local = _euler(x, -y, z)
        else:
            local = _euler(x, y, z)
        parent = PARENT[name]
        out[i] = (root if parent is None else out[_INDEX[parent]]) @ local
    return out


STAND = posture(fores=12, arms=(2, 2), thighs=(0, 2))


@dataclass(frozen=True)
class Gait:
    """How somebody walks."""

    stride: float = 1.42
    swing: float = 24.0
    arm: float = 24.0
    lean: float = 3.0
    carry: str = ""
    extra: Array = field(default_factory=posture)

    def angles(self, phase: float) -> Array:
        """Joint angles at `phase` radians; one turn is two steps."""
        joints: dict[str, tuple[float, ...] | float] = {
            "spine": (-self.lean, 0, -4 * np.sin(phase)),
            "chest": (-1, 0, 8 * np.sin(phase)),
            "head": (self.lean, 0, -3 * np.sin(phase)),
            "pelvis": (0, 2.0 * np.cos(phase), 0),
        }
        for side, shift in (("R", 0.0), ("L", np.pi)):
            p = phase + shift
            hip = self.swing * np.sin(p) + 4
            lift = 0.5 + 0.5 * np.cos(p - 0.02)
            knee = -(4 + 46 * lift**3.2 + 7 * max(0.0, np.sin(p)) ** 2)
            push = 18 * max(0.0, -np.sin(p - 0.25)) ** 3
            joints[f"thigh{side}"] = (hip, 1.0)
            joints[f"shin{side}"] = knee
            joints[f"foot{side}"] = -0.55 * (hip + knee) - push
            free = self.carry != side
            swing = -self.arm * np.sin(p) if free else -4 * np.sin(p)
            joints[f"arm{side}"] = (swing - 2, 2.0 if free else 7.0)
            joints[f"fore{side}"] = (14 + 0.45 * max(0.0, swing)) if free else 6
        return posture(**joints) + self.extra


SIT = posture(thighs=(84, 6), shins=-82, spine=-6, arms=(28, 4), fores=48)
BEND = posture(thighs=(46, 5), shins=-62, foots=16, spine=-42, chest=-22, head=22, arms=(42, 0), fores=4)
CROUCH = posture(thighs=(78, 10), shins=-112, foots=34, spine=-28, chest=-10, head=18, arms=(40, 12), fores=35)
PRONE = posture(
    pelvis=-88,
    thighR=(2, 6),
    thighL=(10, 14),
    shinR=-8,
    shinL=-30,
    foots=-35,
    head=(8, 0, 45),
    armR=(165, 12),
    foreR=25,
    armL=(-4, 28),
    foreL=8,
)
SIDEWAYS = posture(
    pelvis=(-4, 84, 0), thighs=(48, 0), shins=-66, foots=-15, spine=-14, head=-10, armR=(62, 4), armL=(40, 2), fores=52
)
SUPINE = posture(
    pelvis=88, thighR=(4, 8), thighL=(22, 10), shinL=-34, head=(-4, 0, 25), armR=(-6, 40), armL=(-4, 30), foreL=14
)
