"""Things left and things taken, on a stage where the truth is known, at 2, 5 and 10 pictures a second."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.vision.motion.staged import HEIGHT, WIDTH, Item, Scene, Walker, lit, signals, view
from vision.rules.base import Closed, NearMiss, Opened
from vision.rules.left_object import LeftObject, LeftObjectParams
from vision.rules.removed_object import RemovedObject, RemovedObjectParams

SECONDS = 8.0
BAG = Item(150, 200, begin=6.0)
# Comes from the left, stands at the bag from 5 to 9 s, is away from it at about 10 s and out of the picture at 13 s.
OWNER = Walker(1, [(1.0, -20, 205), (5.0, 135, 205), (9.0, 135, 205), (13.0, -20, 205)])
PASSER = Walker(2, [(11.0, 340, 212), (15.0, 170, 212), (19.0, -20, 212)], level=180)
STANDS_BEFORE = Walker(3, [(11.0, 340, 225), (13.0, 163, 225), (18.0, 163, 225), (21.0, 340, 225)], level=200)
CROWD = [
    Walker(10 + n, [(4.0 + 3 * n, -20, 190 + 8 * (n % 5)), (11.0 + 3 * n, 340, 190 + 8 * (n % 5))], level=40 + 25 * n)
    for n in range(8)
]


@dataclass
class Case:
    """`left` and `removed`: when the event may open (seconds from .. to), None for no event."""

    why: str
    scene: Scene
    left: tuple[float, float] | None = None
    removed: tuple[float, float] | None = None
    closed: tuple[float, float] | None = None


ON_TIME = (17.0, 21.5)  # the owner is out of reach at about 10 s; 8 s later, and what sampling at 2 a second adds
CASES = [
    # -- left ---------------------------------------------------------------------------------------------------------
    Case("a bag is put down and its owner walks away", Scene(people=[OWNER], items=[BAG]), ON_TIME),
    Case(
        "the bag hardly stands out from the ground",
        Scene(people=[OWNER], items=[Item(150, 200, level=85, begin=6)]),
        ON_TIME,
    ),
    Case("the bag is bright", Scene(people=[OWNER], items=[Item(150, 200, level=220, begin=6)]), ON_TIME),
    Case("somebody passes by close to it: nothing starts again", Scene(people=[OWNER, PASSER], items=[BAG]), ON_TIME),
    # While hidden nothing can be told, but the time goes on; it must open once seen again at the latest.
    Case(
        "somebody stands before it for 5 s: the time goes on",
        Scene(people=[OWNER, STANDS_BEFORE], items=[BAG]),
        ON_TIME,
    ),
    Case(
        "the same, and the detector does not see who stands there",
        Scene(people=[OWNER, Walker(3, STANDS_BEFORE.path, 200, ((0, 99),))], items=[BAG]),
        (17.0, 24.0),
    ),
    Case(
        "it is fetched after the event: the event closes",
        Scene(people=[OWNER], items=[Item(150, 200, begin=6, end=26)]),
        ON_TIME,
        closed=(25.0, 30.0),
    ),
    Case(
        "the light goes on while it lies there",
        Scene(people=[OWNER], items=[BAG], light=lambda t: 1.5 if t > 13 else 1.0),
        ON_TIME,
    ),
    Case("the camera shakes by 1.5 pixels", Scene(people=[OWNER], items=[BAG], shake=1.5), ON_TIME),
    Case(
        "night: dark and noisy",
        Scene(people=[OWNER], items=[Item(150, 200, level=230, begin=6)], light=lambda t: 0.25, noise=7),
        ON_TIME,
    ),
    Case("many people walk by all the time", Scene(38, people=[OWNER, *CROWD], items=[BAG]), (17.0, 36.0)),
    Case("nobody was seen to leave it: twice the time", Scene(items=[BAG]), (20.0, 25.0)),
    Case("key frames pulse", Scene(people=[OWNER], items=[BAG], pulse=6), ON_TIME),
    Case("smooth ground without texture", Scene(people=[OWNER], items=[BAG], texture=0.1), ON_TIME),
    # -- not left -----------------------------------------------------------------------------------------------------
    Case("the owner stays beside it", Scene(people=[Walker(1, [*OWNER.path[:2], (40, 130, 205)])], items=[BAG])),
    Case(
        "the owner comes back in time and stays",
        Scene(
            people=[Walker(1, [*OWNER.path[:3], (11, 60, 205), (14, 60, 205), (16, 135, 205), (40, 132, 205)])],
            items=[BAG],
        ),
    ),
    Case(
        "the tracker loses the owner beside it for 3 s and finds somebody new",
        Scene(people=[Walker(1, [*OWNER.path[:2], (40, 130, 205)], blind=((11, 14),), renamed=14)], items=[BAG]),
    ),
    Case("it is fetched in time", Scene(people=[OWNER], items=[Item(150, 200, begin=6, end=14)])),
    Case(
        "somebody stands still for 25 s",
        Scene(people=[Walker(1, [(1, -20, 205), (4, 150, 205), (29, 150, 205), (31, 330, 205)])]),
    ),
    Case(
        "somebody stands still and the detector loses the person for most of it",
        Scene(people=[Walker(1, [(1, -20, 205), (4, 150, 205), (29, 150, 205), (31, 330, 205)], blind=((6, 28),))]),
    ),
    Case(
        "somebody sits down on the ground and the detector does not know the posture",
        Scene(
            40,
            people=[
                Walker(
                    1, [(1, -20, 205), (4, 150, 205), (37, 150, 205), (39, 330, 205)], blind=((6, 36),), sits=(6, 36)
                )
            ],
        ),
    ),
    Case("a soft shadow falls and stays", Scene(patch=lambda t: lit(160, 180, 30, 0.55, 24) if t > 8 else 1.0)),
    Case(
        "a shadow with a hard edge falls on textured ground",
        Scene(patch=lambda t: lit(160, 180, 24, 0.55, 1) if t > 8 else 1.0),
    ),
    Case(
        "the light is switched on",
        Scene(light=lambda t: 1.6 if t > 8 else 1.0, offset=lambda t: 15.0 if t > 8 else 0.0),
    ),
    Case("the light is switched off", Scene(light=lambda t: 0.4 if t > 8 else 1.0)),
    Case("a lamp lights one place", Scene(patch=lambda t: lit(220, 160, 40, 1.6, 40) if t > 8 else 1.0)),
    Case("it gets dark slowly", Scene(light=lambda t: 1 - 0.015 * t)),
    Case("camera shake and nothing else", Scene(shake=2.0)),
    Case("sensor noise and key-frame pulses and nothing else", Scene(noise=8, pulse=8)),
    Case("the camera is knocked aside by 5 pixels", Scene(shift=lambda t: 5.0 if t > 8 else 0.0)),
    Case("a screen flickers", Scene(patch=lambda t: lit(60, 40, 16, 0.6 + 0.5 * ((t * 1.7) % 1), 1))),
    Case("a van parks: larger than any bag", Scene(items=[Item(90, 200, 130, 80, begin=8)])),
    Case(
        "the recording begins with somebody in the picture",
        Scene(people=[Walker(1, [(-9, 150, 205), (6, 150, 205), (10, -20, 205)])]),
    ),
    Case(
        "the same, and the detector finds the person only when walking off",
        Scene(people=[Walker(1, [(-9, 150, 205), (7, 150, 205), (11, -20, 205)], blind=((0, 7),))]),
    ),
    # -- removed ------------------------------------------------------------------------------------------------------
    Case(
        "a box that always stood there is taken",
        Scene(people=[OWNER], items=[Item(150, 200, end=7)]),
        removed=(14.5, 20.0),
    ),
    Case("it is put back in time", Scene(people=[OWNER], items=[Item(150, 200, end=7), Item(150, 200, begin=8.5)])),
]


@pytest.mark.parametrize("fps", [2.0, 5.0, 10.0])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why.replace(" ", "_"))
def test_things(case: Case, fps: float) -> None:
    rules = [
        LeftObject(LeftObjectParams(seconds=SECONDS), view()),
        RemovedObject(RemovedObjectParams(seconds=SECONDS), view()),
    ]
    left, removed = signals(case.scene, fps, rules)
    for name, said, wanted in (("left", left, case.left), ("removed", removed, case.removed)):
        opened = [(t, signal) for t, signal in said if isinstance(signal, Opened)]
        assert len(opened) == (wanted is not None), (name, opened)
        if wanted is None:
            continue
        t, signal = opened[0]
        assert wanted[0] <= t <= wanted[1], name
        assert signal.subject.box is not None
        assert signal.subject.box.iou(case.scene.items[0].box) > 0.5
        assert signal.start <= t
    if case.closed is not None:
        closed = [t for t, signal in left if isinstance(signal, Closed)]
        assert len(closed) == 1
        assert case.closed[0] <= closed[0] <= case.closed[1]


def test_facts_name_the_owner_and_the_times() -> None:
    said = signals(Scene(people=[OWNER], items=[BAG]), 5.0, [LeftObject(LeftObjectParams(seconds=SECONDS), view())])[0]
    opened = next(signal for _, signal in said if isinstance(signal, Opened))
    assert opened.facts["owner_track"] == 1
    assert 9.0 <= float(opened.facts["owner_left_at_s"] or 0) <= 11.5
    assert float(opened.facts["unattended_s"] or 0) >= SECONDS
    assert float(opened.facts["area_share"] or 0) == pytest.approx(BAG.box.area / (WIDTH * HEIGHT), rel=0.5)


def test_a_near_miss_names_both_numbers() -> None:
    scene = Scene(people=[OWNER], items=[Item(150, 200, begin=6, end=15)])
    said = signals(scene, 5.0, [LeftObject(LeftObjectParams(seconds=SECONDS), view())])[0]
    misses = [signal for _, signal in said if isinstance(signal, NearMiss)]
    assert [miss.gate for miss in misses] == ["dwell"]
    assert "s < 8 s" in misses[0].text
    assert 0.3 <= misses[0].fraction < 1


def test_areas_must_be_in_order() -> None:
    with pytest.raises(ValueError, match=r"min_area 0\.1 must be below max_area 0\.05"):
        LeftObjectParams(min_area=0.1, max_area=0.05)
