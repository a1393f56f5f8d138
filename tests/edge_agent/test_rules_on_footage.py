"""Rules on real footage, through reader, detector, tracker and pipeline; the configs are in tests/configs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agent.config import load_config
from tests.edge_agent.pets_truth import crossings
from vision.detect.session import open_detector
from vision.events import Event
from vision.frame import Pixels
from vision.media.reader import open_clip
from vision.motion.base import Motion
from vision.motion.picture import PictureModel
from vision.pipeline import Pipeline
from vision.rules.base import Opened, Signal, View
from vision.rules.tamper import Tamper, TamperParams

pytestmark = pytest.mark.slow
Replayed = Callable[..., list[Event]]


@pytest.fixture(scope="module")
def replayed(shared_data: Path, root: Path) -> Replayed:
    """The events of a clip with its config, in their final state and ordered by start."""
    known: dict[str, list[Event]] = {}

    def events(clip: str, config: str, until: float = 1e9) -> list[Event]:
        if clip not in known:
            text = {"SIGHTLINE_TEST_DATA": str(shared_data)}
            settings = load_config(root / "tests" / "configs" / config, env=text)
            detector = open_detector(shared_data / "models" / "yolox_nano_416.onnx")
            pipeline = Pipeline(settings.cameras[0], detector, origin=clip)
            final: dict[str, Event] = {}
            with open_clip(shared_data / "footage" / clip) as film:
                for frame in film.frames(settings.cameras[0].detect.fps):
                    if frame.t > until:
                        break
                    final |= {event.id: event for event in pipeline.step(frame)}
            final |= {event.id: event for event in pipeline.finish()}
            known[clip] = sorted(final.values(), key=lambda event: event.start)
        return known[clip]

    return events


BURGLAR = [  # direction, first and last frame by eye; 18 frames of uncertainty
    ("in", 95, 125),
    ("out", 290, 340),
    ("in", 375, 410),
    ("out", 540, 590),
]


def test_four_passages_through_the_door(replayed: Replayed) -> None:
    events = replayed("burglar_cctv.mp4", "burglar_cctv.yaml")
    assert [(event.type, event.facts["direction"]) for event in events] == [
        ("line_crossing", direction) for direction, *_ in BURGLAR
    ]
    for event, (_, first, last) in zip(events, BURGLAR, strict=True):
        assert (first - 18) / 29.97 <= event.start <= (last + 18) / 29.97
        assert event.end == event.start


PERSONS = [(6.2, 19.8), (22.6, 45.0), (50.2, 69.8)]  # in the zone, by eye, in seconds


def test_three_people_one_after_another(replayed: Replayed) -> None:
    events = replayed("intel_persons.mp4", "intel_persons.yaml", 72.0)
    stays = [event for event in events if event.type == "intrusion"]
    assert len({event.track_id for event in stays}) == 3
    assert [event.start for event in stays] == [pytest.approx(start, abs=1) for start, _ in PERSONS]
    assert [event.end for event in stays] == [pytest.approx(end, abs=1) for _, end in PERSONS]


def test_only_who_stays_for_long_loiters(replayed: Replayed) -> None:
    events = replayed("intel_persons.mp4", "intel_persons.yaml", 72.0)
    assert [round(event.start) for event in events if event.type == "loitering"] == [23, 51]


def test_visitors_are_counted_by_the_period(replayed: Replayed) -> None:
    events = replayed("intel_persons.mp4", "intel_persons.yaml", 72.0)
    counts = [event for event in events if event.type == "counting"]
    assert [(event.start, event.facts["in"], event.facts["most"]) for event in counts] == [(0.0, 3, 1), (70.0, 0, 1)]


@pytest.mark.parametrize(
    ("line", "start", "end"),
    [
        ("middle", (0.45, 0.2), (0.45, 1.0)),
        ("right", (0.62, 0.25), (0.62, 0.95)),
        ("across", (0.05, 0.62), (0.95, 0.62)),
    ],
)
def test_counts_agree_with_the_truth(
    line: str, start: tuple[float, float], end: tuple[float, float], replayed: Replayed, shared_data: Path
) -> None:
    truth_file = shared_data / "footage" / "PETS09-S2L1_gt_mot_768x576.txt"
    truth = crossings(truth_file, (480 * start[0], 360 * start[1]), (480 * end[0], 360 * end[1]))
    events = replayed("pets09_s2l1_vtest_480x360.mp4", "pets.yaml")
    (event,) = [event for event in events if event.type == "counting" and event.zone == line]
    assert event.severity == "info"
    assert event.facts["total"] == pytest.approx(sum(truth.values()), rel=0.15)
    for way in ("in", "out"):
        assert event.facts[way] == pytest.approx(truth[way], rel=0.15, abs=2)


def test_crossings_and_counts_tell_the_same(replayed: Replayed) -> None:
    events = replayed("pets09_s2l1_vtest_480x360.mp4", "pets.yaml")
    crossed = [event for event in events if event.type == "line_crossing"]
    (counted,) = [event for event in events if event.type == "counting" and event.zone == "across"]
    assert len(crossed) == counted.facts["in"]


def _covered(luma: Pixels) -> Pixels:
    return np.full_like(luma, 70)


def _blurred(luma: Pixels) -> Pixels:
    return np.asarray(cv2.GaussianBlur(luma, (0, 0), luma.shape[1] / 160), np.uint8)


def _moved(luma: Pixels) -> Pixels:
    return np.roll(luma, luma.shape[1] // 8, axis=1)


def _black(luma: Pixels) -> Pixels:
    return np.full_like(luma, 16)


@pytest.mark.parametrize("name", ["aboda_video4.avi", "intel_persons.mp4", "pets09_s2l1_vtest_480x360.mp4"])
@pytest.mark.parametrize("disturb", [_covered, _blurred, _moved, _black])
def test_real_pictures_disturbed(name: str, disturb: Callable[[Pixels], Pixels], shared_data: Path) -> None:
    # from 12 s to 20 s
    said: list[Signal] = []
    with open_clip(shared_data / "footage" / name) as clip:
        rule = Tamper(TamperParams(), View(clip.width, clip.height))
        model = PictureModel(clip.width, clip.height)
        for frame in clip.frames(5):
            if frame.t > 24:
                break
            luma = disturb(frame.luma) if 12 <= frame.t < 20 else frame.luma
            said += rule.step([], Motion(frame.t, picture=model.step(luma, frame.t)), frame.t)
    events = [signal for signal in said if isinstance(signal, Opened)]
    assert [(event.facts["kind"], event.start) for event in events] == [
        (disturb.__name__[1:], pytest.approx(12.8, abs=0.8))
    ]
