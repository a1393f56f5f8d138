"""What a report is made from. Plain values; whoever replays footage fills them.

Times are seconds from the start of the clip, places 0..1 of the picture, CPU time in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vision.events import Event
from vision.geometry import Point
from vision.language.base import Locale


@dataclass(frozen=True, slots=True)
class TrackPath:
    """Where one object went: `points` are (t, x, y) of its foot point, in order of time."""

    id: int
    label: str
    points: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True)
class NearMissRow:
    """Something that a rule held back: the gate and its text ("dwell 2.1 s < 3 s").

    `fraction` 0..1 says how near it came; `count` how many of the same the row stands for.
    """

    rule: str
    gate: str
    text: str
    start: float
    end: float
    fraction: float | None = None
    zone: str | None = None
    label: str | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class ClipReport:
    """One clip: what it is, what happened in it, what it cost.

    `stages` is CPU time by stage; `dropped` counts frames that were not looked at by reason; `counters` any other numbers
    worth showing. `zones` and `lines` are drawn with the tracks over `background_jpeg`.
    """

    name: str
    camera: str
    width: int = 0
    height: int = 0
    duration_s: float = 0.0
    fps: float | None = None
    events: tuple[Event, ...] = ()
    near_misses: tuple[NearMissRow, ...] = ()
    stages: Mapping[str, float] = field(default_factory=dict)
    counters: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tracks: tuple[TrackPath, ...] = ()
    background_jpeg: bytes | None = None
    zones: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    lines: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Totals:
    """Over all clips. A value that is not known is None and its tile is left out."""

    footage_s: float = 0.0
    wall_s: float | None = None
    cpu_s: float | None = None
    frames: int | None = None
    frames_sampled: int | None = None
    inferences: int | None = None

    @property
    def speed(self) -> float | None:
        """Seconds of footage for each second of waiting."""
        return self.footage_s / self.wall_s if self.wall_s else None

    @property
    def cpu_s_per_camera_hour(self) -> float | None:
        """CPU seconds that one hour of one camera takes."""
        return self.cpu_s / self.footage_s * 3600 if self.cpu_s is not None and self.footage_s else None


@dataclass(frozen=True, slots=True)
class ReportData:
    """A whole report. `generated_from` says in a line what made it (command, model); no date unless it holds one."""

    title: str
    generated_from: str = ""
    locale: Locale = "en"
    config_text: str = ""
    clips: tuple[ClipReport, ...] = ()
    totals: Totals = Totals()
    notes: tuple[str, ...] = ()
    clip_budget_bytes: int = 24_000_000
