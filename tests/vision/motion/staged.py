"""A stage for static-foreground tests: a textured yard, people with scripted tracks, things, light, shake. Numpy only.

Everything is a function of time, drawn at 320x240; the noise is drawn from a fixed seed and the picture number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from vision.frame import Pixels
from vision.geometry import Box
from vision.motion.base import Motion, StaticRegion
from vision.motion.static import StaticForeground
from vision.rules.base import Rule, Signal, View
from vision.track.base import Track

WIDTH, HEIGHT = 320, 240
Image = npt.NDArray[np.float32]
Levels = Callable[[float], float]


@dataclass
class Walker:
    """A person of 26x76 pixels whose foot follows `path` (t, x, y); unseen before the first and after the last point.

    `blind` are the times at which the detector misses the person, `sits` is from when to when the person sits on the
    ground, `renamed` is when the tracker gives the person a new number.
    """

    id: int
    path: list[tuple[float, float, float]]
    level: float = 60.0
    blind: tuple[tuple[float, float], ...] = ()
    sits: tuple[float, float] = (99.0, 99.0)
    renamed: float = 99.0

    def foot(self, t: float) -> tuple[float, float] | None:
        if not self.path[0][0] <= t <= self.path[-1][0]:
            return None
        ts, xs, ys = (np.array(v, float) for v in zip(*self.path, strict=True))
        return float(np.interp(t, ts, xs)), float(np.interp(t, ts, ys))

    def draw(self, image: Image, t: float) -> None:
        foot = self.foot(t)
        if foot is None:
            return
        x, y = foot
        before = self.foot(t - 0.1) or foot
        stride = 6 * np.sin(9 * t) if abs(before[0] - x) + abs(before[1] - y) > 0.3 else 0.0
        sway = 1.2 * np.sin(1.3 * t + self.id) + 0.8 * np.sin(3.1 * t)
        if self.sits[0] <= t < self.sits[1]:
            lean = 3 * np.sin(0.9 * t) * (np.sin(0.23 * t) > 0.3)
            cv2.ellipse(image, (round(x), round(y - 9)), (20, 9), 0, 0, 360, self.level * 0.7, -1)
            cv2.ellipse(image, (round(x - 8 + lean), round(y - 22)), (11, 14), 0, 0, 360, self.level, -1)
            cv2.ellipse(image, (round(x - 8 + 1.8 * lean), round(y - 38)), (6, 7), 0, 0, 360, 150.0, -1)
            return
        legs = np.array([[x - 6 - stride, y], [x - 8, y - 36], [x + 8, y - 36], [x + 6 + stride, y]])
        cv2.fillPoly(image, [np.rint(legs).astype(np.int32)], self.level * 0.7)
        cv2.ellipse(image, (round(x + sway), round(y - 48)), (11, 18), 0, 0, 360, self.level, -1)
        cv2.ellipse(image, (round(x + 1.3 * sway), round(y - 70)), (6, 7), 0, 0, 360, 150.0, -1)

    def track(self, t: float, first_t: float) -> Track | None:
        foot = self.foot(t)
        if foot is None or any(a <= t < b for a, b in self.blind):
            return None
        x, y = foot
        box = Box(x - 13, y - 77, x + 13, y + 1).clipped(WIDTH, HEIGHT)
        if box.width < 8 or box.height < 8:
            return None
        bx, by = self.foot(t - 0.2) or foot
        number = self.id + 50 * (t >= self.renamed)
        return Track(number, "person", 0.8, box, ((x - bx) / 0.2, (y - by) / 0.2), first_t, t, 9, True)


@dataclass
class Item:
    """A thing with its lower left corner at (x, y), there from `begin` to `end`; two-tone with a handle."""

    x: int
    y: int
    width: int = 26
    height: int = 18
    level: float = 40.0
    begin: float = -1.0
    end: float = 1e9

    @property
    def box(self) -> Box:
        return Box(self.x, self.y - self.height, self.x + self.width, self.y)

    def draw(self, image: Image, t: float) -> None:
        if self.begin <= t < self.end:
            top = self.y - self.height
            image[top : self.y, self.x : self.x + self.width] = self.level
            image[top + 3 : top + 7, self.x + 3 : self.x + self.width - 3] = self.level + 18


@dataclass
class Scene:
    """What happens: `light` multiplies and `offset` adds; `patch` gives the factor by which a place's light changes."""

    seconds: float = 32.0
    people: list[Walker] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    light: Levels = lambda t: 1.0
    offset: Levels = lambda t: 0.0
    patch: Callable[[float], Image | float] = lambda t: 1.0
    noise: float = 2.0
    shake: float = 0.0
    shift: Callable[[float], float] = lambda t: 0.0
    pulse: float = 0.0
    texture: float = 1.0

    def frames(self, fps: float) -> Iterator[tuple[float, Pixels, list[Track]]]:
        ground = yard(self.texture)
        grain = np.random.default_rng(5).normal(0, 1, (HEIGHT + 64, WIDTH + 64)).astype(np.float32)
        rng = np.random.default_rng(7)
        first: dict[int, float] = {}
        for number in range(int(self.seconds * fps)):
            t = number / fps
            image = ground.copy()
            for item in self.items:
                item.draw(image, t)
            image *= self.patch(t)
            for walker in self.people:
                walker.draw(image, t)
            image = image * np.float32(self.light(t)) + np.float32(self.offset(t))
            dx, dy = rng.uniform(-self.shake, self.shake, 2)
            dx += self.shift(t)
            if dx or dy:
                move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
                image = cv2.warpAffine(image, move, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
            if self.pulse and t % 2.0 < 0.5 / fps:
                blocks = rng.uniform(-self.pulse, self.pulse, (HEIGHT // 8, WIDTH // 8)).astype(np.float32)
                image += cv2.resize(blocks, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
            oy, ox = rng.integers(0, 64, 2)
            image += self.noise * grain[oy : oy + HEIGHT, ox : ox + WIDTH]
            tracks = [walker.track(t, first.setdefault(walker.id, t)) for walker in self.people if walker.foot(t)]
            yield t, np.clip(image, 0, 255).astype(np.uint8), [track for track in tracks if track is not None]


def yard(texture: float = 1.0) -> Image:
    """Paving slabs with grain and a wall with windows at the back; grey levels about 90..170."""
    rng = np.random.default_rng(3)
    grain = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 2.5)
    image = 120 + texture * 9 * grain / float(grain.std()) + np.linspace(-15, 15, WIDTH, dtype=np.float32)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    image[((y + x // 3) % 32 < 2) | ((x - y // 4) % 40 < 2)] -= 22 * texture
    image[:70] = image[:70] * 0.3 + 110
    for left in range(20, WIDTH - 40, 70):
        image[18:52, left : left + 34] = 75
    return np.asarray(image, np.float32)


def lit(x: int, y: int, radius: float, factor: float, soft: float) -> Image:
    """A factor map: `factor` within `radius` pixels of (x, y), fading to 1 over `soft` pixels."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    distance = np.hypot(columns - x, rows - y)
    inside = np.clip((radius + soft / 2 - distance) / max(soft, 1e-3), 0, 1)
    return np.asarray(1 + (factor - 1) * inside, np.float32)


def regions(scene: Scene, fps: float) -> list[tuple[float, tuple[StaticRegion, ...]]]:
    """Static regions at every sampled time."""
    model, before, found = StaticForeground(WIDTH, HEIGHT), [], []
    for t, luma, tracks in scene.frames(fps):
        found.append((t, model.step(luma, t, before)))
        before = tracks
    return found


def signals(scene: Scene, fps: float, rules: list[Rule]) -> list[list[tuple[float, Signal]]]:  # type: ignore[type-arg]
    """What each rule said and when; all see the same static regions."""
    model, before = StaticForeground(WIDTH, HEIGHT), []
    said: list[list[tuple[float, Signal]]] = [[] for _ in rules]
    t = 0.0
    for t, luma, tracks in scene.frames(fps):
        motion = Motion(t, static=model.step(luma, t, before))
        for number, rule in enumerate(rules):
            said[number] += [(t, signal) for signal in rule.step(tracks, motion, t)]
        before = tracks
    for number, rule in enumerate(rules):
        said[number] += [(t, signal) for signal in rule.finish(t)]
    return said


def view() -> View:
    return View(WIDTH, HEIGHT)
