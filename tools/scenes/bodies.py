"""People: a smooth body with clothes around a skeleton, bent by skinning."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from .mesh import Array, Colour, Material, Mesh, rgb
from .pose import BONES, PARENT, Pose, rotations
from .solid import Field, Part, carve, cone

SKIN: tuple[Colour, ...] = (
    (0.62, 0.42, 0.32),
    (0.52, 0.34, 0.24),
    (0.68, 0.48, 0.38),
    (0.30, 0.19, 0.13),
    (0.18, 0.11, 0.08),
)
HAIR: tuple[Colour, ...] = (
    (0.03, 0.025, 0.02),
    (0.10, 0.06, 0.035),
    (0.22, 0.14, 0.07),
    (0.35, 0.33, 0.31),
    (0.02, 0.02, 0.02),
)
TOPS: tuple[Colour, ...] = (
    (0.05, 0.07, 0.13),
    (0.35, 0.06, 0.05),
    (0.55, 0.55, 0.52),
    (0.04, 0.04, 0.045),
    (0.10, 0.20, 0.12),
    (0.30, 0.24, 0.16),
    (0.12, 0.22, 0.42),
    (0.62, 0.45, 0.08),
    (0.20, 0.20, 0.22),
    (0.40, 0.16, 0.26),
    (0.70, 0.68, 0.62),
    (0.75, 0.28, 0.04),
)
LEGS: tuple[Colour, ...] = (
    (0.05, 0.07, 0.13),
    (0.03, 0.03, 0.035),
    (0.22, 0.18, 0.12),
    (0.12, 0.13, 0.15),
    (0.09, 0.12, 0.19),
    (0.30, 0.29, 0.26),
)


@dataclass(frozen=True)
class Look:
    """What one person looks like."""

    height: float = 1.75
    build: float = 1.0
    top: Colour = TOPS[0]
    legs: Colour = LEGS[1]
    skin: Colour = SKIN[0]
    hair: Colour = HAIR[0]
    shoes: Colour = (0.03, 0.03, 0.03)
    sleeves: bool = True
    shorts: bool = False
    coat: bool = False
    long_hair: bool = False
    headwear: str = ""
    backpack: Colour | None = None

    @staticmethod
    def random(rng: np.random.Generator) -> Look:
        """Anyone who might walk past."""

        def pick(colours: tuple[Colour, ...]) -> Colour:
            base = np.asarray(colours[rng.integers(len(colours))]) * rng.uniform(0.75, 1.3) + rng.normal(0, 0.012, 3)
            return rgb(base.clip(0.01, 0.9))

        return Look(
            height=float(np.clip(rng.normal(1.72, 0.09), 1.48, 1.95)),
            build=float(np.clip(rng.normal(1.02, 0.1), 0.85, 1.35)),
            top=pick(TOPS),
            legs=pick(LEGS),
            skin=pick(SKIN),
            hair=pick(HAIR),
            shoes=((0.03, 0.03, 0.03), (0.5, 0.5, 0.48), (0.12, 0.07, 0.04))[rng.integers(3)],
            sleeves=bool(rng.random() < 0.75),
            shorts=bool(rng.random() < 0.12),
            coat=bool(rng.random() < 0.22),
            long_hair=bool(rng.random() < 0.3),
            headwear=str(rng.choice(["", "", "", "cap", "hood", "helmet"])),
            backpack=pick(TOPS) if rng.random() < 0.18 else None,
        )


# Rest pose: metres for a person of 1.75 m, facing +y, right hand on the +x side, arms half raised.
_SIDE = {"R": 1.0, "L": -1.0}
REST: dict[str, tuple[float, float, float]] = {
    "pelvis": (0, 0, 0.95),
    "spine": (0, 0, 1.08),
    "chest": (0, 0, 1.25),
    "neck": (0, -0.01, 1.48),
    "head": (0, 0.0, 1.56),
}
ENDS: dict[str, tuple[float, float, float]] = {"head": (0, 0.02, 1.72)}
for _s, _x in _SIDE.items():
    REST |= {
        f"arm{_s}": (0.19 * _x, -0.01, 1.42),
        f"fore{_s}": (0.40 * _x, -0.02, 1.23),
        f"hand{_s}": (0.585 * _x, 0.0, 1.055),
        f"thigh{_s}": (0.095 * _x, 0, 0.92),
        f"shin{_s}": (0.11 * _x, 0.01, 0.50),
        f"foot{_s}": (0.115 * _x, -0.02, 0.09),
    }
    ENDS |= {f"hand{_s}": (0.69 * _x, 0.01, 0.955), f"foot{_s}": (0.13 * _x, 0.16, 0.03)}
_CHILD = {"pelvis": "spine", "spine": "chest", "chest": "neck", "neck": "head"} | {
    a + s: b + s for s in _SIDE for a, b in (("arm", "fore"), ("fore", "hand"), ("thigh", "shin"), ("shin", "foot"))
}
_GIRTH = {
    "pelvis": 0.13,
    "spine": 0.13,
    "chest": 0.15,
    "neck": 0.06,
    "head": 0.10,
    "arm": 0.055,
    "fore": 0.045,
    "hand": 0.05,
    "thigh": 0.085,
    "shin": 0.055,
    "foot": 0.06,
}


def _parts(look: Look) -> list[Part]:
    b = look.build
    r, e = REST, ENDS
    puff = 0.010 if look.coat else (0.006 if look.sleeves else 0.0)
    hem = 0.62 if look.coat else 0.94
    top: list[Field] = [
        cone((0, 0, 0.97), (0, 0.0, 1.34), 0.148 * b + puff, 0.172 * b + puff, flat=0.66),
        cone((0, -0.035, 1.20), (0, -0.03, 1.34), 0.11 * b, 0.12 * b, flat=0.75),
        cone((-0.165, -0.012, 1.405), (0.165, -0.012, 1.405), 0.062 + puff, 0.062 + puff),
    ]
    if look.build > 1.1:
        top.append(cone((0, 0.05, 1.05), (0, 0.04, 1.15), 0.11 * b, 0.10 * b))
    if look.coat:
        top.append(cone((0, 0, 0.97), (0, 0, hem), 0.155 * b, 0.185 * b, flat=0.72))
    skin: list[Field] = [
        cone((0, -0.012, 1.44), r["head"], 0.056, 0.052),
        cone((0, 0.0, 1.655), (0, 0.006, 1.66), 0.093, 0.093, flat=1.12),
        cone((0, 0.045, 1.585), (0, 0.03, 1.63), 0.052, 0.066),
        cone((0, 0.105, 1.625), (0, 0.098, 1.648), 0.016, 0.010),
        cone((-0.088, 0.0, 1.63), (0.088, 0, 1.63), 0.018, 0.018),
    ]
    legs: list[Field] = [cone((-0.06, -0.005, 0.93), (0.06, -0.005, 0.93), 0.115 * b, 0.115 * b, flat=0.92)]
    shoes: list[Field] = []
    knee = 0.045 * b + 0.012
    for s, x in _SIDE.items():
        arm_r = 0.050 * b
        top.append(
            cone(
                r["arm" + s],
                _mid(r["arm" + s], r["fore" + s], 1.0 if look.sleeves else 0.55),
                arm_r + puff,
                arm_r * 0.9 + puff,
            )
        )
        if look.sleeves:
            top.append(cone(r["fore" + s], _mid(r["fore" + s], r["hand" + s], 0.95), arm_r * 0.88 + puff, 0.036 + puff))
        else:
            skin.append(cone(r["arm" + s], r["fore" + s], arm_r * 0.85, arm_r * 0.8))
            skin.append(cone(r["fore" + s], r["hand" + s], arm_r * 0.8, 0.029))
        skin.append(cone(r["hand" + s], e["hand" + s], 0.031, 0.024, flat=0.9))
        skin.append(cone(r["hand" + s], (0.62 * x, 0.045, 1.0), 0.022, 0.013))
        end = _mid(r["thigh" + s], r["shin" + s], 1.05)
        legs.append(cone(r["thigh" + s], end, 0.088 * b, knee + 0.012))
        if look.shorts:
            skin.append(cone(r["shin" + s], r["foot" + s], knee, 0.038))
        else:
            legs.append(cone(end, (0.115 * x, -0.02, 0.11), knee + 0.012, 0.050))
        skin.append(cone(r["shin" + s], r["foot" + s], knee * 0.8, 0.036))
        shoes.append(cone((0.115 * x, -0.045, 0.055), (0.13 * x, 0.14, 0.042), 0.046, 0.038, squash=0.9))
    hair: list[Field] = []
    if look.headwear == "helmet":
        hair = [
            cone((0, 0.0, 1.70), (0, 0.0, 1.70), 0.118, 0.118, flat=1.1),
            cone((0, 0.07, 1.69), (0, 0.12, 1.685), 0.09, 0.06, squash=0.2),
        ]
    elif look.headwear == "hood":
        top.append(cone((0, -0.03, 1.58), (0, -0.028, 1.665), 0.095, 0.105, flat=1.05))
        top.append(cone((0, -0.06, 1.47), (0, -0.06, 1.5), 0.10, 0.085))
    else:
        hair = [cone((0, -0.022, 1.675), (0, -0.016, 1.685), 0.098, 0.096, flat=1.1)]
        if look.headwear == "cap":
            hair.append(cone((0, 0.08, 1.70), (0, 0.15, 1.69), 0.07, 0.055, squash=0.18))
        elif look.long_hair:
            hair.append(cone((0, -0.06, 1.66), (0, -0.085, 1.42), 0.085, 0.065, flat=0.7))
    worn = {"cap": look.legs, "helmet": (0.75, 0.62, 0.05)}.get(look.headwear, look.hair)
    hair_mat = Material.PLAIN if look.headwear in {"cap", "helmet"} else Material.HAIR
    parts = [
        Part(tuple(top), look.top, Material.CLOTH, 0.045),
        Part(tuple(legs), look.legs, Material.CLOTH, 0.04),
        Part(tuple(skin), look.skin, Material.SKIN, 0.02),
        Part(tuple(shoes), look.shoes, Material.PLAIN, 0.01),
    ]
    if hair:
        parts.append(Part(tuple(hair), worn, hair_mat, 0.03))
    if look.backpack is not None:
        pack = (
            cone((0, -0.19, 1.10), (0, -0.18, 1.32), 0.15, 0.13, flat=0.62),
            cone((0, -0.26, 1.08), (0, -0.26, 1.18), 0.09, 0.08),
        )
        parts.append(Part(pack, look.backpack, Material.CLOTH, 0.04))
    return parts


def _mid(a: tuple[float, float, float], b: tuple[float, float, float], t: float) -> tuple[float, float, float]:
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t)


def _weights(pos: Array) -> Array:
    """Share of each bone in each vertex: by distance in units of the limb's girth, never across to the other side."""
    share = np.zeros((len(pos), len(BONES)), np.float32)
    for i, name in enumerate(BONES):
        a = np.asarray(REST[name], np.float32)
        b = np.asarray(REST[_CHILD[name]] if name in _CHILD else ENDS[name], np.float32)
        t = np.clip(((pos - a) @ (b - a)) / ((b - a) @ (b - a)), 0, 1)
        stem = name[:-1] if name[-1] in "LR" else name
        gap = np.linalg.norm(pos - a - t[:, None] * (b - a), axis=1) / _GIRTH[stem]
        value = 1.0 / (gap**5 + 0.02)
        if name[-1] in "LR":
            side = _SIDE[name[-1]]
            blend = 0.02 if stem in {"thigh", "shin", "foot"} else 0.05
            edge = 0.0 if stem in {"thigh", "shin", "foot"} else 0.13
            value *= np.clip((pos[:, 0] * side - edge) / blend + 0.5, 0, 1)
        if stem in {"thigh", "shin", "foot"}:
            value *= np.clip((1.0 - pos[:, 2]) / 0.12, 0, 1)
        if stem in {"neck", "head"}:
            value *= np.clip((pos[:, 2] - 1.42) / 0.06, 0, 1)
        share[:, i] = value
    return np.asarray(share / share.sum(1, keepdims=True), np.float32)


