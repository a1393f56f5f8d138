"""What the running agent tells of itself: the seam between its inside and everything that shows it (API, view, metrics)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from edge_agent.language.status import LanguageStatus
from vision.delivery.records import OutboxStats
from vision.delivery.store import Store
from vision.events import Event

CameraState = Literal["connecting", "online", "offline", "stopped"]


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """One camera at one moment.

    `fault` is one of `vision.media.live.base.Fault` while not online, `reason` the line for people (no password in it).
    `source` is the address without its password. `fps_in`, `fps_detect`: over the last seconds. `last_t`: epoch seconds
    UTC of the newest picture. `drops`: frames not looked at, by reason. `stages`: CPU seconds by stage. `seen`: counters
    of the pipeline (frames, inferences, …). `latency_s`: from the arrival of a picture to the end of its step, newest.
    """

    name: str
    state: CameraState
    source: str = ""
    fault: str | None = None
    reason: str | None = None
    since: float = 0.0
    codec: str = ""
    width: int = 0
    height: int = 0
    transport: str = ""
    fps_in: float = 0.0
    fps_detect: float = 0.0
    last_t: float | None = None
    frames: int = 0
    packets: int = 0
    bytes: int = 0
    reconnects: int = 0
    drops: Mapping[str, int] = field(default_factory=dict)
    faults: Mapping[str, int] = field(default_factory=dict)
    seen: Mapping[str, int] = field(default_factory=dict)
    stages: Mapping[str, float] = field(default_factory=dict)
    latency_s: float | None = None
    latencies: Mapping[float, int] = field(default_factory=dict)  # histogram: upper bound in seconds -> count
    latency_sum_s: float = 0.0
    queue_age_s: float = 0.0
    tracks: int = 0
    moving: bool = False
    open_events: int = 0
    events: Mapping[str, int] = field(default_factory=dict)  # opened since the start, by type
    ring_s: float = 0.0
    ring_bytes: int = 0


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """The whole agent at one moment."""

    version: str
    started: float
    config: str
    cameras: Sequence[CameraStatus]
    outbox: OutboxStats
    targets: Mapping[str, str] = field(default_factory=dict)  # alert target -> "ok" or what is wrong
    model: str = ""
    evidence_bytes: int = 0
    disk_free_bytes: int = 0
    config_error: str | None = None  # why the last reload was refused
    language: LanguageStatus | None = None  # None where the template words all events


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What a reload did: names of cameras and targets that were started, stopped, restarted; or why it was refused."""

    ok: bool
    error: str | None = None
    started: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


class Subscription(Protocol):
    """Events as they are committed, for one listener. Used in the event loop."""

    async def get(self) -> tuple[str, Event]:
        """The next change: its stage (opened, updated, described, closed) and the event as it is then."""

    def close(self) -> None:
        """Listen no more."""


class AgentView(Protocol):
    """What the API and the terminal may ask of the agent; every call is quick and safe from any thread."""

    @property
    def store(self) -> Store:
        """The store; its calls block, so ask it from a thread."""

    def status(self) -> AgentStatus:
        """How things stand."""

    def ready(self) -> list[str]:
        """What is missing for the agent to do its work; empty when it does."""

    def picture(self, camera: str, *, overlay: bool = True, width: int | None = None) -> tuple[float, bytes] | None:
        """The newest picture of a camera (its time in epoch seconds, JPEG), with boxes, zones and lines drawn if wanted.

        None while there is none; KeyError for an unknown camera. Takes milliseconds: call it in a thread.
        """

    def subscribe(self) -> Subscription:
        """Listen to events from now on; a listener that is too slow loses the oldest."""

    async def reload(self) -> Reloaded:
        """Read the config file again and apply what changed."""
