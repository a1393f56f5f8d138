"""Labelled random pictures: JPEG files and one ``labels.json``."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .effects import Lens, Picture
from .random_scene import Crowd, Place, any_place, the_yard
from .render import Renderer
from .truth import seen

CLASSES = ("person", "car", "backpack")
YARD_SHARE = 0.42


def run_train(
    out: Path, count: int, seed: int, first: int = 0, places: str = "both", supersample: int = 2, per_place: int = 4
) -> None:
    """Renders pictures `first` … `first + count - 1` of a seed; the same numbers give the same pictures."""
    out.mkdir(parents=True, exist_ok=True)
    renderer = Renderer(supersample=supersample, shadow_size=1536)
    labels: dict[str, list[list[float]]] = {}
    place: Place | None = None
    crowd = Crowd(seed)
    rng = np.random.default_rng(0)
    for index in range(first, first + count):
        if place is None or index % per_place == 0:
            rng = np.random.default_rng([seed, index // per_place])
            in_yard = rng.random() < YARD_SHARE if places == "both" else places == "yard"
            place = the_yard(rng) if in_yard else any_place(rng)
            renderer.set_world(place.world, place.camera, place.light)
        name = f"{seed}_{index:05d}.jpg"
        labels[name] = _picture(out / name, renderer, place, crowd, rng)
        if (index - first) % 100 == 99 or index == first + count - 1:
            (out / f"labels_{seed}_{first:05d}.json").write_text(json.dumps(labels))
            print(f"{index - first + 1}/{count}", flush=True)


def _picture(path: Path, renderer: Renderer, place: Place, crowd: Crowd, rng: np.random.Generator) -> list[list[float]]:
    things = crowd.fill(place, rng)
    shot = renderer.render([thing for thing, _ in things], place.camera, place.light, place.centre, 18.0)
    lens = Lens(place.sensor, (place.camera.width, place.camera.height), int(rng.integers(1 << 30)))
    ids = lens.move_ids(shot.ids, 0.0)
    picture = lens.expose(shot.light, 0.0, float(rng.uniform(0.8, 1.25)))
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(38, 92))])
    rows = []
    for thing, label in things:
        mask = lens.move_ids(renderer.silhouette(thing, place.camera).astype(np.uint8), 0.0) > 0
        item = seen(thing.number, label, ids, mask, 40)
        if (
            item is not None
            and item.visibility >= 0.2
            and _stands_out(picture, ids == item.number)
            and min(item.box[3] - item.box[1], item.box[2] - item.box[0]) >= 5
        ):
            rows.append([float(CLASSES.index(label)), *item.box])
    return rows


def _stands_out(picture: Picture, mask: NDArray[np.bool_]) -> bool:
    """Whether the eye could find the thing: at night some are black on black."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    around = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool) & ~mask
    inner, outer = grey[mask], grey[around]
    return bool(abs(inner.mean() - outer.mean()) > 4 or inner.std() > 1.5 * outer.std() + 3 or inner.std() > 14)