@dataclass
class Body:
    """One person's mesh at rest, ready to be bent."""

    look: Look
    mesh: Mesh
    weights: Array
    joints: Array = field(repr=False)
    owner: NDArray[np.intp] = field(repr=False)

    @staticmethod
    def build(look: Look, step: float = 0.014) -> Body:
        """Carves the body; `step` is the grid in metres."""
        mesh, owner = carve(_parts(look), (-0.76, -0.36, -0.03), (0.76, 0.26, 1.88), step)
        joints = np.array([REST[name] for name in BONES], np.float32)
        return Body(look, mesh, _weights(mesh.pos), joints, owner)

    def dressed(self, look: Look) -> Body:
        """The same figure in other colours; everything but colours of `look` is ignored."""
        told = replace(self.look, top=look.top, legs=look.legs, skin=look.skin, hair=look.hair, shoes=look.shoes)
        colours = np.array([part.col for part in _parts(told)], np.float32)[self.owner]
        return Body(told, replace(self.mesh, col=colours), self.weights, self.joints, self.owner)

    @property
    def scale(self) -> float:
        return self.look.height / 1.75

    def bent(self, pose: Pose) -> tuple[Mesh, dict[str, Array]]:
        """The mesh in this pose in world space, and where the joints are."""
        turn = rotations(pose)
        at = np.zeros_like(self.joints)
        for i, name in enumerate(BONES):
            parent = PARENT[name]
            if parent is None:
                at[i] = 0
            else:
                j = BONES.index(parent)
                at[i] = at[j] + turn[j] @ (self.joints[i] - self.joints[j])
        shift = at - np.einsum("bij,bj->bi", turn, self.joints)
        spin = (self.weights @ turn.reshape(len(BONES), 9)).reshape(-1, 3, 3)
        pos = np.einsum("vij,vj->vi", spin, self.mesh.pos) + self.weights @ shift
        nrm = np.einsum("vij,vj->vi", spin, self.mesh.nrm)
        nrm /= np.linalg.norm(nrm, axis=1, keepdims=True) + 1e-6
        floor = -float(pos[:, 2].min()) * self.scale
        z = pose.floor + pose.grounded * floor + (1 - pose.grounded) * pose.z
        offset = np.array([pose.x, pose.y, z], np.float32)
        mesh = replace(self.mesh, pos=(pos * self.scale + offset).astype(np.float32), nrm=nrm.astype(np.float32))
        return mesh, {name: (at[i] * self.scale + offset).astype(np.float32) for i, name in enumerate(BONES)}
