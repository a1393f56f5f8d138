"""One camera's place before the scheduler: a mailbox for its newest frame, and what its pipeline is about to do."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Protocol

from vision.detect.base import Detections
from vision.frame import Frame
from vision.pipeline import Begun

# Upper bounds of the latency histogram in seconds, from a picture's arrival to the end of its step.
LATENCY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Work(Protocol):
    """What the scheduler has done for a lane; each call is made by one thread at a time."""

    def begin(self, frame: Frame) -> Begun:
        """Motion: whether the detector must look."""

    def look(self, begun: list[Begun]) -> list[Detections]:
        """The detector's answer for these steps."""

    def end(self, begun: Begun, found: Detections | None) -> None:
        """Tracks, rules, and what comes of them."""

    def failed(self, error: Exception) -> None:
        """A step raised; the next frame starts afresh."""


class Stage(Enum):
    """Where a lane is."""

    FREE = 0  # nothing under way
    BUSY = 1  # a thread is at it
    WAITING = 2  # begun, waits for the detector


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """Counters of a lane; `queue_age_s` is how long what waits has waited."""

    drops: Mapping[str, int]
    latencies: Mapping[float, int]
    latency_sum_s: float
    latency_s: float | None
    queue_age_s: float
    steps: int


@dataclass(slots=True, eq=False)
class Lane:
    """Everything the scheduler knows of one camera; guarded by the scheduler's lock.

    `passed` is the service received so far divided by weight (weighted fair queueing): the lane that had least is next.
    """

    name: str
    work: Work
    detector: object
    stage: Stage = Stage.FREE
    frame: Frame | None = None  # the mailbox
    arrived: float = 0.0
    begun: Begun | None = None
    begun_arrived: float = 0.0
    waiting_since: float = 0.0
    passed: float = 0.0
    closed: bool = False
    drops: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    latency_s: float | None = None
    latency_sum_s: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BUCKETS) + 1))

    def took(self, latency_s: float) -> None:
        """A step has ended, so long after its picture arrived."""
        self.steps += 1
        self.latency_s = latency_s
        self.latency_sum_s += latency_s
        self.buckets[bisect.bisect_left(LATENCY_BUCKETS, latency_s)] += 1

    def status(self, now: float) -> LaneStatus:
        """A copy of the counters."""
        waits = [self.arrived] if self.frame is not None else []
        waits += [self.begun_arrived] if self.begun is not None else []
        bounds = (*LATENCY_BUCKETS, float("inf"))
        return LaneStatus(
            MappingProxyType(dict(self.drops)),
            MappingProxyType(dict(zip(bounds, self.buckets, strict=True))),
            self.latency_sum_s,
            self.latency_s,
            max((now - since for since in waits), default=0.0),
            self.steps,
        )


Clock = Callable[[], float]
