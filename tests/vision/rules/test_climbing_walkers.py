"""A climbing line that is no wall: people who walk across it over open ground, seen from low and high cameras."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.vision.rules.pinhole import HEIGHT, WIDTH, Block, Eye, Wall, film, missed, opened, play, tracked
from tests.vision.rules.test_climbing import CLIMBS, poses
from vision.rules.base import View
from vision.rules.climbing import Climbing, ClimbingParams
from vision.track.base import Track

Steps = list[tuple[float, list[Track]]]
EYES = [Eye(3.5, 15), Eye(6.0, 22, 800), Eye(8.0, 25, 800), Eye(12.0, 33, 800)]
FPS = 5.0
CROSSING = [
    # metres a second, metres aside, seconds of standing at the line
    (0.8, 0.0, 0.0),  # strolls straight away
    (1.3, 1.0, 0.0),  # walks
    (1.8, -4.0, 0.0),  # hurries aslant
    (3.0, 0.5, 0.0),  # runs
    (1.3, 0.0, 3.0),  # stops on the line
]


def stage(*scenes: tuple[float, Steps]) -> Steps:
    """Several people's tracks, each with a number of its own, from these times on."""
    moments: dict[int, list[Track]] = {}
    for number, (start, steps) in enumerate(scenes, 1):
        for t, tracks in steps:
            later = [replace(k, id=number, first_t=k.first_t + start, seen_t=t + start) for k in tracks]
            moments.setdefault(round((t + start) * FPS), []).extend(later)
    return [(index / FPS, moments.get(index, [])) for index in range(max(moments) + 1)]


def walk(
    eye: Eye,
    speed: float,
    aside: float,
    stands: float,
    *,
    away: bool,
    seed: int,
    x: float = 0.0,
    wall: Wall | None = None,
) -> Steps:
    """From 6 to 24 metres or back, the line at 13."""
    size = (0.5, 0.35, 1.7 * (0.92 + 0.04 * (seed % 5)))
    y0, y1 = (6.0, 24.0) if away else (24.0, 6.0)
    way, middle = abs(y1 - y0), abs(13.0 - y0)
    x1, t1 = x + aside * middle / way, middle / speed
    rows = [
        (0.0, x, y0, 0.0, *size),
        (t1, x1, 13.0, 0.0, *size),
        (t1 + stands + 0.01, x1, 13.0, 0.0, *size),
        (way / speed + stands + 0.01, x + aside, y1, 0.0, *size),
    ]
    return film(poses(*rows), rows[-1][0], eye=eye, wall=wall, fps=FPS, seed=seed)


def watch(eye: Eye, y: float) -> Climbing:
    line = ((0.0, y), (float(WIDTH), y))
    params = ClimbingParams(line="line", camera_m=1.2 * eye.height)
    return Climbing(params, View(WIDTH, HEIGHT, lines={"line": line}))


def ground(eye: Eye, y: float = 13.0) -> float:
    """Where the feet of somebody `y` metres away are in the picture."""
    box = eye.box(Block(0.0, y))
    assert box is not None
    return box.y2


def teachers(eye: Eye) -> list[tuple[float, Steps]]:
    """Six earlier walkers."""
    return [(30.0 * n, walk(eye, 1.3, 2.0 - n, 0.0, away=n % 2 == 0, seed=n, x=n - 3.0)) for n in range(6)]


@pytest.mark.parametrize("taught", [False, True], ids=["new scene", "known scene"])
@pytest.mark.parametrize("away", [True, False], ids=["away", "towards"])
@pytest.mark.parametrize("eye", EYES, ids=str)
def test_nobody_climbs_over_open_ground(eye: Eye, away: bool, taught: bool) -> None:
    for seed, (speed, aside, stands) in enumerate(CROSSING):
        before = teachers(eye) if taught else []
        steps = stage(*before, (180.0 * taught, walk(eye, speed, aside, stands, away=away, seed=seed)))
        said = play(watch(eye, ground(eye)), tracked(steps))
        assert not opened(said), ((speed, aside, stands), said)


@pytest.mark.parametrize("eye", EYES[:3], ids=str)
def test_a_group_walks_across(eye: Eye) -> None:
    """From 12 m up, where walkers hardly shrink, people half hidden by others can be taken for climbers."""
    for away in (True, False):
        group = [(0.4 * n, walk(eye, 1.3, 1.0, 0.0, away=away, seed=n, x=0.9 * n - 2.0)) for n in range(6)]
        assert not opened(play(watch(eye, ground(eye)), tracked(stage(*group))))


@pytest.mark.parametrize("eye", [Eye(3.5, 15), Eye(6.0, 26), Eye(8.0, 30, 900)], ids=str)
@pytest.mark.parametrize("name", ["over a wall", "over a fence", "over a wall from behind it, head first"])
def test_who_has_seen_walkers_still_sees_climbers(eye: Eye, name: str) -> None:
    wall, rows, _, _ = CLIMBS[name]
    top = eye.line(wall)[0][1]
    before = [
        (
            20.0 * n,
            film(poses((0.0, n - 2.0, 5.5, 0.0, 0.5, 0.35, 1.7), (6.0, 2.0 - n, 9.7, 0.0, 0.5, 0.35, 1.7)), 6, eye=eye),
        )
        for n in range(5)
    ]
    for seed in range(3):
        climb = film(poses(*rows), rows[-1][0] + 2, eye=eye, wall=wall, seed=seed)
        rule = watch(eye, top)
        assert len(opened(play(rule, stage(*before, (120.0, climb))))) == 1, seed


def test_a_walker_lost_at_the_line_misses_by_the_size() -> None:
    """A camera much higher than its config says: the size alone would nearly do."""
    eye = Eye(6.0, 22, 800)
    texts = []
    for seed in range(8):
        steps = [(t, k) for t, k in walk(eye, 1.3, 0.0, 0.0, away=True, seed=seed) if t < 5.6]
        steps += [(t / FPS, []) for t in range(28, 60)]
        said = play(watch(eye, ground(eye)), steps)
        assert not opened(said)
        texts += [(miss.gate, miss.text) for miss in missed(said)]
        assert all(0 <= miss.fraction <= 1 for miss in missed(said))
    assert texts
    assert {gate for gate, _ in texts} == {"size"}, texts
    assert all("<" in text for _, text in texts)
