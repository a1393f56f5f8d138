"""The shared scheduler: newest frame only, fair turns, movement first, and one camera's trouble is its own."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from edge_agent.live.lane import LATENCY_BUCKETS
from edge_agent.live.scheduler import Scheduler
from vision.detect.base import Detections
from vision.errors import MediaError
from vision.frame import Frame
from vision.motion.gate import Change
from vision.pipeline import Begun

CELLS = np.zeros((1, 1), np.bool_)
STILL = Change(cells=CELLS, idle=CELLS)
MOVED = Change(cells=~CELLS, idle=CELLS)


def frame(camera: str, t: float) -> Frame:
    return Frame.from_array(np.zeros((8, 8, 3), np.uint8), t=t, camera=camera)


class Fake:
    """A camera's work that notes what happened, and can be told to block, to look and to fail."""

    def __init__(self, *, looks: bool = False, moving: bool = False) -> None:
        self.looks, self.moving = looks, moving
        self.begun: list[float] = []
        self.ended: list[tuple[float, bool]] = []
        self.looked: list[int] = []
        self.errors: list[Exception] = []
        self.gate: Callable[[], object] = lambda: None
        self.trouble: Exception | None = None
        self.order: list[str] | None = None
        self.cost_s = 0.0

    def begin(self, shot: Frame) -> Begun:
        self.gate()
        self.begun.append(shot.t)
        return Begun(shot, "look" if self.looks else "unchanged", MOVED if self.moving else STILL, [])

    def look(self, begun: list[Begun]) -> list[Detections]:
        if self.trouble is not None:
            raise self.trouble
        self.looked.append(len(begun))
        if self.order is not None:
            self.order += [each.frame.camera for each in begun]
        if self.cost_s:
            time.sleep(self.cost_s)
        return [Detections.none() for _ in begun]

    def end(self, begun: Begun, found: Detections | None) -> None:
        self.ended.append((begun.frame.t, found is not None))

    def failed(self, error: Exception) -> None:
        self.errors.append(error)


@contextmanager
def running(workers: int = 1, **kwargs: int) -> Iterator[Scheduler]:
    scheduler = Scheduler(workers, **kwargs)
    try:
        yield scheduler
    finally:
        scheduler.stop()


def test_a_newer_frame_takes_the_place_of_one_that_waits() -> None:
    held = threading.Event()
    work = Fake()
    work.gate = lambda: held.wait(5)
    with running() as scheduler:
        scheduler.add("yard", work, None)
        scheduler.offer("yard", frame("yard", 0.0), 0.0)
        assert _until(lambda: scheduler.status("yard").queue_age_s == 0.0)  # taken, and held in its first half
        for t in (1.0, 2.0, 3.0):
            scheduler.offer("yard", frame("yard", t), t)
        held.set()
        assert scheduler.settle(5)
        assert work.begun == [0.0, 3.0]  # the newest only
        assert scheduler.status("yard").drops == {"busy": 2}
        assert scheduler.status("yard").steps == 2


def test_a_quiet_picture_costs_no_turn_at_the_detector() -> None:
    work = Fake(looks=False)
    with running() as scheduler:
        scheduler.add("yard", work, None)
        scheduler.offer("yard", frame("yard", 1.0), time.monotonic())
        assert scheduler.settle(5)
        assert work.looked == []
        assert work.ended == [(1.0, False)]


def _begun_together(scheduler: Scheduler, works: dict[str, Fake], detector: object = None) -> None:
    """Have all cameras reach the detector at the same time: a first one blocks the only thread meanwhile."""
    gate = threading.Event()
    blocker = Fake()
    blocker.gate = lambda: gate.wait(5)
    scheduler.add("blocker", blocker, None)
    scheduler.offer("blocker", frame("blocker", 0.0), -1.0)
    assert _until(lambda: scheduler.status("blocker").queue_age_s == 0.0)
    for name, work in works.items():
        scheduler.add(name, work, detector)
        scheduler.offer(name, frame(name, 1.0), time.monotonic())
    gate.set()
    assert scheduler.settle(5)


def test_turns_are_shared_evenly() -> None:
    """Two cameras that always want the detector, one of them at three times the frame rate: each gets its half."""
    order: list[str] = []
    works = {name: Fake(looks=True, moving=True) for name in ("fast", "slow")}
    for work in works.values():
        work.order, work.cost_s = order, 0.002
    with running() as scheduler:
        for name, work in works.items():
            scheduler.add(name, work, None)
        for tick in range(60):
            for name in ("fast", "fast", "slow") if tick % 2 else ("fast", "slow", "fast"):
                scheduler.offer(name, frame(name, tick), time.monotonic())
            time.sleep(0.002)
        assert scheduler.settle(5)
    counts = Counter(order)
    assert 0.6 < counts["fast"] / counts["slow"] < 1.67


