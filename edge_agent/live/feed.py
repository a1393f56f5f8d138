"""The feed of a camera: one thread that connects, hands pictures out, and comes back after every fault.

    start -> connecting -> online -> fault -> offline -> (wait) -> online …     until stop, or a file has ended

Pictures keep one size, counting and rising times across reconnects, so that tracks and events go on over a gap.
"""

from __future__ import annotations

import contextlib
import logging
import random as _random
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_agent.live.backoff import ReconnectWait
from edge_agent.live.status import CameraState
from vision.errors import SightlineError
from vision.frame import Frame
from vision.media.live.address import redacted
from vision.media.live.base import Fault, LiveSource, PacketTap, Shot, SourceFault, SourceOptions, StreamInfo
from vision.media.live.open import open_live
from vision.media.picture import ResizedPicture

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

log = logging.getLogger("sightline.camera")

_RATE_S = 5.0
_MARK_S = 0.25
# The same remark of a camera is written so often at most
_NOTE_S = 60.0
_RISE_S = 0.001


@dataclass(frozen=True, slots=True)
class FeedState:
    """A feed at one moment.

    `fault` and `reason` are told while it is not online; no text holds a password. `since`: epoch seconds of the last
    change. `frames`: pictures decoded, `packets`, `bytes`: received. `counts`: what went wrong without ending a stream.
    `fps_in`: pictures a second over the last 5 s. `last_t`: epoch seconds of the newest picture or packet.
    """

    name: str
    state: CameraState
    since: float
    fault: Fault | None = None
    reason: str | None = None
    info: StreamInfo | None = None
    frames: int = 0
    packets: int = 0
    bytes: int = 0
    reconnects: int = 0
    faults: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    fps_in: float = 0.0
    last_t: float | None = None


