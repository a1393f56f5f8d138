"""Many cameras on few cores: a fixed number of threads does the steps of all pipelines.

A frame's step has two halves. The first (motion) is cheap and is done for whoever has a new frame, oldest first. Where it
says that the detector must look, the camera waits for its turn: turns are given by weighted fair queueing over the time
that each camera has used, and pictures in which something moves weigh more than looks taken to be safe. So no camera
starves, a busy one cannot hold up the others, and movement goes first.

    mailbox (newest frame only) -> begin -> [waits for a turn -> look] -> end

Nothing queues up behind a slow detector: a frame that a newer one replaces is dropped and counted (`busy`), and one that
has grown too old before its turn is dropped as `late`.
Weighted fair queueing: Demers, Keshav, Shenker, "Analysis and simulation of a fair queueing algorithm", 1989.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from edge_agent.live.lane import Clock, Lane, LaneStatus, Stage, Work
from vision.detect.base import Detections
from vision.errors import MediaError
from vision.frame import Frame
from vision.pipeline import Begun

_MOVING_WEIGHT = 4.0  # a look at movement may cost four times as much as one taken to be safe
_LATE_S = 2.0  # a picture so old is no news any more; a newer one is in the mailbox or on its way


@dataclass(frozen=True, slots=True)
class _Job:
    """What one thread does next: begin one lane's frame, or look and end for one or several lanes."""

    lanes: tuple[Lane, ...]
    frame: Frame | None = None


