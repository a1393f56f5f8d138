"""Renders the demo: clips, ground truth, the picture coordinates of the yard, the expected events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from . import yard
from .clips import FPS, SCRIPTS, Script
from .effects import Lens, Picture, Sensor, covered
from .encode import write_clip
from .mesh import Array
from .render import Renderer, Thing
from .truth import Seen, as_tracks, seen

_CENTRE = np.array([0.0, 11.0, 0.0])
WORLD_SEED = 7


class Stage:
    """A script ready to be played: the renderer with its static world, the lens, the things that move."""

    def __init__(self, script: Script, renderer: Renderer, offset: int = 0) -> None:
        self.script, self._renderer = script, renderer
        renderer.set_world(yard.world(np.random.default_rng(WORLD_SEED)), yard.CAMERA, script.light)
        self._wind = yard.Wind(np.random.default_rng(WORLD_SEED + 1))
        self._lens = Lens(script.sensor, (yard.CAMERA.width, yard.CAMERA.height), script.seed + offset)

    def _things(self, t: float) -> list[tuple[Thing, str]]:
        script = self.script
        out: list[tuple[Thing, str]] = []
        number = 1
        hands: dict[int, Array] = {}
        for index, person in enumerate(script.people):
            bent = person.mesh(t)
            if bent is not None:
                out.append((Thing(bent[0], number), "person"))
                hands[index] = bent[1]["handR"]
            number += 1
        for car in script.cars:
            mesh = car.at(t)
            if mesh is not None:
                out.append((Thing(mesh, number), "car"))
            number += 1
        for bag in script.bags:
            owner = script.people[bag.owner]
            held = owner.mesh(min(t, bag.drop))
            if t >= owner.start and held is not None:
                hand = held[1]["handR"]
                pose = owner.pose(min(t, bag.drop))
                z = 0.0 if t >= bag.drop else max(0.0, float(hand[2]) - 0.47)
                yaw = (pose.yaw if pose else 0.0) + np.pi / 2
                out.append((Thing(bag.mesh.moved((float(hand[0]), float(hand[1]), z), yaw), number), bag.label))
            number += 1
        return out

    def frame(self, t: float) -> tuple[Picture, list[Seen]]:
        """The picture at time `t` and what is to be seen in it."""
        things = self._things(t)
        camera, light = yard.CAMERA, self.script.light
        breeze = [Thing(mesh) for mesh in self._wind.at(t, self.script.wind)]
        shot = self._renderer.render([*breeze, *(thing for thing, _ in things)], camera, light, _CENTRE, 17.0)
        ids = self._lens.move_ids(shot.ids, t)
        picture = self._lens.expose(shot.light, t)
        items = []
        for thing, label in things:
            mask = self._lens.move_ids(self._renderer.silhouette(thing, camera).astype(np.uint8), t) > 0
            item = seen(thing.number, label, ids, mask)
            if item is not None:
                items.append(item)
        if self.script.cover is not None:
            begin, end = self.script.cover
            amount = float(np.clip((t - begin) / (end - begin), 0, 1))
            picture = covered(picture, amount, self.script.seed, t)
            items = [item for item in items if amount < 0.05]
        return picture, items


def expected(script: Script) -> list[dict[str, Any]]:
    """The script's events as entries of ``expected.yaml``."""
    out = []
    for event in script.expected:
        window = [round(max(0.0, event.at - event.before), 1), round(min(script.seconds, event.at + event.after), 1)]
        out.append({"type": event.type, **({"zone": event.zone} if event.zone else {}), "start": window})
    return out


