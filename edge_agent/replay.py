"""Recorded footage through the pipeline: what `sightline replay` does, without its terminal."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.config import CameraConfig, Config
from edge_agent.config.detector import open_model
from edge_agent.evidence import EvidenceKeeper
from vision.detect.session import OnnxDetector
from vision.events import Event
from vision.frame import Frame
from vision.geometry import Box
from vision.language.template import summarize
from vision.media.clip import Clip
from vision.media.reader import open_clip
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
    """All that came out of one clip. Seconds of footage, CPU seconds by stage, counters by name."""

    path: Path
    camera: CameraConfig
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
) -> list[ClipResult]:
    """Replay `clips` with `config` and write evidence below `out`; results in the order of the clips.

    Raises a `SightlineError` when a clip cannot be read at all or the config does not fit.
    """
    cameras = [camera_for(config, clip, camera) for clip in clips]
    detector = detector or open_model(config.model)
    opened = [
        open_clip(clip, camera=cam.name, image_fps=options.image_fps) for clip, cam in zip(clips, cameras, strict=True)
    ]
    out.mkdir(parents=True, exist_ok=True)

    def one(clip: Clip, cam: CameraConfig) -> ClipResult:
        with clip:
            return _replay_clip(clip, cam, config, detector, out, options, progress)

    if options.jobs <= 1 or len(clips) == 1:
        return [one(clip, cam) for clip, cam in zip(opened, cameras, strict=True)]
    with ThreadPoolExecutor(options.jobs, thread_name_prefix="replay") as pool:
        return list(pool.map(one, opened, cameras))


def _replay_clip(
    clip: Clip,
    camera: CameraConfig,
    config: Config,
    detector: OnnxDetector,
    out: Path,
    options: ReplayOptions,
    progress: Progress | None,
) -> ClipResult:
    result = ClipResult(clip.path, camera)
    pipeline = Pipeline(camera, detector, origin=clip.path.name, epoch=options.epoch, timer=time.thread_time)
    keeper = EvidenceKeeper(config.evidence)
    for frame in _timed(clip.frames(camera.detect.fps), result.stages, paced=options.real):
        events = pipeline.step(frame)
        keeper.take(events, frame)
        result.background = result.background or frame
        result.tracks += [
            TrackRow(frame.index + 1, frame.t, track.id, track.label, track.box, track.score)
            for track in pipeline.tracks
        ]
        if progress is not None:
            progress(clip.path, frame.t, clip.duration_s)
    keeper.close(pipeline.finish())
    result.width, result.height, result.fps = clip.width, clip.height, clip.fps
    result.seconds, result.frames = clip.duration_s or 0.0, clip.frames_read
    result.stages.update(pipeline.stages)
    result.counters.update(pipeline.counters)
    result.notes += clip.notes
    result.misses = pipeline.near_misses
    before = time.thread_time()
    kept, notes = keeper.write(clip.path, out, result.view, image_fps=options.image_fps)
    result.stages["evidence"] += time.thread_time() - before  # type: ignore[assignment]  # seconds
    result.notes += notes
    locale = config.language.locale
    result.events = [
        event.model_copy(update={"clip": clip.path.name, "summary": summarize(event, locale)}) for event in kept
    ]
    return result


def _timed(frames: Iterator[Frame], stages: Counter[str], *, paced: bool) -> Iterator[Frame]:
    """The same frames, with the CPU time of reading them added to `stages`, and in real time if `paced`."""
    began = time.monotonic()
    while True:
        before = time.thread_time()
        frame = next(frames, None)
        stages["read"] += time.thread_time() - before  # type: ignore[assignment]  # seconds
        if frame is None:
            return
        if paced:
            time.sleep(max(0.0, frame.t - (time.monotonic() - began)))
        yield frame
