"""Pictures and clips of live events, written beside the pipeline's way: nothing that looks at pictures waits for a disk.

    opened --> recording: ring, then live packets --end + post_s or max_s--> finishing: plain MP4 --> attach

Two threads: one follows the rings while events go on, one makes the finished clips (which may have to be encoded).
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import av

from edge_agent.config import CameraConfig, EvidenceConfig
from edge_agent.files import dated, write_whole
from edge_agent.snapshot import draw, encode_jpeg
from vision.errors import MediaError, OutsideError, SightlineError
from vision.events import Event, Evidence
from vision.frame import Picture
from vision.media.recording import MakeRoom, Recording, finish_clip, no_room
from vision.media.ring import PacketRing
from vision.rules.base import RuleParams, View, rule_types

log = logging.getLogger("sightline.evidence")

_STEP_S = 0.5  # how often the rings are looked at while something is recorded
_GRACE_S = 3.0  # packets come that much late; after it a clip ends without those that are missing
_RETRY_S = 10.0  # evidence that the store could not be told of
_MARGIN_S = 3.0
_DOUBT = 2.0  # rules that wait longer where they are not sure
# Parameters of rules that say how long something lasts before it is told
_DWELLS = frozenset(
    {"seconds", "min_seconds", "max_seconds", "top_seconds", "drop_seconds", "frozen_seconds", "hold_seconds"}
)
_in_hand: set[Path] = set()  # parts of this process, also of an instance that is about to go: nothing to recover
_NICE = 5  # finishing clips yields to looking at pictures


class Room(Protocol):
    """Who keeps the evidence within its space; `edge_agent.live.retention` has the real one."""

    def wrote(self, size: int) -> None:
        """So many bytes more (or fewer) are in use."""

    def make_room(self, size: int) -> bool:
        """Delete the least valuable until so many bytes fit; False where nothing could be freed."""


@dataclass(frozen=True, slots=True)
class EvidenceStats:
    """Since the start; `cpu_s` of the own threads, `recording` clips right now."""

    snapshots: int = 0
    snapshots_failed: int = 0
    clips: int = 0
    clips_failed: int = 0
    bytes: int = 0
    cpu_s: float = 0.0
    recording: int = 0


@dataclass(slots=True)
class _Take:
    """A clip in the making. `event` as last told."""

    event: Event
    target: Path
    recording: Recording | None
    closed: bool = False


def pictured(event: Event) -> bool:
    """Whether events of this type have a picture and a clip."""
    rule = rule_types().get(event.type)
    return rule is not None and rule.pictured


def ring_seconds(camera: CameraConfig, config: EvidenceConfig) -> float:
    """How much of the camera's stream must be held, so that a clip can begin `pre_s` before the longest dwell of a rule."""
    return config.pre_s + max((_dwell(rule) for rule in camera.rules), default=0.0) + _MARGIN_S


def _dwell(rule: RuleParams) -> float:
    """How long before its alarm an event may have begun."""
    if not rule_types()[rule.type].pictured:
        return 0.0
    dwell = sum(float(getattr(rule, name)) for name in _DWELLS if hasattr(rule, name))
    return dwell * (_DOUBT if rule.type == "left_object" else 1.0)


