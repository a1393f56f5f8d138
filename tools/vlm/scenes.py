"""Rendered crops of events with everything that is to be seen in them: the data of the demo's multimodal model.

A crop is kept with more context than the network is shown, so that training can shift and zoom it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.scenes import parts
from tools.scenes.dataset import _stands_out
from tools.scenes.effects import Lens, Picture
from tools.scenes.random_scene import Place, any_place, the_yard
from tools.scenes.render import Renderer
from tools.scenes.truth import Seen, seen

from .cast import Cast, Shown
from .fields import Look
from .parts_fields import PartLook
from .parts_look import TO_BE_SEEN, part_box, part_look

Ids = NDArray[np.uint8]
Kind = Literal["yard", "parts"]
KEPT = 168  # pixels of a stored crop's side ...
CONTEXT = 2.625  # ... which is so many times the longer side of the box; 128 pixels are 2 times
MAP = 42  # side of the stored map of what is seen where
BACKGROUND, PERSON, CAR, BAG, HELD = range(5)  # values of that map, from the subject's point of view
OTHER = 5  # people who are not the subject
FAULT = 6  # of a part
PAD = (122, 116, 104)  # RGB with which llama.cpp fills what is not picture
YARD_SHARE = 0.6
_LEAST = 22  # pixels: smaller things are no subject
_KINDS = {"person": PERSON, "car": CAR, "bag": BAG}


@dataclass(frozen=True)
class Crop:
    """A stored crop: RGB picture of `KEPT` pixels, map of `MAP` cells, what it shows, box of the subject in pixels."""

    picture: Picture
    map: Ids
    look: Look | PartLook
    box: tuple[float, float, float, float]


def render_crops(seed: int, first: int, count: int, per_place: int = 4) -> list[Crop]:
    """The crops of pictures `first` … `first + count - 1` of a seed; the same numbers give the same crops."""
    renderer = Renderer(supersample=1, shadow_size=1024)
    cast = Cast(seed)
    out: list[Crop] = []
    place: Place | None = None
    rng = np.random.default_rng(0)
    for index in range(first, first + count):
        if place is None or index % per_place == 0:
            rng = np.random.default_rng([seed, index // per_place])
            place = the_yard(rng) if rng.random() < YARD_SHARE else any_place(rng)
            renderer.set_world(place.world, place.camera, place.light)
        out += _crops(renderer, place, cast, rng)
    return out


def _crops(renderer: Renderer, place: Place, cast: Cast, rng: np.random.Generator) -> list[Crop]:
    cast_now = cast.fill(place, rng)
    shot = renderer.render([s.thing for s in cast_now], place.camera, place.light, place.centre, 18.0)
    lens = Lens(place.sensor, (place.camera.width, place.camera.height), int(rng.integers(1 << 30)))
    ids = lens.move_ids(shot.ids, 0.0)
    picture = compressed(lens.expose(shot.light, 0.0, float(rng.uniform(0.85, 1.2))), rng)
    items: list[tuple[Shown, Seen]] = []
    for shown in cast_now:
        if shown.bag < 0:  # a bag in a hand belongs to its bearer
            continue
        mask = lens.move_ids(renderer.silhouette(shown.thing, place.camera).astype(np.uint8), 0.0) > 0
        item = seen(shown.thing.number, shown.look.subject, ids, mask, 40)
        if item is not None and item.visibility >= 0.35 and _stands_out(picture, ids == item.number):
            items.append((shown, item))
    out = []
    for shown, item in items:
        look = _told(shown, item, ids, place)
        if look is not None and not _crowded(item, [other for _, other in items]):
            out.append(cut(picture, _map(ids, shown, cast_now), item.box, look))
    for box in _nowhere(ids, rng):
        look = Look(visibility="dark" if place.light.night else "clear")
        out.append(cut(picture, np.zeros_like(ids), box, look))
    return out


def compressed(picture: Picture, rng: np.random.Generator) -> Picture:
    """The picture as a camera's stream leaves it."""
    quality = int(rng.integers(38, 92))
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _told(shown: Shown, item: Seen, ids: Ids, place: Place) -> Look | None:
    """What can be told of a thing as it is seen here; None where it is too small or a matter of opinion."""
    w, h = item.box[2] - item.box[0], item.box[3] - item.box[1]
    if max(w, h) < _LEAST or min(w, h) < 5:
        return None
    look = replace(shown.look, visibility="dark" if place.light.night else "clear")
    if look.subject != "person":
        return look
    if place.sensor.mono:
        look = replace(look, clothing_colour="unsure")
    if shown.bag:
        pixels = int((ids == shown.bag).sum())
        if pixels < 6:
            look = replace(look, activity="walking")
        elif pixels < 0.008 * max(w, h) ** 2 + 12:
            return None
        else:
            look = replace(look, carried="bag")
    elif shown.back > -0.35:
        if look.posture != "upright" or shown.back < 0.1:
            return None
        look = replace(look, carried="bag")
    return look


def _crowded(item: Seen, others: list[Seen]) -> bool:
    """Whether somebody else stands as near to the middle of the crop."""
    x1, y1, x2, y2 = item.box
    for other in others:
        u1, v1, u2, v2 = other.box
        across = max(0.0, min(x2, u2) - max(x1, u1)) * max(0.0, min(y2, v2) - max(y1, v1))
        if other.number != item.number and across > 0.25 * (x2 - x1) * (y2 - y1):
            return True
    return False