class CameraFeed:
    """Pictures of one camera for weeks on end.

    `address` has its secrets filled in. `on_shot` gets each picture with the monotonic second of its arrival, `tap` each
    packet, `on_stream` what each connection turned out to be, `on_change` each change of state or kind of fault; all are
    called in the feed's thread and must be quick. With `options.decode` False there are packets alone.
    """

    def __init__(
        self,
        name: str,
        address: str,
        options: SourceOptions,
        *,
        fps: float | None,
        on_shot: Callable[[Frame, float], None],
        on_change: Callable[[FeedState], None],
        tap: PacketTap | None = None,
        on_stream: Callable[[StreamInfo], None] | None = None,
        random: Callable[[], float] = _random.random,
        opener: Callable[[str, SourceOptions], LiveSource] = open_live,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._address, self._options, self._fps = address, options, fps
        self._on_shot, self._on_change, self._on_stream, self._tap = on_shot, on_change, on_stream, tap
        self._opener, self._clock = opener, clock
        self._wait = ReconnectWait(random)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"camera-{name}", daemon=True)
        self._lock = threading.Lock()
        self._source: LiveSource | None = None
        self._state: CameraState = "connecting"
        self._since = clock()
        self._fault: Fault | None = None
        self._reason: str | None = None
        self._info: StreamInfo | None = None
        self._size: tuple[int, int] | None = None
        self._frames = self._packets = self._bytes = self._connections = 0
        self._indexed = 0
        self._faults: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._last_t: float | None = None
        self._given_t = float("-inf")
        self._online_at = 0.0
        self._marks: deque[tuple[float, int]] = deque()
        self._noted: dict[str, float] = {}

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self, timeout: float = 3.0) -> bool:
        """End; whether it did within `timeout` seconds."""
        self._stopping.set()
        with self._lock:
            source = self._source
        if source is not None:
            source.close()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def state(self) -> FeedState:
        """How it stands; from any thread."""
        with self._lock:
            counts = self._counts + Counter(dict(self._source.counts) if self._source is not None else {})
            return FeedState(
                self.name,
                self._state,
                self._since,
                fault=self._fault,
                reason=self._reason,
                info=self._info,
                frames=self._frames,
                packets=self._packets,
                bytes=self._bytes,
                reconnects=max(0, self._connections - 1),
                faults=dict(self._faults),
                counts=dict(counts),
                fps_in=self._rate(time.monotonic()),
                last_t=self._last_t,
            )

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                fault = self._watch()
                if fault is None:
                    break
                online_s = time.monotonic() - self._online_at if self._online_at else 0.0
                wait = self._wait.after(fault.fault, online_s)
                self._lost(fault, wait)
                self._stopping.wait(wait)
        finally:
            self._change("stopped", None, self._reason if self._state == "stopped" else None)

    def _watch(self) -> SourceFault | None:
        """One connection from begin to end: its fault, None where there is nothing more to do."""
        self._online_at = 0.0
        source: LiveSource | None = None
        try:
            source = self._opener(self._address, self._options)
            source.on_note = self._note
            with self._lock:
                self._source, self._indexed = source, 0
            if self._stopping.is_set():
                return None
            with source, _ended(source.shots(self._fps, self._counted)) as shots:
                for shot in shots:
                    self._give(source, shot)
            fault = SourceFault("ended", "the stream ended")
        except SourceFault as error:
            fault = error
        except SightlineError as error:  # an address that never will work
            self._finish("other", str(error))
            return None
        except Exception as error:  # noqa: BLE001  # whatever it was, this camera must come back
            fault = SourceFault("other", f"internal error: {_where(error)}")
        finally:
            self._leave()
        if self._stopping.is_set():
            return None
        if source is not None and source.over:
            self._finish(None, "the file has ended")
            return None
        if fault.fault == "no_video" and self._connections:
            # it has shown pictures before: what answers now is a server that is starting, or a relay whose camera is gone
            place = redacted(self._address)
            return SourceFault(
                "ended", f"{place}: the connection is closed before there is a picture; connecting again"
            )
        return fault

    def _leave(self) -> None:
        with self._lock:
            if self._source is not None:
                self._counts.update(dict(self._source.counts))
            self._source = None

    def _counted(self, packet: av.Packet[VideoStream], stream: VideoStream, t: float) -> None:
        with self._lock:
            self._packets += 1
            self._bytes += packet.size
            self._last_t = t
            self._mark(self._packets)
        if not self._options.decode and not self._online_at and self._source is not None:
            self._online(self._source.info)
        if self._tap is not None:
            self._tap(packet, stream, t)

    def _give(self, source: LiveSource, shot: Shot) -> None:
        picture = shot.picture
        if not self._online_at:
            self._online(source.info)
        elif source.info is not None and source.info != self._info:
            self._stream(source.info)
        if self._size is None:
            self._size = picture.size
        if picture.size != self._size:
            picture = ResizedPicture(picture, self._size)
        t = shot.t if shot.t > self._given_t else self._given_t + _RISE_S
        self._given_t = t
        with self._lock:
            self._frames += shot.index + 1 - self._indexed
            self._indexed = shot.index + 1
            self._last_t = t
            if not self._packets:
                self._mark(self._frames)
            index = self._frames - 1
        self._on_shot(Frame(picture, t=t, index=index, camera=self.name), shot.arrived)

    def _online(self, info: StreamInfo | None) -> None:
        self._online_at = time.monotonic()
        with self._lock:
            self._connections += 1
        before = self._info
        if info is not None:
            self._stream(info)
        what = _described(info)
        if before is not None and info is not None and _kind(before) != _kind(info):
            what += f", before {_described(before)}"
        log.info("%s: online (%s)", self.name, what, extra={"camera": self.name, "state": "online"})
        self._change("online", None, None)

    def _stream(self, info: StreamInfo) -> None:
        with self._lock:
            self._info = info
        if self._size is not None and (info.width, info.height) != self._size and info.width:
            self._note(
                "resized", f"pictures of {info.width}x{info.height} are shown as {self._size[0]}x{self._size[1]}"
            )
        if self._on_stream is not None:
            self._on_stream(info)

    def _lost(self, fault: SourceFault, wait: float) -> None:
        kind, reason = fault.fault, str(fault)  # a record that keeps the fault would keep its last picture too
        news = self._state != "offline" or kind != self._fault
        with self._lock:
            self._faults[kind] += 1
        extra = {"camera": self.name, "state": "offline", "fault": kind, "wait_s": round(wait, 2)}
        level = logging.WARNING if news else logging.DEBUG
        log.log(level, "%s: offline (%s): %s", self.name, kind, reason, extra=extra)
        if news:
            self._change("offline", kind, reason)

    def _finish(self, fault: Fault | None, reason: str) -> None:
        level = logging.INFO if fault is None else logging.ERROR
        log.log(level, "%s: stopped: %s", self.name, reason, extra={"camera": self.name, "state": "stopped"})
        self._change("stopped", fault, reason)

    def _change(self, state: CameraState, fault: Fault | None, reason: str | None) -> None:
        with self._lock:
            if state == self._state == "stopped":
                return
            self._state, self._fault, self._reason, self._since = state, fault, reason, self._clock()
        try:
            self._on_change(self.state)
        except Exception as error:  # noqa: BLE001  # a listener's mistake must not end the camera
            log.error("%s: a listener failed: %s", self.name, _where(error), extra={"camera": self.name})  # noqa: TRY400

    def _note(self, word: str, text: str) -> None:
        """A remark of the source, once a minute at most of each kind."""
        now = time.monotonic()
        if now - self._noted.get(word, float("-inf")) >= _NOTE_S:
            self._noted[word] = now
            log.warning("%s: %s", self.name, text, extra={"camera": self.name, "note": word})

    def _mark(self, total: int) -> None:
        now = time.monotonic()
        if not self._marks or now - self._marks[-1][0] >= _MARK_S:
            self._marks.append((now, total))
            while now - self._marks[0][0] > _RATE_S:
                self._marks.popleft()

    def _rate(self, now: float) -> float:
        """Pictures a second since the oldest mark within the last seconds."""
        marks = [mark for mark in self._marks if now - mark[0] <= _RATE_S]
        if len(marks) < 2:
            return 0.0
        total = self._packets or self._frames
        return (total - marks[0][1]) / (now - marks[0][0])


@contextlib.contextmanager
def _ended(shots: Iterator[Shot]) -> Iterator[Iterator[Shot]]:
    """A generator's own end comes here and now, not when somebody collects it: it holds a connection."""
    try:
        yield shots
    finally:
        if isinstance(shots, Generator):
            shots.close()


def _kind(info: StreamInfo) -> tuple[str, int, int]:
    return info.codec, info.width, info.height


def _described(info: StreamInfo | None) -> str:
    if info is None:
        return "nothing known"
    rate = f" at {info.fps:g} fps" if info.fps else ""
    return f"{info.codec} {info.width}x{info.height}{rate}" + (f" over {info.transport}" if info.transport else "")


def _where(error: BaseException) -> str:
    """Kind and place of a programming error; not its text, in which an address may stand."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