def render_clip(name: str, out: Path, renderer: Renderer, step: int = 1) -> str:
    """Renders one clip with its ground truth; returns a line to print."""
    script = SCRIPTS[name]()
    stage = Stage(script, renderer)
    pictures, frames = [], []
    for index in range(0, int(script.seconds * FPS), step):
        picture, items = stage.frame(index / FPS)
        pictures.append(picture)
        frames.append(items)
    crf = write_clip(out / "clips" / f"{name}.mp4", pictures, FPS // step or 1)
    truth = {
        "clip": f"{name}.mp4",
        "camera": "yard",
        "size": [yard.CAMERA.width, yard.CAMERA.height],
        "fps": FPS,
        "frames": len(frames),
        "seed": script.seed,
        "note": script.note,
        "box": "frame, x1, y1, x2, y2 of the visible part in pixels, visible share of the whole figure",
        "tracks": as_tracks(frames),
        "events": expected(script),
    }
    (out / "ground_truth" / f"{name}.json").write_text(json.dumps(truth, separators=(",", ":")) + "\n")
    size = (out / "clips" / f"{name}.mp4").stat().st_size
    return f"{name}: {len(pictures)} frames, {size / 1000:.0f} kB at crf {crf}"


def _clip_polygon(points: Array) -> Array:
    """The part of a polygon inside 0..1 (Sutherland and Hodgman)."""
    poly = [np.asarray(p, float) for p in points]
    for axis in (0, 1):
        for bound, sign in ((0.0, 1.0), (1.0, -1.0)):
            out = []
            for a, b in zip(poly, [*poly[1:], poly[0]], strict=True):
                da, db = sign * (a[axis] - bound), sign * (b[axis] - bound)
                if da >= 0:
                    out.append(a)
                if (da >= 0) != (db >= 0):
                    out.append(a + (b - a) * da / (da - db))
            poly = out
    return np.asarray(poly, np.float32)


def _picture(points: list[tuple[float, float, float]]) -> Array:
    camera = yard.CAMERA
    lens = Lens(Sensor(), (camera.width, camera.height), 0)
    pixels = lens.move_points(camera.project(np.array(points, np.float32)))
    return np.asarray(pixels / np.array([camera.width, camera.height]), np.float32)


def _rounded(points: Array) -> list[list[float]]:
    return [[round(float(x), 3), round(float(y), 3)] for x, y in points]


def scene() -> dict[str, Any]:
    """Zones, lines and masks of the camera in 0..1 picture coordinates."""
    fence, top = yard.FENCE_Y, yard.FENCE_TOP

    def flat(polygon: tuple[tuple[float, float], ...]) -> list[list[float]]:
        dense = [
            tuple(np.asarray(a) + (np.asarray(b) - np.asarray(a)) * u)
            for a, b in zip(polygon, polygon[1:] + polygon[:1], strict=True)
            for u in (0.0, 0.5)
        ]
        return _rounded(_clip_polygon(_picture([(float(x), float(y), 0.0) for x, y in dense])))

    def line(points: list[tuple[float, float, float]]) -> list[list[float]]:
        return _rounded(_picture(points).clip(0, 1))

    left = -7.45
    return {
        "camera": "yard",
        "size": [yard.CAMERA.width, yard.CAMERA.height],
        "zones": [{"name": "yard", "polygon": flat(yard.YARD)}, {"name": "gate", "polygon": flat(yard.GATE_AREA)}],
        "lines": [
            {"name": "fence", "points": line([(left, fence, top), (-2.0, fence, top), (yard.GATE[0], fence, top)])},
            {"name": "gate_line", "points": line([(yard.GATE[0] + 0.2, fence, 0.0), (yard.GATE[1] - 0.2, fence, 0.0)])},
            {
                "name": "road",
                "points": line([(-11.0, 17.9, yard.ROAD_Z), (0.0, 17.9, yard.ROAD_Z), (12.0, 17.9, yard.ROAD_Z)]),
            },
        ],
        "masks": [{"name": "houses", "polygon": [[0.0, 0.0], [1.0, 0.0], [1.0, 0.26], [0.0, 0.26]]}],
    }


def write_plans(out: Path) -> None:
    """Writes ``scene.yaml`` and ``expected.yaml``."""
    head = "# The camera `yard` of the demo: picture coordinates 0..1, made by `python -m tools.scenes demo`.\n"
    (out / "scene.yaml").write_text(head + yaml.safe_dump(scene(), sort_keys=False, default_flow_style=None, width=140))
    plan = {"clips": {f"{name}.mp4": expected(make()) for name, make in SCRIPTS.items()}}
    head = "# What each clip must give, and nothing else; `start` is the window of the event's start in seconds.\n"
    (out / "expected.yaml").write_text(head + yaml.safe_dump(plan, sort_keys=False, default_flow_style=None, width=140))