def _map(ids: Ids, shown: Shown, cast: list[Shown]) -> Ids:
    """What is where, from the subject's point of view."""
    table = np.zeros(256, np.uint8)
    for other in cast:
        kind = _KINDS[other.look.subject]
        table[other.thing.number] = OTHER if kind == PERSON else kind
    table[shown.thing.number] = _KINDS[shown.look.subject]
    if shown.bag > 0:
        table[shown.bag] = HELD
    return np.asarray(table[ids], np.uint8)


def _nowhere(ids: Ids, rng: np.random.Generator) -> list[tuple[float, float, float, float]]:
    """Boxes like a person's where nobody is; for a third of the pictures."""
    if rng.random() > 0.4:
        return []
    h, w = ids.shape
    for _ in range(10):
        tall = float(rng.uniform(30, 130))
        wide = tall * float(rng.uniform(0.35, 1.2))
        x, y = float(rng.uniform(0, w - wide)), float(rng.uniform(0.25 * h, max(0.26 * h, h - tall)))
        side = max(wide, tall)
        a, b = int(max(0, x + wide / 2 - 0.8 * side)), int(max(0, y + tall / 2 - 0.8 * side))
        if not ids[b : b + int(1.6 * side), a : a + int(1.6 * side)].any():
            return [(x, y, x + wide, y + tall)]
    return []


def cut(picture: Picture, cells: Ids, box: tuple[float, float, float, float], look: Look | PartLook) -> Crop:
    """The square around a box of a BGR picture, with what lies outside the picture filled as llama.cpp fills it."""
    x1, y1, x2, y2 = box
    side = CONTEXT * max(x2 - x1, y2 - y1)
    left, top = (x1 + x2 - side) / 2, (y1 + y2 - side) / 2

    def warp(source: Any, size: int, flags: int, fill: Any) -> Any:
        zoom = size / side
        matrix = np.array(
            [[zoom, 0, -left * zoom + 0.5 * zoom - 0.5], [0, zoom, -top * zoom + 0.5 * zoom - 0.5]], np.float32
        )
        return cv2.warpAffine(source, matrix, (size, size), flags=flags, borderValue=fill)

    flags = cv2.INTER_CUBIC
    if side > 2 * KEPT:  # far larger than kept: averaged first, or it would glitter
        k = side / KEPT
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.4 * k), np.uint8)
    out = warp(picture, KEPT, flags, PAD[::-1])[..., ::-1]
    zoom = KEPT / side
    place = ((x1 - left) * zoom, (y1 - top) * zoom, (x2 - left) * zoom, (y2 - top) * zoom)
    return Crop(np.ascontiguousarray(out), warp(cells, MAP, cv2.INTER_NEAREST, 0), look, place)


def save(path: Path, crops: list[Crop]) -> None:
    """Writes crops as one compressed-less array file."""
    looks = [tuple(asdict(c.look).values()) for c in crops]
    np.savez(
        path,
        pictures=np.stack([c.picture for c in crops]),
        maps=np.stack([c.map for c in crops]),
        boxes=np.array([c.box for c in crops], np.float32),
        looks=np.array(looks),
    )


def write(path: Path, kind: Kind, seed: int, count: int) -> int:
    """Renders the crops of a seed's pictures into a file; how many there are."""
    crops = render_parts(seed, count) if kind == "parts" else render_crops(seed, 0, count)
    part = path.with_name(f"part_{path.name}")
    save(part, crops)
    part.replace(path)
    return len(crops)


def load(paths: list[Path]) -> list[Crop]:
    """The crops of several files."""
    out: list[Crop] = []
    for path in paths:
        with np.load(path) as file:
            pictures, maps, boxes, looks = (file[name] for name in ("pictures", "maps", "boxes", "looks"))
        kind = PartLook if looks.shape[1] == len(fields(PartLook)) else Look
        for picture, cells, box, row in zip(pictures, maps, boxes.tolist(), looks, strict=True):
            out.append(Crop(picture, cells, kind(*(str(v) for v in row)), (box[0], box[1], box[2], box[3])))
    return out


def render_parts(seed: int, count: int) -> list[Crop]:
    """The crops of `count` pictures of parts on a table, a new design every half dozen; what is a matter of opinion
    is left out.
    """
    out: list[Crop] = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        design = parts.Design.make(parts.MATERIALS[index % 3], 1000 * seed + index // 6)
        defect = "none" if rng.random() < 0.25 else str(rng.choice(parts.DEFECTS))
        line = parts.Line(light=0.2, noise=float(rng.uniform(0.5, 3)), table=int(rng.integers(4)))
        shot = parts.shoot(design, rng, defect, line, TO_BE_SEEN)
        look = part_look(shot)
        if look is None:
            continue
        thick = cv2.dilate(shot.fault.astype(np.uint8), np.ones((7, 7), np.uint8))
        picture, cells = compressed(shot.picture, rng), np.asarray(thick * FAULT, np.uint8)
        out.append(cut(picture, cells, part_box(shot), look))
    return out
