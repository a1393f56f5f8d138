"""The horizon, from walkers on flat ground."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.geometry import Box
from vision.rules.perspective import Perspective, Walk


def walked(
    rng: np.random.Generator, horizon: float, bodies: float, feet: tuple[float, float], body: float = 1.0
) -> Walk:
    """A walk down or up the picture, with boxes that tremble by 3 % of their height."""
    walk = Walk()
    for y in np.linspace(*feet, 60):
        tall = body * (y - horizon) / bodies * (1 + rng.normal(0, 0.03))
        walk.add(Box(0.0, y - tall, 0.4 * tall, y))
    return walk


@settings(max_examples=40, deadline=None)
@given(horizon=st.floats(-400, 60), bodies=st.floats(2.0, 8.0), seed=st.integers(0, 999))
def test_walkers_tell_the_horizon(horizon: float, bodies: float, seed: int) -> None:
    """Assumed twice too high or too low, it comes nearer; the bound leaves room for doubt towards what was assumed."""
    rng = np.random.default_rng(seed)
    scene = Perspective(2 * bodies)
    for n in range(12):
        scene.learn(walked(rng, horizon, bodies, (200.0 + 10 * n, 690.0 - 10 * n), rng.uniform(0.9, 1.1)))
    assert scene.known
    assert 0.8 * bodies <= scene.bodies(500.0, (500.0 - horizon) / bodies) <= 1.4 * bodies


def test_one_walk_is_not_enough() -> None:
    scene = Perspective(4.3)
    scene.learn(walked(np.random.default_rng(0), 0.0, 2.0, (300.0, 700.0)))
    assert not scene.known
    assert scene.bodies(500.0, 250.0) == 4.3


def test_two_walks_warn_of_a_camera_higher_than_assumed() -> None:
    rng = np.random.default_rng(1)
    scene = Perspective(2.0)
    for _ in range(2):
        scene.learn(walked(rng, -800.0, 6.0, (200.0, 700.0)))
    assert scene.known
    assert scene.bodies(500.0, 1300.0 / 6) > 3.0


def test_people_on_one_line_tell_nothing() -> None:
    """All at the same distance: their feet are at one height in the picture."""
    scene = Perspective(4.3)
    for n in range(10):
        scene.learn(walked(np.random.default_rng(n), 0.0, 2.0, (500.0, 510.0)))
    assert not scene.known


def test_a_climb_teaches_nothing() -> None:
    """Feet that rise while the body stays as tall, after a walk: no straight line."""
    walk = walked(np.random.default_rng(0), 0.0, 2.0, (700.0, 400.0))
    for y in np.linspace(400.0, 150.0, 30):
        walk.add(Box(0.0, y - 200.0, 80.0, y))
    scene = Perspective(4.3)
    for _ in range(4):
        scene.learn(Walk(list(walk.knots)))
    assert not scene.known


def test_half_hidden_people_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    scene = Perspective(4.3)
    for n in range(12):
        scene.learn(walked(rng, 0.0, 2.5, (300.0, 690.0), 0.6 if n % 4 == 0 else 1.0))
    assert 2.2 <= scene.bodies(500.0, 200.0) <= 3.0
