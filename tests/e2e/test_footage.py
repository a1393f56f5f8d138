"""Real recorded footage through `replay`: what must be told, and what must not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent import output
from edge_agent.config import load_config
from edge_agent.replay import ClipResult, replay
from vision.events import Event
from vision.geometry import Box

Replayed = Callable[[str, str], ClipResult]


@pytest.fixture(scope="session")
def replayed(shared_data: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """`replayed(clip, config)`: the clip of that file name with a config of tests/configs, each pair only once."""
    done: dict[tuple[str, str], ClipResult] = {}

    def run(clip: str, config: str) -> ClipResult:
        if (clip, config) not in done:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("SIGHTLINE_TEST_DATA", str(shared_data))
                settings = load_config(root / "tests/configs" / f"{config}.yaml")
            out = tmp_path_factory.mktemp("out")
            done[clip, config] = replay(settings, [shared_data / "footage" / clip], out)[0]
            output.write_events([done[clip, config]], out)
        return done[clip, config]

    return run


def of(result: ClipResult, kind: str) -> list[Event]:
    return [event for event in result.events if event.type == kind]


def native(event: Event, result: ClipResult) -> Box:
    assert event.box is not None
    x1, y1, x2, y2 = event.box
    return Box(x1 * result.width, y1 * result.height, x2 * result.width, y2 * result.height)


def test_aboda_one_bag_is_left_once_its_owner_has_gone(replayed: Replayed, shared_data: Path) -> None:
    truth = json.loads((shared_data / "footage/EVENTS.json").read_text())["aboda_video4.avi"]
    placed = next(event for event in truth["events"] if event["type"] == "object_unattended")
    gone = next(event["frame"] for event in truth["events"] if event["type"] == "owner_walks_away") / truth["fps"]
    result = replayed("aboda_video4.avi", "aboda_video4")
    events = of(result, "left_object")
    assert len(events) == 1, events
    assert native(events[0], result).iou(Box(*placed["box"])) > 0.3
    assert events[0].opened >= gone
    assert events[0].facts["unattended_s"]


@pytest.mark.parametrize(
    "clip",
    [
        "airport_suitcases_1.mp4",  # people pull suitcases; a stand at the right belongs to the scene
        "intel_persons.mp4",  # people stand still for half a minute
        "pets09_s2l1_vtest_480x360.mp4",  # people meet and stand about
        "burglar_cctv.mp4",
        "fall_one_person.mp4",  # a person who lies still is no object
    ],
)
def test_nothing_is_left_where_nothing_is_left(clip: str, replayed: Replayed) -> None:
    assert of(replayed(clip, "no_left_object"), "left_object") == []


def test_one_fall_and_only_where_somebody_falls(replayed: Replayed) -> None:
    events = of(replayed("fall_one_person.mp4", "fall_one_person"), "fall")
    assert len(events) == 1, events
    assert 72 / 30 - 0.6 <= events[0].start <= 98 / 30 + 0.6


@pytest.mark.parametrize(
    "clip",
    [
        "intel_persons.mp4",
        "aboda_video4.avi",  # the man bends to put down the bag
        "burglar_cctv.mp4",  # people stoop through a door
        "pets09_s2l1_vtest_480x360.mp4",
        "veo_crowd_lobby.mp4",
    ],
)
def test_nobody_falls_where_nobody_falls(clip: str, replayed: Replayed) -> None:
    assert of(replayed(clip, "fall_one_person"), "fall") == []


def test_a_crowd_gathers_once(replayed: Replayed) -> None:
    assert len(of(replayed("veo_crowd_lobby.mp4", "veo_crowd_lobby"), "crowd")) == 1


@pytest.mark.parametrize(
    "clip",
    [
        "aboda_video4.avi", "airport_suitcases_1.mp4", "burglar_cctv.mp4", "fall_one_person.mp4", "intel_bottle.mp4",
        "intel_car.mp4", "intel_persons.mp4", "intel_worker-zone-detection.gif", "pets09_s2l1_vtest_480x360.mp4",
        "veo_crowd_lobby.mp4",
    ],
)  # fmt: skip
def test_no_camera_was_tampered_with(clip: str, replayed: Replayed) -> None:
    assert of(replayed(clip, "tamper"), "tamper") == []
