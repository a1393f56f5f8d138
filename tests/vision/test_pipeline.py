"""The pipeline as a whole, with a scripted detector: pure, deterministic, and sparing with inferences."""

from __future__ import annotations

import numpy as np
import pytest

from vision.camera import Camera
from vision.detect.base import Detections, ScriptedDetector
from vision.errors import InputError
from vision.events import Event
from vision.frame import Frame, Pixels
from vision.pipeline import Pipeline

ZONE = {"name": "yard", "polygon": [[0.25, 0], [0.75, 0], [0.75, 1], [0.25, 1]]}
NAMES = ("person", "car")


def camera(**more: object) -> Camera:
    rules = [{"type": "intrusion", "zone": "yard", "min_seconds": 1}]
    return Camera.model_validate({"name": "c", "zones": [ZONE], "rules": rules, **more})


def scene(x: float, size: tuple[int, int] = (320, 240), seed: int = 0) -> Pixels:
    """A noisy grey picture with a dark walker at `x` (0..1)."""
    width, height = size
    image = np.random.default_rng(seed).normal(120, 2, (height, width, 3)).clip(0, 255).astype(np.uint8)
    left = int(x * width)
    image[height // 4 : height * 3 // 4, max(0, left - 10) : left + 10] = 30
    return image


class Seeing:
    """Finds the dark walker where it is."""

    names = NAMES

    def __init__(self) -> None:
        self.calls = 0

    def detect(self, images: list[Pixels]) -> list[Detections]:
        self.calls += len(images)
        return [self._one(image) for image in images]

    def _one(self, image: Pixels) -> Detections:
        rows, columns = np.nonzero(image[:, :, 0] < 60)
        if not len(rows):
            return Detections.none(NAMES)
        box = [[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]]
        return Detections(np.array(box, np.float32), np.array([0.9], np.float32), np.zeros(1, np.int32), NAMES)


def walk(fps: float, seconds: float = 10.0, size: tuple[int, int] = (320, 240)) -> list[Frame]:
    """From left to right through the picture; half of the way is the zone."""
    count = int(seconds * fps)
    return [Frame.from_array(scene(n / count, size, n), t=n / fps, index=n, camera="c") for n in range(count)]


def run(frames: list[Frame], made: Pipeline) -> list[Event]:
    events = {event.id: event for frame in frames for event in made.step(frame)}
    events |= {event.id: event for event in made.finish()}
    return list(events.values())


@pytest.mark.parametrize("fps", [2, 5, 10, 25])
def test_one_walker_is_one_intrusion_at_any_frame_rate(fps: float) -> None:
    events = run(walk(fps), Pipeline(camera(), Seeing()))
    assert [event.type for event in events] == ["intrusion"]
    assert events[0].start == pytest.approx(2.5, abs=1.0)
    assert events[0].end == pytest.approx(7.5, abs=1.0)
    assert events[0].state == "closed"


def test_the_same_frames_give_the_same_events_to_the_byte() -> None:
    once, again = (
        [event.model_dump_json() for event in run(walk(5), Pipeline(camera(), Seeing(), origin="a.mp4"))]
        for _ in range(2)
    )
    assert once == again
    other = run(walk(5), Pipeline(camera(), Seeing(), origin="b.mp4"))
    assert other[0].id != Event.model_validate_json(once[0]).id


def test_a_steady_walker_costs_fewer_inferences_than_frames() -> None:
    detector = Seeing()
    made = Pipeline(camera(), detector)
    run(walk(5), made)
    assert made.counters["inferences"] == detector.calls <= 0.75 * made.counters["frames"]
    watchful = Pipeline(camera(detect={"always": True}), Seeing())
    run(walk(5), watchful)
    assert watchful.counters["inferences"] == watchful.counters["frames"]


def test_a_mask_hides_what_stands_in_it() -> None:
    masked = camera(masks=[{"polygon": [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]}])
    assert run(walk(5), Pipeline(masked, Seeing())) == []


def test_a_new_picture_size_ends_what_was_going_on_and_starts_afresh() -> None:
    first, second = walk(5, 5), walk(5, 10, (640, 480))
    for frame in second:
        frame.t += 5
    events = run([*first, *second], Pipeline(camera(), Seeing()))
    assert len(events) == 2
    assert events[0].end is not None
    assert events[0].end <= 5 <= events[1].start


def test_rules_that_need_no_tracks_cost_no_inference() -> None:
    detector = ScriptedDetector([])
    made = Pipeline(Camera.model_validate({"name": "c", "rules": [{"type": "tamper"}]}), detector)
    run(walk(5, 3), made)
    assert detector.calls == 0


def test_a_class_that_the_model_does_not_know_is_said_at_once() -> None:
    rules = [{"type": "intrusion", "classes": ["lorry"]}]
    with pytest.raises(InputError, match="camera c: the model has no class 'lorry'; it knows person, car"):
        Pipeline(Camera.model_validate({"name": "c", "rules": rules}), ScriptedDetector([], NAMES))


def test_without_a_timer_nothing_is_measured() -> None:
    made = Pipeline(camera(), Seeing())
    run(walk(5, 2), made)
    assert not made.stages
    ticks = iter(range(10**6))
    timed = Pipeline(camera(), Seeing(), timer=lambda: float(next(ticks)))
    run(walk(5, 2), timed)
    assert {"motion", "detect", "track", "rules"} <= set(timed.stages)


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        ((4.0, 4.0), 1),  # nothing missing
        ((4.0, 4.9), 1),  # too short to be a gap: the tracker bridges it
        ((4.0, 6.0), 1),  # two seconds without pictures: the same stay
        ((4.0, 6.8), 1),
    ],
)
def test_a_gap_in_the_pictures_ends_no_event(cut: tuple[float, float], expected: int) -> None:
    frames = [frame for frame in walk(10.0) if not cut[0] < frame.t < cut[1]]
    whole = run(walk(10.0), Pipeline(camera(), Seeing()))
    events = run(frames, Pipeline(camera(), Seeing()))
    last = {event.id: event for event in events}
    assert len(last) == expected
    (event,) = last.values()
    assert event.start == pytest.approx(whole[-1].start, abs=0.25)
    assert event.end == pytest.approx(whole[-1].end, abs=0.35)  # in the pictures' own time, the gap counted


def test_a_long_gap_is_no_stay() -> None:
    """Somebody is seen for less than the rule asks before the pictures stop for a minute; another is seen after it."""
    early = [frame for frame in walk(10.0) if 1.2 < frame.t < 1.9]
    late = [Frame(f.picture, t=f.t + 60.0, index=f.index) for f in walk(10.0) if 8.0 < f.t < 8.7]
    made = Pipeline(camera(), Seeing())
    assert run([*early, *late], made) == []


def test_sparse_pictures_are_no_gaps() -> None:
    """A source of one picture in two seconds is slow, not silent: its time counts."""
    frames = walk(0.5, seconds=40.0)
    made = Pipeline(camera(), Seeing())
    run(frames, made)
    assert made.blind_s == 0.0
