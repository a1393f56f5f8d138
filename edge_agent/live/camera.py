"""One camera of the running agent: its feed, its ring of packets, its pipeline, and what it tells of itself."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge_agent.config import CameraConfig, EvidenceConfig
from edge_agent.live.address import address_of
from edge_agent.live.evidence import ring_seconds
from edge_agent.live.feed import CameraFeed, FeedState
from edge_agent.live.recorder import Recorder
from edge_agent.live.scheduler import Scheduler
from edge_agent.live.status import CameraState, CameraStatus
from edge_agent.live.system_events import Outage
from edge_agent.live.worker import CameraWorker, Happening
from edge_agent.snapshot import draw_live, encode_jpeg
from vision.detect.base import Detector
from vision.events import Event
from vision.frame import Frame, Pixels
from vision.media.live.address import redacted
from vision.media.live.base import SourceOptions
from vision.media.ring import PacketRing

log = logging.getLogger("sightline.camera")

_RATE_MARKS = 10  # ticks over which steps a second are counted
_GONE_S = 60.0  # a camera lost for so long will not show the same people again: what was going on is closed


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all cameras share."""

    folder: Path  # the config's, which relative sources count from
    scheduler: Scheduler
    recorder: Recorder
    evidence: EvidenceConfig
    on_change: Callable[[str, bool], None]  # camera, whether it shows pictures
    shots: bool = False  # whether a language model wants to see what happened
    clock: Callable[[], float] = time.time
    on_alarm: Callable[[Happening], None] | None = None  # told of each new event, for the cloud tier
    on_frame: Callable[[Frame], None] | None = None  # given each picture, for quality inspection