def test_movement_goes_first_and_nobody_starves() -> None:
    order: list[str] = []
    works = {"quiet": Fake(looks=True), "moving": Fake(looks=True, moving=True)}
    for work in works.values():
        work.order, work.cost_s = order, 0.002
    with running() as scheduler:
        for name, work in works.items():
            scheduler.add(name, work, None)
        for tick in range(150):
            for name in works:
                scheduler.offer(name, frame(name, tick), time.monotonic())
            time.sleep(0.001)
        assert scheduler.settle(5)
    counts = Counter(order)
    assert counts["moving"] > 1.3 * counts["quiet"]
    assert counts["quiet"] > 5


def test_cameras_of_one_detector_are_looked_at_together() -> None:
    shared = object()
    works = {name: Fake(looks=True) for name in "abc"}
    with running(batch=2) as scheduler:
        _begun_together(scheduler, works, shared)
        sizes = sorted(size for work in works.values() for size in work.looked)
    assert sizes == [1, 2]
    assert all(work.ended == [(1.0, True)] for work in works.values())


def test_a_failing_pipeline_is_told_and_the_others_go_on() -> None:
    bad, good = Fake(looks=True), Fake(looks=True)
    bad.trouble = RuntimeError("boom")
    with running() as scheduler:
        scheduler.add("bad", bad, 1)
        scheduler.add("good", good, 2)
        for name in ("bad", "good"):
            scheduler.offer(name, frame(name, 1.0), time.monotonic())
        assert scheduler.settle(5)
        assert [str(error) for error in bad.errors] == ["boom"]
        assert good.ended == [(1.0, True)]
        assert scheduler.status("bad").drops == {"error": 1}
        bad.trouble = None
        scheduler.offer("bad", frame("bad", 2.0), time.monotonic())
        assert scheduler.settle(5)
        assert bad.ended == [(2.0, True)]  # the next frame starts afresh


def test_a_damaged_picture_is_counted_and_the_step_goes_on() -> None:
    work = Fake(looks=True)
    work.trouble = MediaError("cannot be shown")
    with running() as scheduler:
        scheduler.add("yard", work, None)
        scheduler.offer("yard", frame("yard", 1.0), time.monotonic())
        assert scheduler.settle(5)
        assert work.ended == [(1.0, False)]
        assert work.errors == []
        assert scheduler.status("yard").drops == {"damaged": 1}


def test_a_picture_too_old_is_not_looked_at_when_a_newer_one_waits() -> None:
    now = [100.0]
    work = Fake(looks=True)
    gate = threading.Event()
    blocker = Fake(looks=True, moving=True)
    with running(clock=lambda: now[0]) as scheduler:  # type: ignore[arg-type]
        scheduler.add("yard", work, None)
        scheduler.add("blocker", blocker, None)
        blocker.gate = lambda: gate.wait(5)

        def old(shot: Frame) -> Begun:
            scheduler.offer("yard", frame("yard", 2.0), now[0])  # a newer one arrives while this one is begun
            now[0] += 3.0
            work.looks = False  # the newer one needs no look
            work.begin = Fake.begin.__get__(work)  # type: ignore[method-assign]
            return Begun(shot, "look", STILL, [])

        work.begin = old  # type: ignore[method-assign]
        gate.set()
        scheduler.offer("yard", frame("yard", 1.0), now[0])
        assert scheduler.settle(5)
        assert work.ended == [(1.0, False), (2.0, False)]
        assert scheduler.status("yard").drops == {"late": 1}


def test_a_removed_camera_is_never_worked_for_again() -> None:
    work = Fake()
    with running() as scheduler:
        scheduler.add("yard", work, None)
        scheduler.remove("yard")
        scheduler.offer("yard", frame("yard", 1.0), 0.0)
        assert scheduler.settle(5)
        assert work.begun == []
        assert scheduler.status("yard") is None


def test_latencies_are_counted_in_buckets() -> None:
    now = [10.0]
    work = Fake()
    with running(clock=lambda: now[0]) as scheduler:  # type: ignore[arg-type]
        scheduler.add("yard", work, None)
        scheduler.offer("yard", frame("yard", 1.0), 10.0 - 0.03)
        assert scheduler.settle(5)
        status = scheduler.status("yard")
        assert status.latencies[0.05] == 1
        assert sum(status.latencies.values()) == 1
        assert tuple(status.latencies)[:-1] == LATENCY_BUCKETS


def _until(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.002)
    return False
