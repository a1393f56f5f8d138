"""Frames in, events out: the one function that live cameras, recordings, tests and benchmarks all run.

    Frame -> motion -> attention -> detector -> tracker -> rules -> events

Pure and deterministic: time is the frame's timestamp, and the same frames with the same camera give the same events.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from vision.attention import Attention, Verdict
from vision.camera import Camera
from vision.detect.base import Detections, Detector
from vision.errors import InputError
from vision.events import Event
from vision.frame import Frame
from vision.geometry import inside, scaled
from vision.motion.base import STILL, Motion
from vision.motion.gate import Change
from vision.motion.model import MotionModel
from vision.rulebook import Miss, RuleBook
from vision.rules.base import rule_types
from vision.track.base import Track, Tracker
from vision.track.bytetrack import ByteTracker, TrackParams

_GAP_S = 1.0  # a source that is silent for longer, and
_GAP_STEPS = 3.0  # for so many times its usual step, has a gap


@dataclass(frozen=True, slots=True)
class Begun:
    """A step that waits for the detector, or goes on without it; `t` leaves out the time without pictures."""

    frame: Frame
    verdict: Verdict
    change: Change
    events: list[Event]
    t: float = 0.0

    @property
    def looks(self) -> bool:
        """Whether the detector is to look at the frame."""
        return self.verdict == "look"

    @property
    def moving(self) -> bool:
        """Whether something has changed in the picture, so that looking should not wait."""
        return self.change.any


class Pipeline:
    """One camera's way from frames to events.

    `origin` tells footage apart in event ids (the clip's name). `epoch` is the wall-clock time of t = 0 (seconds UTC) for
    schedules; None counts as armed. `timer` gives seconds of whatever should be measured (CPU time of this thread, say)
    and fills `stages`; without it nothing is measured, and the pipeline has no clock. `blind_s` counts the seconds that a
    silent source left without pictures.
    """

    def __init__(
        self,
        camera: Camera,
        detector: Detector,
        *,
        origin: str = "",
        epoch: float | None = None,
        timer: Callable[[], float] | None = None,
    ) -> None:
        self.camera = camera
        self.tracks: Sequence[Track] = ()
        self.motion: Motion = STILL
        self.counters: Counter[str] = Counter()
        self.stages: Counter[str] = Counter()
        self._detector = detector
        self._tracker: Tracker = ByteTracker(TrackParams(high_score=camera.detect.confidence))
        self._origin, self._epoch, self._timer = origin, epoch, timer
        self._wanted = _wanted_classes(camera, detector.names)
        self._size: tuple[int, int] | None = None
        self._last = Detections.none(detector.names)
        self._t = 0.0
        self.blind_s = 0.0
        self._seen_t: float | None = None
        self._steps: deque[float] = deque(maxlen=5)
        self._misses: list[Miss] = []

    def step(self, frame: Frame) -> list[Event]:
        """What this frame changes: events that opened, that have a better picture, or that closed."""
        begun = self.begin(frame)
        return self.end(begun, self.look([begun])[0] if begun.looks else None)

    def begin(self, frame: Frame) -> Begun:
        """The first half of a step, up to where the detector may be needed. Every `begin` is followed by its `end`."""
        events: list[Event] = []
        if (frame.width, frame.height) != self._size:
            events += self._start(frame)
        gap = self._gap(frame.t)
        if gap:
            self._tracker.skip(gap)
            self._book.skip(self._t, gap)
            self.blind_s += gap
        self._t = t = frame.t - self.blind_s
        self.counters["frames"] += 1
        with self._stage("motion"):
            luma = frame.luma
            self.motion, change = self._motion.step(luma, t, self.tracks)
            always = self.camera.detect.always or gap > 0
            verdict: Verdict = "look" if always else self._attention.decide(change, self.tracks, t)
        if not self._looks:
            verdict = "unchanged"
        self.counters[f"frames_{verdict}"] += 1
        return Begun(frame, verdict, change, events, t)

    def look(self, begun: Sequence[Begun]) -> list[Detections]:
        """The detector's answer for the frames of one or several begun steps (also of other cameras, same detector)."""
        with self._stage("convert"):
            images = [each.frame.image for each in begun]
        with self._stage("detect"):
            return self._detector.detect(images)

    def end(self, begun: Begun, found: Detections | None) -> list[Event]:
        """The second half of a step: `found` is what the detector saw where the step `looks`.

        None where it does not, or where the detector could not look in time: tracks are then predicted.
        """
        t = begun.t
        if found is not None:
            self.counters["inferences"] += 1
            self._last = found if self._wanted is None else found.where(np.isin(found.class_id, self._wanted))
        with self._stage("track"):
            seen = self._last if found is not None or begun.verdict == "unchanged" else None
            self.tracks = self._tracker.update(seen, t) if self._looks else ()
            if found is not None:
                self._attention.looked(begun.change, self.tracks, t)
        with self._stage("rules"):
            counted = [track for track in self.tracks if self._counts(track)]
            return begun.events + self._book.step(counted, self.motion, t)

    def finish(self) -> list[Event]:
        """The end of the footage: what was still going on gets its end, and near misses are settled."""
        return self._book.finish(self._t) if self._size else []

    @property
    def near_misses(self) -> Sequence[Miss]:
        """What nearly fired so far, in the order in which it became certain."""
        return [*self._misses, *(self._book.misses if self._size else ())]

    def forget_misses(self) -> list[Miss]:
        """Hand over the near misses so far and keep none, for a camera that runs for weeks."""
        told = list(self.near_misses)
        self._misses = []
        if self._size:
            self._book.misses.clear()
        return told

    @property
    def looks_back_s(self) -> float:
        """For how long frames must be kept for events whose best moment is told of later."""
        return self._book.looks_back_s if self._size else 0.0

    def _gap(self, t: float) -> float:
        """Seconds to leave out before `t`: a source that fell silent, or skipped, for far longer than it usually does.

        Nobody has left, and nothing has lasted, while nobody looked.
        """
        before, self._seen_t = self._seen_t, t
        if before is None:
            return 0.0
        dt, usual = t - before, sorted(self._steps)[len(self._steps) // 2] if self._steps else None
        self._steps.append(dt)
        return dt - usual if usual is not None and dt > max(_GAP_S, _GAP_STEPS * usual) else 0.0

    def _start(self, frame: Frame) -> list[Event]:
        """Build what depends on the picture's size; a new size in the middle ends what was going on."""
        events = self.finish()
        self.blind_s, self._seen_t = 0.0, None
        self._misses = list(self.near_misses)
        self._size = width, height = frame.width, frame.height
        self._masks = [scaled(mask.polygon, width, height) for mask in self.camera.masks]
        self._book = RuleBook(self.camera, self.camera.view(width, height), origin=self._origin, epoch=self._epoch)
        self._looks = "tracks" in self._book.needs
        self._motion = MotionModel(width, height, self._book.needs, self._masks)
        self._attention = Attention(self._motion.gate)
        self._tracker.reset()
        self.tracks = ()
        return events

    def _counts(self, track: Track) -> bool:
        return not any(inside(track.foot, mask) for mask in self._masks)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        if self._timer is None:
            yield
            return
        before = self._timer()
        yield
        self.stages[name] += self._timer() - before  # type: ignore[assignment]  # Counter of seconds


def _wanted_classes(camera: Camera, names: Sequence[str]) -> list[int] | None:
    """Class numbers that the camera's rules look at; None for all. What was asked for by name must be known."""
    asked, usual = set(camera.detect.classes or ()), set[str]()
    everything = False
    for params in camera.rules:
        rule = rule_types()[params.type]
        if "tracks" in rule.needs:
            asked |= set(params.classes or ())
            usual |= set(rule.default_classes or ())
            everything |= rule.class_free or (params.classes is None and rule.default_classes is None)
    unknown = sorted(asked - set(names))
    if unknown:
        known = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
        raise InputError(f"camera {camera.name}: the model has no class {unknown[0]!r}; it knows {known}")
    if camera.detect.classes is not None:
        return [names.index(name) for name in sorted(camera.detect.classes)]
    return None if everything else [names.index(name) for name in sorted((asked | usual) & set(names))]