class LiveEvidence:
    """Writes `snapshots/YYYY-MM-DD/<id>.jpg` and `clips/YYYY-MM-DD/<id>.mp4` (day of the event's start, UTC) in `folder`.

    `attach(event_id, evidence)` is called from a thread of its own, once for each event that `planned_clip` has a path
    for: when the clip is whole, or (without the clip) when it is certain that there will be none; where it raises
    `OutsideError`, again later. No method raises. `clock` gives epoch seconds UTC.
    """

    def __init__(
        self,
        folder: Path,
        config: EvidenceConfig,
        attach: Callable[[str, Evidence], None],
        clock: Callable[[], float] = time.time,
        *,
        room: Room | None = None,
    ) -> None:
        self.stats = EvidenceStats()
        self._folder, self._config, self._attach, self._clock, self._room = folder, config, attach, clock, room
        self._make_room: MakeRoom = no_room if room is None else room.make_room
        self._lock = threading.Lock()
        self._pictures: dict[str, str] = {}  # of events that are not over: where their picture lies
        self._better: dict[
            str, tuple[Event, Picture, View | None]
        ] = {}  # waiting to be drawn, the newest of each event
        self._takes: dict[str, _Take] = {}
        self._orders: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._finished: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._recorder = threading.Thread(target=self._record, name="evidence", daemon=True)
        self._finisher = threading.Thread(target=self._finish, name="evidence-clips", daemon=True)
        self._unattached: dict[str, Evidence] = {}
        self._complained = False

    def start(self) -> None:
        """Begin to work; clips that a crash left half written are finished first."""
        parts = sorted(set(self._folder.glob("clips/*/*.mp4.part")) - _in_hand)
        self._finished.put(lambda: self._recover(parts))
        self._recorder.start()
        self._finisher.start()

    def snapshot(self, event: Event, picture: Picture, view: View | None) -> str | None:
        """Write the event's picture: the first one at once, a better one soon, in the place of the one before.

        The path relative to the folder; None where there is no picture to be, or it cannot be written. Of several better
        ones in a row only the last may be written.
        """
        if not self._config.snapshots or not pictured(event):
            return None
        name = dated("snapshots", event, ".jpg")
        with self._lock:
            if event.id not in self._pictures:
                self._pictures[event.id] = name
            else:
                waiting = event.id in self._better
                self._better[event.id] = (event, picture, view)
                if not waiting:
                    self._orders.put(lambda: self._improve(event.id, name))
                return name
        if self._drawn(name, event, picture, view):
            return name
        with self._lock:
            self._pictures.pop(event.id, None)
        return None

    def planned_clip(self, event: Event) -> str | None:
        """Where its clip will be, relative to the folder; None where it gets none."""
        return dated("clips", event, ".mp4") if self._config.clips and pictured(event) else None

    def opened(self, event: Event, ring: PacketRing | None) -> None:
        """Begin its clip; `ring` holds the packets of its camera."""
        name = self.planned_clip(event)
        if name is not None:
            self._orders.put(lambda: self._begin(event, self._folder / name, ring))

    def closed(self, event: Event) -> None:
        """It is over: the clip ends `post_s` later."""
        self._orders.put(lambda: self._end(event))

    def configure(self, config: EvidenceConfig) -> None:
        """From now on keep this; clips that are being recorded end by it, too."""
        self._config = config

    def finish(self, timeout: float) -> bool:
        """Write what there is and stop; False where that took longer than `timeout` seconds.

        What is not done by then is done at the next start.
        """
        deadline = time.monotonic() + timeout
        self._orders.put(None)
        for thread in (self._recorder, self._finisher):
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        return not (self._recorder.is_alive() or self._finisher.is_alive())

    def _record(self) -> None:
        """The thread that follows the rings."""
        running = True
        while running:
            with suppress(queue.Empty):
                order = self._orders.get(timeout=_STEP_S if self._takes else None)
                running = order is not None
                while order is not None:
                    _guarded(order)
                    order = self._orders.get_nowait()
                    running = order is not None
            started = time.thread_time()
            for take in tuple(self._takes.values()):
                if self._stepped(take) or not running:
                    self._hand_over(take)
            self._count(cpu_s=time.thread_time() - started, recording=len(self._takes) - self.stats.recording)
        self._finished.put(None)

    def _finish(self) -> None:
        """The thread that makes clips of what is recorded."""
        with suppress(AttributeError, OSError):  # not on every system
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        running = True
        while running:
            order = None
            with suppress(queue.Empty):
                order = self._finished.get(timeout=_RETRY_S if self._unattached else None)
                running = order is not None
            started = time.thread_time()
            for event_id, evidence in tuple(self._unattached.items()):
                _guarded(partial(self._tell, event_id, evidence))
            if order is not None:
                _guarded(order)
            self._count(cpu_s=time.thread_time() - started)

    def _begin(self, event: Event, target: Path, ring: PacketRing | None) -> None:
        recording = None
        if event.id in self._takes:
            return
        if ring is not None:
            part = target.with_name(target.name + ".part")
            _in_hand.add(part)
            first = event.start - self._config.pre_s
            recording = Recording(ring, part, first, self._make_room, essential=event.opened)
        self._takes[event.id] = _Take(event, target, recording, closed=event.state == "closed")

    def _improve(self, event_id: str, name: str) -> None:
        with self._lock:
            better = self._better.pop(event_id)
        self._drawn(name, *better)

    def _drawn(self, name: str, event: Event, picture: Picture, view: View | None) -> bool:
        try:
            self._write(self._folder / name, encode_jpeg(draw(picture.bgr(), event, view)))
        except (OSError, SightlineError) as error:
            self._count(snapshots_failed=1)
            self._complain("picture", event, error)
            return False
        self._count(snapshots=1)
        self._complained = False
        return True

    def _end(self, event: Event) -> None:
        take = self._takes.get(event.id)
        if take is not None:
            take.event, take.closed = event, True
        else:
            self._pictures.pop(event.id, None)

    def _stepped(self, take: _Take) -> bool:
        """Take what is new; whether the recording is over."""
        recording, event = take.recording, take.event
        if recording is None:
            return True
        longest = event.opened + self._config.max_s
        end = longest if not take.closed else min(event.start if event.end is None else event.end, longest)
        last = max(end, event.start) + self._config.post_s
        late = self._clock() > last + _GRACE_S
        try:
            take.target.parent.mkdir(parents=True, exist_ok=True)
            recording.step(last)
        except (OSError, av.FFmpegError, ValueError) as error:
            recording.done = True
            self._complain("clip", event, error)
        return recording.done or late

    def _hand_over(self, take: _Take) -> None:
        """Close the part and let the clip be made of it."""
        self._takes.pop(take.event.id, None)
        recording = take.recording
        if recording is not None:
            try:
                recording.close()
            except (OSError, av.FFmpegError) as error:
                self._complain("clip", take.event, error)
            if recording.note is not None:
                log.info("clip of %s: %s", take.event.id, recording.note, extra=_about(take.event))
        self._finished.put(lambda: self._conclude(take))

    def _conclude(self, take: _Take) -> None:
        """The clip, and the news of it."""
        event, clip = take.event, None
        if take.recording is not None and take.recording.part.exists():
            clip = self._clip(take.recording.part, take.target, event)
        else:
            log.warning("no clip of %s: no packets of its time", event.id, extra=_about(event))
            self._count(clips_failed=1)
        if take.recording is not None:
            _in_hand.discard(take.recording.part)
        with self._lock:
            picture = self._pictures.get(event.id)
            if take.closed:
                self._pictures.pop(event.id, None)
        self._tell(event.id, Evidence(snapshot=picture, clip=clip))

    def _tell(self, event_id: str, evidence: Evidence) -> None:
        """The news that a clip is whole; again later where the store cannot be reached."""
        self._unattached.pop(event_id, None)
        try:
            self._attach(event_id, evidence)
        except OutsideError as error:
            self._unattached[event_id] = evidence
            log.warning("evidence of %s is told of later: %s", event_id, error)

    def _clip(self, part: Path, target: Path, event: Event | None) -> str | None:
        """The clip's path relative to the folder, None where it cannot be made."""
        try:
            clip = finish_clip(part, target, self._make_room)
        except SightlineError as error:
            self._count(clips_failed=1)
            self._complain("clip", event, error)
            if isinstance(error, MediaError):  # there is nothing in it, and never will be
                part.unlink(missing_ok=True)
            return None
        self._count(clips=1, bytes=clip.size)
        self._complained = False
        if self._room is not None:
            self._room.wrote(clip.size)
        return target.relative_to(self._folder).as_posix()

    def _recover(self, parts: list[Path]) -> None:
        """Clips that were being written when the program ended: what there is of them is finished now."""
        for part in parts:
            target = part.with_suffix("")
            clip = self._clip(part, target, None)
            if clip is not None:
                picture = f"snapshots/{target.parent.name}/{target.stem}.jpg"
                there = (self._folder / picture).exists()
                log.info("clip of %s: finished after a restart", target.stem)
                self._tell(target.stem, Evidence(snapshot=picture if there else None, clip=clip))

    def _write(self, path: Path, data: bytes) -> None:
        """The whole file or none."""
        more = write_whole(path, data, self._make_room)
        self._count(bytes=len(data))
        if self._room is not None:
            self._room.wrote(more)

    def _count(self, **more: float) -> None:
        with self._lock:
            now = self.stats
            self.stats = replace(now, **{key: getattr(now, key) + value for key, value in more.items()})

    def _complain(self, what: str, event: Event | None, error: Exception) -> None:
        """One line until something could be written again."""
        if not self._complained:
            reason = getattr(error, "strerror", None) or error
            log.error("no %s%s: %s", what, f" of {event.id}" if event else "", reason, extra=_about(event))
        self._complained = True


def _about(event: Event | None) -> dict[str, str]:
    return {} if event is None else {"camera": event.camera, "event": event.id}


def _guarded(order: Callable[[], None]) -> None:
    """Whatever happens with one event, the thread goes on with the next."""
    try:
        order()
    except Exception:
        log.exception("evidence of an event is lost")
