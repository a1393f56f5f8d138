"""Parts on a table, good ones and faulty ones, with the exact pixels of every fault: pictures for quality inspection.

A `Design` is one kind of part and always looks the same; a `shoot` of it varies light, place, turn, table grain and camera
as a line does, and adds a fault if asked. Everything is made from heights and colours, lit and seen through `effects`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .effects import Lens, Picture, Sensor
from .mesh import Array

Rng = np.random.Generator
Mask = NDArray[np.bool_]
MATERIALS = ("metal", "plastic", "board")
DEFECTS = ("scratch", "hole", "missing_screw", "discolouration", "misprint")
SIDE = 320  # pixels of a picture's side
_N = 2 * SIDE  # the maps are twice as fine
_HALF = 205.0  # half the side of a part, in pixels of the maps
_SCREW = 21.0
_BODY: dict[str, tuple[tuple[float, float, float], ...]] = {
    "metal": ((0.44, 0.45, 0.46), (0.50, 0.48, 0.44), (0.36, 0.38, 0.41)),
    "plastic": ((0.07, 0.16, 0.38), (0.60, 0.60, 0.57), (0.40, 0.07, 0.05), (0.05, 0.055, 0.06), (0.10, 0.30, 0.16)),
    "board": ((0.02, 0.14, 0.06), (0.02, 0.06, 0.20), (0.15, 0.02, 0.03)),
}
_TABLES = ((0.20, 0.20, 0.21), (0.34, 0.30, 0.25), (0.12, 0.16, 0.20), (0.42, 0.42, 0.40))


@dataclass(frozen=True)
class Maps:
    """A part flat on its drawing: linear colour, height in pixels, gloss 0..1, where the part is."""

    colour: Array
    height: Array
    gloss: Array
    body: Array

    def copy(self) -> Maps:
        """Maps of its own to change."""
        return Maps(self.colour.copy(), self.height.copy(), self.gloss.copy(), self.body.copy())


@dataclass(frozen=True)
class Design:
    """One kind of part: material, its maps without screws and print, where screws sit, what is printed."""

    material: str
    seed: int
    bare: Maps = field(repr=False)
    screws: tuple[tuple[float, float], ...]
    print_at: tuple[float, float]
    text: str
    ink: tuple[float, float, float]

    @staticmethod
    def make(material: str, seed: int) -> Design:
        """The design with this number; the same numbers give the same part."""
        rng = np.random.default_rng([seed, MATERIALS.index(material), 9])
        ground = np.array(_BODY[material][rng.integers(len(_BODY[material]))], np.float32) * rng.uniform(0.85, 1.15)
        reach = 0.74 * _HALF
        screws = tuple((_N / 2 + sx * reach, _N / 2 + sy * reach) for sy in (-1, 1) for sx in (-1, 1))
        maps = _body(material, ground, rng)
        spot = (_N / 2 + float(rng.uniform(-20, 20)), _N / 2 + float(rng.choice([-0.38, 0.38])) * _HALF)
        text = "".join(rng.choice(list("ABCDEFHKLMNPRSTX23456789"), 5))
        pale = float(ground.mean()) < 0.3
        return Design(material, seed, maps, screws, spot, text, (0.75, 0.75, 0.72) if pale else (0.03, 0.03, 0.04))


@dataclass(frozen=True)
class PartShot:
    """A picture (BGR), the pixels of the fault and of the part, the fault's name ("none") and its place in words."""

    picture: Picture
    fault: Mask
    part: Mask
    material: str
    defect: str
    place: str
    turn: float  # degrees counter-clockwise
    shift: tuple[float, float]  # pixels


def _noise(rng: Rng, cells: tuple[int, int], size: tuple[int, int] = (_N, _N)) -> Array:
    """Smooth noise of about unit strength, `cells` (down, across) bumps."""
    coarse = rng.standard_normal((cells[0] + 2, cells[1] + 2)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), np.float32)


