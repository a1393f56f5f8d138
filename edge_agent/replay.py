"""Recorded footage through the pipeline: what `sightline replay` does, without its terminal."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2

from edge_agent.config import CameraConfig, Config
from edge_agent.config.detector import open_model
from edge_agent.evidence import EvidenceKeeper
from edge_agent.language.asked import AskedKeeper
from edge_agent.language.service import Shot, ask_about, shown_of
from edge_agent.language.settings import asking_for, model_settings
from vision.detect.session import OnnxDetector
from vision.errors import MediaError
from vision.events import Event
from vision.frame import Frame
from vision.geometry import Box
from vision.language.crops import Chosen
from vision.language.model import LanguageModel, NoAnswer
from vision.language.template import summarize
from vision.media.clip import Clip
from vision.media.reader import check_exists, open_clip
from vision.pipeline import Pipeline
from vision.rulebook import Miss
from vision.rules.base import View

Progress = Callable[[Path, float, float | None], None]  # clip, seconds done, seconds in all


@dataclass(frozen=True, slots=True)
class TrackRow:
    """One track in one sampled frame; `frame` counts from 1, `box` in pixels."""

    frame: int
    t: float
    id: int
    label: str
    box: Box
    score: float


@dataclass(slots=True)
class ClipResult:
    """All that came out of one clip: seconds of footage, CPU seconds by stage, counters by name, or why it failed."""

    path: Path
    name: str
    camera: CameraConfig
    error: MediaError | None = None
    width: int = 0
    height: int = 0
    fps: float | None = None
    seconds: float = 0.0
    frames: int = 0
    events: list[Event] = field(default_factory=list)
    misses: Sequence[Miss] = ()
    tracks: list[TrackRow] = field(default_factory=list)
    stages: Counter[str] = field(default_factory=Counter)
    counters: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    background: Frame | None = None
    shown: dict[str, Chosen] = field(default_factory=dict)  # by event: what the language model is to be shown
    unanswered: list[str] = field(default_factory=list)  # why the language model told nothing, for each such event

    @property
    def view(self) -> View | None:
        """Zones and lines in pixels of this clip; None where it had no frame."""
        return self.camera.view(self.width, self.height) if self.frames else None


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """How to replay.

    `real` in the footage's own speed, `epoch` the wall-clock time of a clip's start (seconds UTC), `jobs` clips at the same
    time, `image_fps` for folders of pictures.
    """

    real: bool = False
    epoch: float | None = None
    jobs: int = 1
    image_fps: float = 10.0


def camera_for(config: Config, clip: Path, name: str | None) -> CameraConfig:
    """The camera whose rules hold for a clip: the one asked for, the one called like the file, or the only one."""
    if name is None:
        for camera in config.cameras:
            if camera.name == clip.stem:
                return camera
    return config.camera(name)


def replay(
    config: Config,
    clips: Sequence[Path],
    out: Path,
    *,
    camera: str | None = None,
    options: ReplayOptions = ReplayOptions(),
    detector: OnnxDetector | None = None,
    progress: Progress | None = None,
    language: LanguageModel | None = None,
) -> list[ClipResult]:
    """Replay `clips` with `config` and write evidence below `out`; results in the order of the clips.

    A clip that cannot be read has its error in its result; the others are replayed all the same. Raises `InputError` where
    a path leads nowhere or the config does not fit, before anything is done.
    """
    for clip in clips:
        check_exists(clip)
    cameras = [camera_for(config, clip, camera) for clip in clips]
    asked = _asked(config, out) if language is not None else None
    run = _Run(config, out, options, detector or open_model(config.model), progress, language, asked)
    out.mkdir(parents=True, exist_ok=True)
    names = _names(clips)
    cv2.setNumThreads(1)  # clips run side by side; threads within one small picture only cost (5 % of the CPU)
    if options.jobs <= 1 or len(clips) == 1:
        results = [run.clip(*item) for item in zip(clips, names, cameras, strict=True)]
    else:
        with ThreadPoolExecutor(options.jobs, thread_name_prefix="replay") as pool:
            results = list(pool.map(run.clip, clips, names, cameras))
    for result in results:  # one after the other: a model that has read other questions before may answer otherwise
        run.describe(result)
    return results


@dataclass(frozen=True, slots=True)
class _Run:
    """What the clips of one replay have in common."""

    config: Config
    out: Path
    options: ReplayOptions
    detector: OnnxDetector
    progress: Progress | None
    language: LanguageModel | None = None
    asked: AskedKeeper | None = None

    def clip(self, path: Path, name: str, camera: CameraConfig) -> ClipResult:
        """Replay one clip."""
        result = ClipResult(path, name, camera)
        try:
            with open_clip(path, camera=camera.name, image_fps=self.options.image_fps) as clip:
                keeper = self._watch(clip, result)
        except MediaError as error:
            result.error = error
            return result
        pictures = keeper.pictures
        with _spent(result.stages, "evidence"):
            events, notes = keeper.write(path, self.out, result.view, image_fps=self.options.image_fps)
        result.notes += notes
        locale = self.config.language.locale
        events = [e.model_copy(update={"clip": name, "summary": summarize(e, locale)}) for e in events]
        result.events = events
        if self.language is not None:
            shown = {e.id: Shot(pictures[e.id], e.box, e.at) for e in events if e.id in pictures}
            asking = asking_for(self.config)
            result.shown = {e.id: shown_of(e, [shown[e.id]], asking) for e in events if e.id in shown}
        return result

    def describe(self, result: ClipResult) -> None:
        """Have the language model look at the pictures of the clip's events, where there is one."""
        if self.language is not None:
            with _spent(result.stages, "language"):
                result.events = [self._described(event, result) for event in result.events]
            result.shown.clear()

    def _described(self, event: Event, result: ClipResult) -> Event:
        """The event with what the model sees in its picture; as it is where it does not answer."""
        chosen, asking = result.shown.get(event.id), asking_for(self.config)
        if chosen is None or self.language is None:
            return event
        try:
            answered = ask_about(self.language, event, chosen, asking, self.config.language.deadline_s)
        except NoAnswer as error:
            result.unanswered.append(f"{event.type} at {event.start:.1f} s: {error.failure}: {error}")
            return event
        if self.asked is not None:
            self.asked.keep(event, answered)
        told = answered.of(event, asking).model_copy(update={"latency_s": 0.0})  # two runs give the same bytes
        words = told.summary().model_copy(update={"latency_s": None})
        return event.model_copy(update={"summary": words, "described": told.model_dump(mode="json")})

    def _watch(self, clip: Clip, result: ClipResult) -> EvidenceKeeper:
        """Every sampled frame through the pipeline; what comes out goes into `result` and the keeper."""
        camera = result.camera
        pipeline = Pipeline(camera, self.detector, origin=result.name, epoch=self.options.epoch, timer=time.thread_time)
        keeper = EvidenceKeeper(self.config.evidence, pictures=self.language is not None)
        for frame in _timed(clip.frames(camera.detect.fps), result.stages, paced=self.options.real):
            keeper.take(pipeline.step(frame), frame)
            result.background = result.background or frame
            result.tracks += [
                TrackRow(frame.index + 1, frame.t, track.id, track.label, track.box, track.score)
                for track in pipeline.tracks
            ]
            if self.progress is not None:
                self.progress(clip.path, frame.t, clip.duration_s)
        keeper.close(pipeline.finish())
        result.width, result.height, result.fps = clip.width, clip.height, clip.fps
        result.seconds, result.frames = clip.duration_s or 0.0, clip.frames_read
        result.stages.update(pipeline.stages)
        result.counters.update(pipeline.counters)
        result.notes += clip.notes
        result.misses = pipeline.near_misses
        return keeper