class Scheduler:
    """Runs the steps of all cameras on `workers` threads; `batch` pictures at once where the detector gains by it."""

    def __init__(self, workers: int, *, batch: int = 1, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._batch = batch
        self._lanes: dict[str, Lane] = {}
        self._left: dict[str, Lane] = {}
        self._passed = 0.0  # of the lane served last: where a lane that has been idle joins in
        self._wake = threading.Condition()
        self._running = True
        self._threads = [
            threading.Thread(target=self._run, name=f"look-{number}", daemon=True) for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def add(self, name: str, work: Work, detector: object) -> None:
        """A camera joins; lanes with the same `detector` may be looked at together."""
        with self._wake:
            before = self._left.pop(name, None)
            lane = Lane(name, work, detector, passed=self._passed)
            if before is not None:  # counters go on
                lane.drops, lane.steps, lane.buckets = before.drops, before.steps, before.buckets
                lane.latency_sum_s = before.latency_sum_s
            self._lanes[name] = lane

    def remove(self, name: str, timeout: float = 5.0) -> None:
        """A camera leaves; returns when no thread works for it any more."""
        with self._wake:
            lane = self._lanes.pop(name, None)
            if lane is None:
                return
            lane.closed, lane.frame = True, None
            self._left[name] = lane
            self._wake.wait_for(lambda: lane.stage is not Stage.BUSY, timeout)

    def offer(self, name: str, frame: Frame, arrived: float) -> None:
        """A new frame for a camera; returns at once. `arrived` in monotonic seconds."""
        with self._wake:
            lane = self._lanes.get(name)
            if lane is None:
                return
            if lane.frame is not None:
                lane.drops["busy"] += 1
            lane.frame, lane.arrived = frame, arrived
            if lane.stage is Stage.FREE:
                self._wake.notify_all()

    def drop(self, name: str, reason: str) -> None:
        """Count a frame that did not get as far as the mailbox."""
        with self._wake:
            if name in self._lanes:
                self._lanes[name].drops[reason] += 1

    def status(self, name: str) -> LaneStatus | None:
        """Counters of a camera; None for an unknown one."""
        with self._wake:
            lane = self._lanes.get(name)
            return None if lane is None else lane.status(self._clock())

    def settle(self, timeout: float) -> bool:
        """Wait until every mailbox is empty and every step done; whether that came in time."""
        with self._wake:
            return self._wake.wait_for(
                lambda: all(lane.stage is Stage.FREE and lane.frame is None for lane in self._lanes.values()), timeout
            )

    def stop(self, timeout: float = 5.0) -> None:
        """End the threads after the steps they are at."""
        with self._wake:
            self._running = False
            self._wake.notify_all()
        for thread in self._threads:
            thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._wake:
                job = self._next()
                while job is None:
                    if not self._running:
                        return
                    self._wake.wait()
                    job = self._next()
            if job.frame is not None:
                self._begin(job.lanes[0], job.frame)
            else:
                self._look(job.lanes)

    def _next(self) -> _Job | None:
        """The most deserving job, marked as taken; called with the lock held."""
        fresh = [lane for lane in self._lanes.values() if lane.stage is Stage.FREE and lane.frame is not None]
        if fresh:
            lane = min(fresh, key=lambda lane: lane.arrived)
            frame, lane.frame = lane.frame, None
            lane.stage = Stage.BUSY
            lane.begun_arrived = lane.arrived
            return _Job((lane,), frame)
        waiting = sorted(
            (lane for lane in self._lanes.values() if lane.stage is Stage.WAITING), key=lambda lane: lane.passed
        )
        if not waiting:
            return None
        chosen = [lane for lane in waiting if lane.detector is waiting[0].detector][: self._batch]
        for lane in chosen:
            lane.stage = Stage.BUSY
        return _Job(tuple(chosen))

    def _begin(self, lane: Lane, frame: Frame) -> None:
        """The first half of a step, and the second one too where nobody needs to look."""
        try:
            begun = lane.work.begin(frame)
            if not begun.looks:
                lane.work.end(begun, None)
        except Exception as error:  # noqa: BLE001  # one camera's trouble must not end the others' thread
            self._failed(lane, error)
            return
        if begun.looks:
            self._wait(lane, begun)
        else:
            self._done(lane)

    def _wait(self, lane: Lane, begun: Begun) -> None:
        with self._wake:
            lane.begun, lane.waiting_since = begun, self._clock()
            lane.passed = max(lane.passed, self._passed)
            lane.stage = Stage.FREE if lane.closed else Stage.WAITING
            self._wake.notify_all()

    def _look(self, lanes: tuple[Lane, ...]) -> None:
        """The second half of the steps of these lanes."""
        steps = [(lane, lane.begun) for lane in lanes if lane.begun is not None]
        began = self._clock()
        answers: list[Detections | None]
        late = [self._late(lane, began) for lane, _ in steps]
        try:
            wanted = [begun for (_, begun), old in zip(steps, late, strict=True) if not old]
            found = iter(steps[0][0].work.look(wanted) if wanted else [])
            answers = [None if old else next(found) for old in late]
        except MediaError:  # a damaged picture: the step goes on without an answer
            answers = [None] * len(steps)
            late = [True] * len(steps)
            with self._wake:
                for lane in lanes:
                    lane.drops["damaged"] += 1
        except Exception as error:  # noqa: BLE001  # as in _begin
            for lane in lanes:
                self._failed(lane, error)
            return
        spent = (self._clock() - began) / len(steps)
        for (lane, begun), answer in zip(steps, answers, strict=True):
            try:
                lane.work.end(begun, answer)
            except Exception as error:  # noqa: BLE001  # as in _begin
                self._failed(lane, error)
                continue
            with self._wake:
                self._passed = lane.passed
                lane.passed += spent / (_MOVING_WEIGHT if begun.moving else 1.0)
            self._done(lane)

    def _late(self, lane: Lane, now: float) -> bool:
        """Whether the picture has waited too long; counted, called without the lock."""
        old = now - lane.begun_arrived > _LATE_S and lane.frame is not None
        if old:
            self.drop(lane.name, "late")
        return old

    def _done(self, lane: Lane) -> None:
        with self._wake:
            lane.took(self._clock() - lane.begun_arrived)
            self._free(lane)

    def _failed(self, lane: Lane, error: Exception) -> None:
        lane.work.failed(error)
        with self._wake:
            lane.drops["error"] += 1
            self._free(lane)

    def _free(self, lane: Lane) -> None:
        """The lane may take its next frame; called with the lock held."""
        lane.begun, lane.stage = None, Stage.FREE
        self._wake.notify_all()