def _shape(material: str, rng: Rng) -> Array:
    mask = np.zeros((_N, _N), np.uint8)
    a, b = int(_N / 2 - _HALF), int(_N / 2 + _HALF)
    r = int({"metal": 26, "plastic": 70, "board": 10}[material])
    cv2.rectangle(mask, (a + r, a), (b - r, b), 255, -1)
    cv2.rectangle(mask, (a, a + r), (b, b - r), 255, -1)
    for x in (a + r, b - r):
        for y in (a + r, b - r):
            cv2.circle(mask, (x, y), r, 255, -1, cv2.LINE_AA)
    if material == "metal" and rng.random() < 0.6:  # notches on two sides
        n = int(0.16 * _HALF)
        for x in (a, b):
            cv2.circle(mask, (x, _N // 2), n, 0, -1, cv2.LINE_AA)
    return (mask / 255).astype(np.float32)


def _body(material: str, ground: Array, rng: Rng) -> Maps:
    body = _shape(material, rng)
    far = cv2.distanceTransform((body > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    bevel = {"metal": 9.0, "plastic": 34.0, "board": 3.0}[material]
    edge = np.clip(far / bevel, 0, 1)
    height = np.asarray((1 - (1 - edge) ** 2) * {"metal": 9.0, "plastic": 22.0, "board": 5.0}[material], np.float32)
    colour = np.tile(ground.astype(np.float32), (_N, _N, 1))
    gloss = np.full((_N, _N), {"metal": 0.55, "plastic": 0.35, "board": 0.22}[material], np.float32)
    maps = Maps(colour, height, gloss, body)
    {"metal": _as_metal, "plastic": _as_plastic, "board": _as_board}[material](maps, rng)
    return maps


def _as_metal(maps: Maps, rng: Rng) -> None:
    grain = cv2.GaussianBlur(rng.standard_normal((_N, _N)).astype(np.float32), (0, 0), sigmaX=14, sigmaY=0.7)
    grain = grain / grain.std()
    maps.colour[:] *= 1 + 0.05 * grain[..., None]
    maps.height[:] += 0.10 * grain
    _pocket(maps, (_N // 2, _N // 2), int(0.26 * _HALF), 5.0)


def _pocket(maps: Maps, at: tuple[int, int], radius: int, deep: float) -> None:
    """A round recess with a ring around it, milled or moulded."""
    disc = np.zeros((_N, _N), np.float32)
    cv2.circle(disc, at, radius, 1.0, -1, cv2.LINE_AA)
    ring = np.zeros((_N, _N), np.float32)
    cv2.circle(ring, at, int(radius * 1.12), 1.0, -1, cv2.LINE_AA)
    maps.height[:] += 0.35 * deep * cv2.GaussianBlur(ring, (0, 0), 2) - deep * cv2.GaussianBlur(disc, (0, 0), 2)


def _as_plastic(maps: Maps, rng: Rng) -> None:
    maps.height[:] += 0.12 * _noise(rng, (160, 160))
    inner = int(0.30 * _HALF)
    for k in range(-2, 3):
        y = _N // 2 + k * 20
        rib = np.zeros((_N, _N), np.float32)
        cv2.line(rib, (_N // 2 - inner, y), (_N // 2 + inner, y), 1.0, 8, cv2.LINE_AA)
        maps.height[:] += 5.0 * cv2.GaussianBlur(rib, (0, 0), 2.2)


def _as_board(maps: Maps, rng: Rng) -> None:
    a, b = int(_N / 2 - 0.86 * _HALF), int(_N / 2 + 0.86 * _HALF)
    tracks = np.zeros((_N, _N), np.float32)
    for _ in range(26):
        x, y = (int(v) for v in rng.integers(a, b, 2))
        for _ in range(3):
            step = int(rng.integers(25, 110)) * int(rng.choice([-1, 1]))
            end = (int(np.clip(x + step, a, b)), y) if rng.random() < 0.5 else (x, int(np.clip(y + step, a, b)))
            cv2.line(tracks, (x, y), end, 1.0, int(rng.integers(3, 6)), cv2.LINE_AA)
            x, y = end
    maps.colour[:] *= 1 + 0.55 * tracks[..., None]
    maps.height[:] += 0.5 * tracks
    for at in ((-0.50, -0.05), (0.0, 0.03), (0.48, -0.02)):
        w, h = (int(v) for v in rng.integers(22, 40, 2))
        x, y = int(_N / 2 + at[0] * _HALF), int(_N / 2 + at[1] * _HALF)
        for k in range(-w + 6, w, 10):
            cv2.rectangle(maps.colour, (x + k - 2, y - h - 7), (x + k + 2, y + h + 7), (0.55, 0.55, 0.56), -1)
        cv2.rectangle(maps.colour, (x - w, y - h), (x + w, y + h), (0.025, 0.025, 0.028), -1)
        lid = np.zeros((_N, _N), np.float32)
        cv2.rectangle(lid, (x - w, y - h), (x + w, y + h), 1.0, -1)
        maps.height[:] += 10 * cv2.GaussianBlur(lid, (0, 0), 1.6)
    for _ in range(60):
        x, y = (int(v) for v in rng.integers(a, b, 2))
        cv2.circle(maps.colour, (x, y), 4, (0.55, 0.50, 0.30), -1, cv2.LINE_AA)


def _screw(maps: Maps, at: tuple[float, float], rng: Rng) -> None:
    """A screw with a cross, turned as it happens to be."""
    x, y = round(at[0]), round(at[1])
    head = np.zeros((_N, _N), np.float32)
    cv2.circle(head, (x, y), int(_SCREW), 1.0, -1, cv2.LINE_AA)
    wide = 1 - head
    maps.colour[:] = maps.colour * wide[..., None] + head[..., None] * np.array([0.40, 0.40, 0.42], np.float32)
    maps.gloss[:] = maps.gloss * wide + 0.7 * head
    maps.height[:] += 8 * cv2.GaussianBlur(head, (0, 0), 3)
    cross = np.zeros((_N, _N), np.float32)
    angle = float(rng.uniform(0, np.pi))
    for a in (angle, angle + np.pi / 2):
        d = np.array([np.cos(a), np.sin(a)]) * _SCREW * 0.62
        cv2.line(cross, (round(x - d[0]), round(y - d[1])), (round(x + d[0]), round(y + d[1])), 1.0, 5, cv2.LINE_AA)
    maps.height[:] -= 6 * cross
    maps.colour[:] *= 1 - 0.75 * cross[..., None]


def _empty_hole(maps: Maps, at: tuple[float, float]) -> Mask:
    """Where a screw should be: the threaded hole."""
    x, y = round(at[0]), round(at[1])
    rim, deep = np.zeros((_N, _N), np.float32), np.zeros((_N, _N), np.float32)
    cv2.circle(rim, (x, y), int(_SCREW), 1.0, -1, cv2.LINE_AA)
    cv2.circle(deep, (x, y), int(0.62 * _SCREW), 1.0, -1, cv2.LINE_AA)
    maps.height[:] -= 3 * cv2.GaussianBlur(rim, (0, 0), 1.5) + 9 * cv2.GaussianBlur(deep, (0, 0), 1.5)
    maps.colour[:] *= 1 - 0.96 * deep[..., None]
    maps.gloss[:] *= 1 - deep
    return np.asarray(rim > 0.5)


def _lettering(text: str, at: tuple[float, float], scale: float = 1.5) -> Array:
    ink = np.zeros((_N, _N), np.uint8)
    (w, h), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 5)
    x, y = round(at[0] - w / 2), round(at[1] + h / 2)
    cv2.putText(ink, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 5, cv2.LINE_AA)
    cv2.line(ink, (x, y + 14), (x + w, y + 14), 255, 4, cv2.LINE_AA)
    return np.asarray(ink / np.float32(255), np.float32)


def _printed(maps: Maps, ink: Array, colour: tuple[float, float, float]) -> None:
    maps.colour[:] = maps.colour * (1 - ink[..., None]) + ink[..., None] * np.array(colour, np.float32)
    maps.gloss[:] *= 1 - 0.5 * ink


MISPRINTS = ("cut", "wrong", "smeared", "double")


def _misprinted(design: Design, right: Array, rng: Rng, kinds: Sequence[str]) -> Array:
    """The print gone wrong: letters missing or wrong, smeared, or printed twice."""
    kind = MISPRINTS.index(kinds[int(rng.integers(len(kinds)))])
    if kind == 0:
        cut = right.copy()
        x = int(design.print_at[0] + rng.uniform(-60, 40))
        cut[:, x : x + int(rng.uniform(32, 70))] = 0
        return cut
    if kind == 1:
        wrong = "".join("8" if c != "8" and rng.random() < 0.6 else c for c in design.text[::-1])
        return _lettering(wrong, design.print_at)
    if kind == 2:
        smear = np.zeros((1, 61), np.float32)
        smear[0, 30:] = np.linspace(1, 0, 31)
        return np.asarray(np.clip(right + 0.8 * cv2.filter2D(right, -1, smear / 6), 0, 1))
    dx, dy = rng.uniform(9, 18) * rng.choice([-1, 1]), rng.uniform(7, 14) * rng.choice([-1, 1])
    again = cv2.warpAffine(right, np.array([[1, 0, dx], [0, 1, dy]], np.float32), (_N, _N))
    return np.maximum(right, np.asarray(again))


def _somewhere(rng: Rng) -> tuple[float, float]:
    """A place on the part clear of its screws and edge."""
    for _ in range(50):
        x, y = rng.uniform(-0.72, 0.72, 2)
        if abs(x) < 0.55 or abs(y) < 0.55:
            return (_N / 2 + float(x) * _HALF, _N / 2 + float(y) * _HALF)
    return (_N / 2, _N / 2)


def _scratch(maps: Maps, rng: Rng) -> Mask:
    x, y = _somewhere(rng)
    angle, half, bend = float(rng.uniform(0, np.pi)), float(rng.uniform(34, 90)), float(rng.normal(0, 9))
    t = np.linspace(-1, 1, 24)
    d, n = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    points = np.array([x, y]) + t[:, None] * half * d + (bend * (1 - t**2) + rng.normal(0, 0.8, 24))[:, None] * n
    line = np.zeros((_N, _N), np.float32)
    cv2.polylines(line, [np.rint(points).astype(np.int32)], False, 1.0, int(rng.integers(4, 8)), cv2.LINE_AA)
    line *= maps.body
    bright = float(rng.choice([0.35, 2.4])) if maps.colour.mean() > 0.15 else 4.0
    maps.colour[:] = maps.colour * (1 - line[..., None]) + line[..., None] * np.clip(
        maps.colour * bright + 0.02, 0, 0.85
    )
    maps.height[:] -= 2.5 * cv2.GaussianBlur(line, (0, 0), 1.0)
    return np.asarray(line > 0.4)


def _hole(maps: Maps, rng: Rng) -> Mask:
    x, y = _somewhere(rng)
    disc = np.zeros((_N, _N), np.float32)
    axes = (int(rng.uniform(11, 24)), int(rng.uniform(11, 24)))
    cv2.ellipse(disc, (round(x), round(y)), axes, float(rng.uniform(0, 180)), 0, 360, 1.0, -1, cv2.LINE_AA)
    maps.colour[:] *= 1 - 0.97 * disc[..., None]
    maps.height[:] -= 10 * cv2.GaussianBlur(disc, (0, 0), 1.5)
    maps.gloss[:] *= 1 - disc
    return np.asarray(disc > 0.5)


def _discolouration(maps: Maps, rng: Rng) -> Mask:
    x, y = _somewhere(rng)
    rows, columns = np.mgrid[0:_N, 0:_N].astype(np.float32)
    far = np.hypot(columns - x, rows - y) / float(rng.uniform(34, 70)) + 0.22 * _noise(rng, (14, 14))
    blob = np.clip((1.0 - far) / 0.35, 0, 1) * maps.body
    tint = np.array(((1.5, 0.75, 0.35), (0.38, 0.30, 0.26), (1.9, 1.8, 1.5))[rng.integers(3)], np.float32)
    new = np.clip(maps.colour * tint + np.array([0.06, 0.03, 0.0], np.float32) * (tint[0] > 1), 0, 0.9)
    maps.colour[:] = maps.colour * (1 - 0.85 * blob[..., None]) + 0.85 * blob[..., None] * new
    return np.asarray(blob > 0.35)


def drawn(design: Design, rng: Rng, defect: str = "none", misprints: Sequence[str] = MISPRINTS) -> tuple[Maps, Mask]:
    """The part's maps with screws, print and the fault; and the fault's pixels on the drawing."""
    maps = design.bare.copy()
    gone = int(rng.integers(len(design.screws))) if defect == "missing_screw" else -1
    fault = np.zeros((_N, _N), bool)
    for index, at in enumerate(design.screws):
        if index == gone:
            fault |= _empty_hole(maps, at)
        else:
            _screw(maps, at, rng)
    right = _lettering(design.text, design.print_at)
    ink = _misprinted(design, right, rng, misprints) if defect == "misprint" else right
    _printed(maps, ink, design.ink)
    if defect == "misprint":
        fault |= np.abs(ink - right) > 0.3
    makers = {"scratch": _scratch, "hole": _hole, "discolouration": _discolouration}
    if defect in makers:
        fault |= makers[defect](maps, rng)
    return maps, fault


@dataclass(frozen=True)
class Line:
    """What a production line varies: turn (degrees), shift (pixels), light and camera noise, all about a mean."""

    turn: float = 3.0
    shift: float = 5.0
    light: float = 0.08
    noise: float = 1.0
    table: int = 0


def shoot(
    design: Design, rng: Rng, defect: str = "none", line: Line = Line(), misprints: Sequence[str] = MISPRINTS
) -> PartShot:
    """One picture of one part; the generator decides all that varies, also which of `misprints` a misprint is."""
    if defect not in ("none", *DEFECTS):
        raise ValueError(f"no defect {defect!r}; there are none, {', '.join(DEFECTS)}")
    maps, fault = drawn(design, rng, defect, misprints)
    turn = float(rng.normal(0, line.turn))
    shift = (float(rng.normal(0, line.shift)), float(rng.normal(0, line.shift)))
    matrix = cv2.getRotationMatrix2D((_N / 2 - 0.5, _N / 2 - 0.5), turn, 1.0)
    matrix[:, 2] += 2 * np.array(shift)

    def laid(source: Array) -> Array:
        return np.asarray(cv2.warpAffine(source, matrix, (_N, _N), flags=cv2.INTER_LINEAR), np.float32)

    placed = Maps(laid(maps.colour), laid(maps.height), laid(maps.gloss), laid(maps.body))
    light = _lit(placed, rng, line)
    small = cv2.resize(light, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    sensor = replace(
        Sensor(), gain=1.05, noise=line.noise, distortion=0.0, vignette=0.12, shake=0.0, saturation=1.0, blur=0.45
    )
    lens = Lens(sensor, (SIDE, SIDE), int(rng.integers(1 << 30)))
    picture = lens.expose(np.asarray(small, np.float32), 0.0, float(np.exp(rng.normal(0, line.light))))

    def ids(mask: NDArray[Any]) -> Mask:
        share = cv2.resize(laid(mask.astype(np.float32)), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        return np.asarray(lens.move_ids((share > 0.4).astype(np.uint8), 0.0) > 0)

    return PartShot(picture, ids(fault), ids(maps.body), design.material, defect, _place(fault), turn, shift)


def _lit(maps: Maps, rng: Rng, line: Line) -> Array:
    """Linear light: a lamp from one side, a soft one from above, the part's shadow on the table."""
    table = np.tile(np.array(_TABLES[line.table % len(_TABLES)], np.float32), (_N, _N, 1))
    table *= 1 + 0.035 * _noise(rng, (90, 220))[..., None] + 0.03 * _noise(rng, (6, 6))[..., None]
    direction = np.array([-0.55 + rng.normal(0, line.light), -0.60 + rng.normal(0, line.light), 1.25], np.float32)
    direction /= np.linalg.norm(direction)
    shade = cv2.warpAffine(maps.body, np.array([[1, 0, 9], [0, 1, 10]], np.float32), (_N, _N))
    table *= (1 - 0.62 * cv2.GaussianBlur(np.asarray(shade), (0, 0), 6))[..., None]
    soft = cv2.GaussianBlur(maps.height, (0, 0), 0.8)
    dx, dy = cv2.Sobel(soft, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(soft, cv2.CV_32F, 0, 1, scale=0.125)
    normal = np.stack([-dx, -dy, np.ones_like(dx)], -1)
    normal = normal / np.linalg.norm(normal, axis=-1, keepdims=True)
    facing = np.clip(normal @ direction, 0, 1)
    half = direction + np.array([0, 0, 1], np.float32)
    half = half / np.linalg.norm(half)
    shine = maps.gloss * np.clip(normal @ half, 0, 1) ** 40
    around = 1 + 0.06 * _noise(rng, (2, 2))  # reflections of the room
    lit = maps.colour * (0.42 + 1.05 * facing[..., None]) * around[..., None] + 0.55 * shine[..., None]
    body = maps.body[..., None]
    return np.asarray(table * 1.2 * (1 - body) + lit * body, np.float32)


def _place(fault: Mask) -> str:
    """Where on the part the fault is, in words, before the part was turned."""
    if not fault.any():
        return "none"
    rows, columns = np.nonzero(fault)
    return place_at((columns.mean() - _N / 2) / _HALF, (rows.mean() - _N / 2) / _HALF)


def place_at(x: float, y: float) -> str:
    """A place on the part in words; the part reaches from -1 to 1."""
    if max(abs(x), abs(y)) < 0.3:
        return "centre"
    return f"{'upper' if y < 0 else 'lower'}_{'left' if x < 0 else 'right'}"