def _asked(config: Config, out: Path) -> AskedKeeper:
    """Keeps what the language model is asked, beside pictures and clips."""
    settings = model_settings(config.language)
    return AskedKeeper(out, settings, locale=config.language.locale, pictures=config.evidence.snapshots)


def _names(clips: Sequence[Path]) -> list[str]:
    """What to call each clip: its file name, with its folder where two have the same."""
    plain = [clip.resolve().name for clip in clips]
    return [
        name if plain.count(name) == 1 else "/".join(clip.resolve().parts[-2:])
        for clip, name in zip(clips, plain, strict=True)
    ]


@contextmanager
def _spent(stages: Counter[str], name: str) -> Iterator[None]:
    """Add the CPU time of this thread to a stage."""
    before = time.thread_time()
    yield
    stages[name] += time.thread_time() - before  # type: ignore[assignment]  # a Counter of seconds


def _timed(frames: Iterator[Frame], stages: Counter[str], *, paced: bool) -> Iterator[Frame]:
    """The same frames, with the CPU time of reading them added to `stages`, and in real time if `paced`."""
    began = time.monotonic()
    while True:
        with _spent(stages, "read"):
            frame = next(frames, None)
        if frame is None:
            return
        if paced:
            time.sleep(max(0.0, frame.t - (time.monotonic() - began)))
        yield frame