class LiveCamera:
    """Starts and stops as a whole; `tick` is to be called every second or so."""

    def __init__(self, config: CameraConfig, detector: Detector, shared: Surroundings) -> None:
        self.config = config
        self.shots = shared.shots
        self._detector = detector
        self._shared = shared
        self._worker = self._watching(config)
        self._outage = Outage(config.name, config.stream.offline_s, shared.clock())
        self._opened: Counter[str] = Counter()
        self._rate = _Rate()
        self._ended = threading.Event()
        address = address_of(config.source, shared.folder)
        self._shown = redacted(address)
        self.ring: PacketRing | None = None
        if self._wants_ring(config):
            self.ring = PacketRing(ring_seconds(config, shared.evidence), shared.evidence.ring_mb << 20)
        recorded = address_of(config.record_source, shared.folder) if config.record_source and self.ring else None
        self._feed = CameraFeed(
            config.name,
            address,
            _options(config),
            fps=config.detect.fps,
            on_shot=self._shot,
            on_change=self._changed,
            tap=self.ring.tap if self.ring is not None and recorded is None else None,
        )
        self._record_feed: CameraFeed | None = None
        if recorded is not None and self.ring is not None:
            self._record_feed = CameraFeed(
                f"{config.name} (recording)",
                recorded,
                _options(config, decode=False),
                fps=None,
                on_shot=_nothing,
                on_change=self._recording_changed,
                tap=self.ring.tap,
            )

    def start(self) -> None:
        """Connect, and join the scheduler."""
        self._shared.scheduler.add(self.config.name, self._worker, self._detector)
        self._feed.start()
        if self._record_feed is not None:
            self._record_feed.start()

    def stop(self, timeout: float = 3.0) -> None:
        """Let the camera go; what was going on is closed."""
        self._feed.stop(timeout)
        if self._record_feed is not None:
            self._record_feed.stop(timeout)
        self._shared.scheduler.remove(self.config.name, timeout)
        self._worker.finish()
        for event in self._outage.stop(self._shared.clock()):
            self._tell(event)

    @property
    def state(self) -> CameraState:
        """Whether it shows pictures."""
        return self._feed.state.state

    def tick(self, now: float) -> None:
        """What time alone brings: a camera away for long enough is told, a file that has ended is concluded."""
        self._rate.mark(self._worker.counters["frames"], time.monotonic())
        state = self._feed.state
        gone = state.state == "offline" and now - state.since > _GONE_S and self._worker.open_events > 0
        if self._ended.is_set() or gone:
            self._ended.clear()
            self._conclude()
        for event in self._outage.check(now):
            self._tell(event)

    def takes(self, config: CameraConfig) -> bool:
        """Whether `renew` can bring it to this config, the stream going on."""
        mine = self.config
        same = (config.source, config.record_source, config.stream) == (mine.source, mine.record_source, mine.stream)
        held = self.ring is not None
        keeps = held == self._wants_ring(config)
        return same and keeps and config.detect.fps == mine.detect.fps and config.looks

    def renew(self, config: CameraConfig) -> None:
        """Other rules, zones or classes from the next picture on; what was going on is closed."""
        self._shared.scheduler.remove(self.config.name)
        self._worker.finish()
        self.config = config
        self._worker = self._watching(config)
        if self.ring is not None:
            self.ring.keep(ring_seconds(config, self._shared.evidence))
        self._shared.scheduler.add(config.name, self._worker, self._detector)

    def _conclude(self) -> None:
        """Close what is going on; the pipeline starts afresh with the next picture."""
        self._shared.scheduler.remove(self.config.name)
        self._worker.finish()
        self._shared.scheduler.add(self.config.name, self._worker, self._detector)

    def _watching(self, config: CameraConfig) -> CameraWorker:
        asks = self._shared.shots and config.tier != "offline"  # such a camera's events keep their fixed words
        return CameraWorker(config, self._detector, self._happened, shots=asks)

    def _wants_ring(self, config: CameraConfig) -> bool:
        return self._shared.evidence.clips and bool(config.rules)

    def picture(self, *, overlay: bool, width: int | None) -> tuple[float, bytes] | None:
        """The newest picture: time in epoch seconds, JPEG."""
        latest = self._worker.latest
        if latest is None:
            return None
        image = latest.frame.picture.bgr()
        if width is not None and width < image.shape[1]:
            image = _narrowed(image, width)
        if overlay:
            image = draw_live(image, latest.tracks, latest.view)
        return latest.frame.t, encode_jpeg(image)

    def status(self) -> CameraStatus:
        """How the camera stands."""
        state, worker = self._feed.state, self._worker
        lane = self._shared.scheduler.status(self.config.name)
        info, latest = state.info, worker.latest
        counters = worker.counters
        return CameraStatus(
            name=self.config.name,
            state=state.state,
            source=self._shown,
            fault=state.fault,
            reason=state.reason,
            since=state.since,
            codec=info.codec if info else "",
            width=info.width if info else 0,
            height=info.height if info else 0,
            transport=info.transport if info else "",
            fps_in=state.fps_in,
            fps_detect=self._rate.value,
            last_t=state.last_t,
            frames=state.frames,
            packets=state.packets,
            bytes=state.bytes,
            reconnects=state.reconnects,
            faults=dict(state.faults),
            drops=lane.drops if lane else {},
            seen=dict(counters),
            stages=dict(worker.stages),
            latency_s=lane.latency_s if lane else None,
            latencies=lane.latencies if lane else {},
            latency_sum_s=lane.latency_sum_s if lane else 0.0,
            queue_age_s=lane.queue_age_s if lane else 0.0,
            tracks=len(latest.tracks) if latest else 0,
            moving=bool(latest and latest.moving),
            open_events=worker.open_events,
            events=dict(self._opened),
            ring_s=self.ring.seconds if self.ring else 0.0,
            ring_bytes=self.ring.bytes if self.ring else 0,
        )

    def _shot(self, frame: Frame, arrived: float) -> None:
        if self.ring is not None and self._record_feed is None:
            self.ring.offer(frame.picture, frame.t)
        if self._shared.on_frame is not None:
            self._shared.on_frame(frame)
        self._shared.scheduler.offer(self.config.name, frame, arrived)

    def _changed(self, state: FeedState) -> None:
        """The feed went up or down; called in its thread."""
        now = self._shared.clock()
        if state.state == "offline" and self.ring is not None and self._record_feed is None:
            self.ring.reset()
        if state.state == "online":
            for event in self._outage.back(now):
                self._tell(event)
        elif state.state == "stopped" and state.fault is None:
            for event in self._outage.stop(now):
                self._tell(event)
            self._ended.set()
        elif state.state in ("offline", "stopped"):
            self._outage.lost(now, state.fault, state.reason)
        if state.state in ("online", "offline", "stopped"):
            self._shared.on_change(self.config.name, state.state == "online")

    def _recording_changed(self, state: FeedState) -> None:
        """The recording stream went up or down."""
        if state.state == "offline" and self.ring is not None:
            self.ring.reset()

    def _tell(self, event: Event) -> None:
        if event.state == "open" or event.type == "camera_online":
            self._opened[event.type] += 1
        self._shared.recorder.put(Happening(event, None, None))

    def _happened(self, happening: Happening, first: bool) -> None:
        """The pipeline told of an event."""
        if first:
            self._opened[happening.event.type] += 1
            if self._shared.on_alarm is not None:
                self._shared.on_alarm(happening)
        self._shared.recorder.put(happening, self.ring)


def _nothing(*_: object) -> None:
    """The recording stream is only tapped."""


class _Rate:
    """How fast a counter rises, over the last seconds."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque(maxlen=_RATE_MARKS)

    def mark(self, count: int, now: float) -> None:
        """The counter stands here; to be called every half second or so."""
        self._marks.append((now, count))

    @property
    def value(self) -> float:
        """A second."""
        if len(self._marks) < 2:
            return 0.0
        (t0, n0), (t1, n1) = self._marks[0], self._marks[-1]
        return max(0.0, (n1 - n0) / (t1 - t0)) if t1 > t0 else 0.0


def _options(config: CameraConfig, *, decode: bool = True) -> SourceOptions:
    stream = config.stream
    return SourceOptions(
        transport=stream.transport,
        connect_s=stream.connect_s,
        stall_s=stream.stall_s,
        poll_s=stream.poll_s,
        loop=stream.loop,
        decode=decode,
    )


def _narrowed(image: Pixels, width: int) -> Pixels:
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
