"""One camera's pipeline as the scheduler runs it: steps in, events and the newest view out."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge_agent.language.service import Shot
from vision.camera import Camera
from vision.detect.base import Detections, Detector
from vision.events import Event
from vision.frame import Frame, Picture
from vision.language.crops import Box01
from vision.pipeline import Begun, Pipeline
from vision.rules.base import View
from vision.track.base import Track

log = logging.getLogger("sightline.camera")

_SHOTS = 8
_SHOT_EVERY_S = 1.0
_MISSES_EVERY = 200  # steps between two clean-ups of the near misses, which nobody reads live


@dataclass(frozen=True, slots=True)
class Latest:
    """What the camera showed last, and what was found in it."""

    frame: Frame
    tracks: Sequence[Track]
    view: View
    moving: bool


@dataclass(frozen=True, slots=True)
class Happening:
    """An event as it left the pipeline, with the picture of its best moment where that is a new one.

    `shots`: what a language model may be shown of it. `suppress_s`: its alert waits so long for the model's verdict.
    """

    event: Event
    view: View | None
    picture: Picture | None
    shots: tuple[Shot, ...] = ()
    suppress_s: float | None = None


Sink = Callable[[Happening, bool], None]  # what happened, and whether the event is a new one


class CameraWorker:
    """The `Work` of one camera for the scheduler. Its counters go on when the pipeline has to be built anew."""

    def __init__(self, camera: Camera, detector: Detector, sink: Sink, *, shots: bool = False) -> None:
        """`shots`: keep the last seconds' pictures of whoever is there, for a language model."""
        self.camera = camera
        self._shots: deque[tuple[float, Picture, dict[int, Box01]]] | None = deque(maxlen=_SHOTS) if shots else None
        self._suppress_s = {p.title: p.verify_s for p in camera.rules if p.verify == "suppress"}
        self.latest: Latest | None = None
        self._detector = detector
        self._sink = sink
        self._counters: Counter[str] = Counter()
        self._stages: Counter[str] = Counter()
        self._near_misses: Counter[str] = Counter()
        self._open: dict[str, Event] = {}
        self._pipeline = self._built()
        self._recent: deque[tuple[float, Picture]] = deque()
        self._steps = 0

    def _built(self) -> Pipeline:
        return Pipeline(self.camera, self._detector, epoch=0.0, timer=time.thread_time)

    def begin(self, frame: Frame) -> Begun:
        """Motion: whether the detector must look."""
        return self._pipeline.begin(frame)

    def look(self, begun: list[Begun]) -> list[Detections]:
        """The detector's answer for these steps, of this camera and others."""
        return self._pipeline.look(begun)

    def end(self, begun: Begun, found: Detections | None) -> None:
        """Tracks and rules; what they tell goes to the sink."""
        pipeline, frame = self._pipeline, begun.frame
        events = pipeline.end(begun, found)
        view = self.camera.view(frame.width, frame.height)
        self.latest = Latest(frame, tuple(pipeline.tracks), view, begun.moving)
        self._keep(frame)
        self._shoot(frame)
        for event in events:
            self._tell(event, view)
        self._steps += 1
        if self._steps % _MISSES_EVERY == 0:
            self._near_misses.update(miss.miss.gate for miss in pipeline.forget_misses())

    def failed(self, error: Exception) -> None:
        """A step raised: say so, end what was open, and start afresh with the next frame."""
        log.error("the pipeline failed and starts afresh", exc_info=error, extra={"camera": self.camera.name})
        self.finish()

    def finish(self) -> None:
        """The end, for now: what is open is closed at the last picture's time."""
        pipeline, latest = self._pipeline, self.latest
        self._counters += pipeline.counters
        self._stages += pipeline.stages
        try:
            events = {event.id: event for event in pipeline.finish()}
        except Exception:
            log.exception("the pipeline could not be ended", extra={"camera": self.camera.name})
            events = {}
        for before in tuple(self._open.values()):
            event = events.get(before.id, before)
            if event.state == "open":
                end = latest.frame.t if latest is not None else before.opened
                event = event.model_copy(update={"end": max(end, before.start), "state": "closed"})
            self._tell(event, latest.view if latest is not None else None)
        self._pipeline = self._built()
        self._recent.clear()

    @property
    def counters(self) -> Counter[str]:
        """Frames by verdict and inferences, since the start."""
        return self._counters + self._pipeline.counters

    @property
    def stages(self) -> Counter[str]:
        """CPU seconds by stage, since the start."""
        return self._stages + self._pipeline.stages

    @property
    def open_events(self) -> int:
        """How many events are going on."""
        return len(self._open)

    def _keep(self, frame: Frame) -> None:
        """Hold frames back for rules that tell of a moment some seconds ago; memory is paid only while somebody is there."""
        keep_s = self._pipeline.looks_back_s
        if keep_s and self._pipeline.tracks:
            self._recent.append((frame.t, frame.picture))
        while self._recent and frame.t - self._recent[0][0] > keep_s:
            self._recent.popleft()

    def _shoot(self, frame: Frame) -> None:
        """Hold a picture a second of whoever is there, with their boxes."""
        shots, tracks = self._shots, self._pipeline.tracks
        if shots is None or not tracks or (shots and 0 <= frame.t - shots[-1][0] < _SHOT_EVERY_S):
            return
        boxes = {track.id: (*track.box.relative(frame.width, frame.height),) for track in tracks}
        shots.append((frame.t, frame.picture, boxes))

    def _shots_of(self, event: Event, picture: Picture | None) -> tuple[Shot, ...]:
        if self._shots is None or picture is None:
            return ()
        best = Shot(picture, event.box, event.at)
        track = event.track_id
        kept = [] if track is None else [(t, shot, boxes[track]) for t, shot, boxes in self._shots if track in boxes]
        return (*(Shot(shot, box, t) for t, shot, box in kept if abs(t - event.at) > 0.5), best)

    def _tell(self, event: Event, view: View | None) -> None:
        before = self._open.get(event.id)
        picture: Picture | None = None
        if self.latest is not None and (before is None or before.at != event.at):
            known = [*self._recent, (self.latest.frame.t, self.latest.frame.picture)]
            _, picture = min(known, key=lambda shot: abs(shot[0] - event.at))
        if event.state == "closed":
            self._open.pop(event.id, None)
        else:
            self._open[event.id] = event
        first = before is None
        shots = self._shots_of(event, picture) if first else ()
        suppress_s = self._suppress_s.get(event.rule) if first else None
        self._sink(Happening(event, view, picture, shots, suppress_s), first)
