"""The motion gate and the decision to look: noise is quiet, a small walker is not, leaves are learned."""

from __future__ import annotations

import numpy as np
import pytest

from vision.attention import Attention, Patience
from vision.frame import Pixels
from vision.geometry import Box
from vision.motion.gate import MotionGate
from vision.track.base import Track

WIDTH, HEIGHT = 640, 360
RANDOM = np.random.default_rng(7)
TEXTURE = np.kron(RANDOM.integers(60, 180, (HEIGHT // 8, WIDTH // 8)), np.ones((8, 8))).astype(np.float64)


def picture(noise: float = 2.0, gain: float = 1.0, block: Box | None = None, seed: int = 0) -> Pixels:
    """The scene with sensor noise (grey levels), brightness, and a dark block."""
    scene = TEXTURE * gain
    if block is not None:
        scene[int(block.y1) : int(block.y2), int(block.x1) : int(block.x2)] = 30
    return np.clip(scene + np.random.default_rng(seed).normal(0, noise, scene.shape), 0, 255).astype(np.uint8)


def track(box: Box, velocity: tuple[float, float] = (0.0, 0.0), seen: float = 0.0) -> Track:
    return Track(1, "person", 0.9, box, velocity, 0.0, seen, 9, True)


@pytest.mark.parametrize("noise", [0.0, 2.0, 6.0, 12.0])
def test_sensor_noise_alone_is_no_change(noise: float) -> None:
    gate = MotionGate(WIDTH, HEIGHT)
    first = gate.step(picture(noise, seed=0))
    gate.looked(0.0, first, [])
    shares = []
    for n in range(1, 40):
        change = gate.step(picture(noise, seed=n))
        gate.looked(n / 5, change, [])
        shares.append(change.cells.mean())
    assert max(shares[10:]) == 0.0  # the noise is learned within two seconds


@pytest.mark.parametrize(
    ("size", "step"),
    [
        (Box(0, 0, 12, 30), 12),  # a person far away, one width a step
        (Box(0, 0, 40, 100), 8),
        (Box(0, 0, 200, 300), 20),
    ],
)
def test_a_moving_thing_is_a_change_where_it_is(size: Box, step: int) -> None:
    gate = MotionGate(WIDTH, HEIGHT)
    for n in range(15):
        gate.looked(n / 5, gate.step(picture(2, block=Box(100, 40, 100 + size.x2, 40 + size.y2), seed=n)), [])
    moved = Box(100 + step, 40, 100 + step + size.x2, 40 + size.y2)
    change = gate.step(picture(2, block=moved, seed=99))
    regions = gate.regions(change.cells)
    assert regions
    around = Box(100 - 40, 0, moved.x2 + 40, moved.y2 + 40)
    assert all(region.intersection(around) == region.area for region in regions)


def test_slow_drift_adds_up_since_the_last_look() -> None:
    gate = MotionGate(WIDTH, HEIGHT)
    gate.looked(0, gate.step(picture(1, seed=0)), [])
    changes = [gate.step(picture(1, gain=1 + n * 0.004, seed=n)).any for n in range(1, 60)]
    assert not changes[0]
    assert changes[-1]


def test_masked_parts_do_not_count() -> None:
    gate = MotionGate(WIDTH, HEIGHT, [[(0, 0), (320, 0), (320, 360), (0, 360)]])
    gate.looked(0, gate.step(picture(1, seed=0)), [])
    assert not gate.step(picture(1, block=Box(50, 50, 150, 250), seed=1)).any
    assert gate.step(picture(1, block=Box(450, 50, 550, 250), seed=2)).any


def run(pictures: list[Pixels], tracks: list[list[Track]], fps: float = 5.0) -> list[str]:
    """The verdict for each picture, the tracks after each look given."""
    gate = MotionGate(WIDTH, HEIGHT)
    attention = Attention(gate, Patience())
    verdicts, now = [], list[Track]()
    for n, image in enumerate(pictures):
        change = gate.step(image)
        verdict = attention.decide(change, now, n / fps)
        verdicts.append(verdict)
        if verdict == "look":
            now = tracks[n]
            attention.looked(change, now, n / fps)
    return verdicts


def test_an_empty_quiet_scene_is_looked_at_every_ten_seconds() -> None:
    verdicts = run([picture(2, seed=n) for n in range(200)], [[]] * 200)
    assert verdicts[20:].count("look") <= 4
    assert verdicts[20:].count("unchanged") >= 175


def test_a_steady_walker_is_looked_at_every_other_time() -> None:
    boxes = [Box(40 + 8 * n, 100, 80 + 8 * n, 220) for n in range(60)]
    pictures = [picture(2, block=box, seed=n) for n, box in enumerate(boxes)]
    verdicts = run(pictures, [[track(box, (40.0, 0.0), n / 5)] for n, box in enumerate(boxes)])
    assert 0.4 <= verdicts[10:].count("look") / 50 <= 0.6


def test_something_new_beside_a_steady_walker_is_looked_at_at_once() -> None:
    boxes = [Box(40 + 8 * n, 100, 80 + 8 * n, 220) for n in range(40)]
    pictures = [picture(2, block=box, seed=n) for n, box in enumerate(boxes)]
    for n in (30, 31):
        pictures[n][40:100, 500:540] = 20  # enters in the far corner
    verdicts = run(pictures, [[track(box, (40.0, 0.0), n / 5)] for n, box in enumerate(boxes)])
    assert verdicts[30] == "look"


def test_leaves_are_learned_but_not_forgotten() -> None:
    """A bush that never holds an object costs one look a second in the end, instead of five."""
    pictures = []
    for n in range(400):
        image = picture(2, seed=n)
        image[250:330, 400:480] = np.random.default_rng(1000 + n).integers(0, 255, (80, 80)).repeat(1, 0)
        pictures.append(image)
    verdicts = run(pictures, [[]] * 400)
    assert verdicts[:20].count("look") >= 19
    assert verdicts[-50:].count("look") <= 12
