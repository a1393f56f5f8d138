"""HTTP cameras: what the address gives is told by the answer (MJPEG, a picture to ask for again, a video stream)."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from vision.errors import InputError
from vision.media.live.address import parts, redacted
from vision.media.live.base import LiveSource, PacketTap, Shot, SourceOptions, StreamInfo
from vision.media.live.clock import RisingClock, wall_clock
from vision.media.live.faults import fault
from vision.media.live.http_client import Answer, Session
from vision.media.live.registry import register, source_kinds
from vision.media.sampling import Sampler

PICTURE_BYTES = 32 << 20  # a picture of more is no picture
_RISE_S = 0.001


class Reader(ABC):
    """How one kind of answer is read; found by the begin of its content type."""

    content_types: ClassVar[tuple[str, ...]]

    def __init__(self, source: HttpSource) -> None:
        self.source = source

    @abstractmethod
    def shots(self, answer: Answer, fps: float | None, tap: PacketTap | None) -> Iterator[Shot]:
        """The pictures; ends only by raising `SourceFault`."""


_readers: list[type[Reader]] = []


def answers(reader: type[Reader]) -> type[Reader]:
    """Class decorator: makes a reader known."""
    _readers.append(reader)
    return reader


@register("http", "https")
class HttpSource(LiveSource):
    """One HTTP address."""

    def __init__(self, address: str, options: SourceOptions, clock: RisingClock = wall_clock) -> None:
        self.place = redacted(address)
        self.address, self.options, self.clock = address, options, clock
        self.counts: Counter[str] = Counter()
        self.closed = threading.Event()
        try:
            home = parts(address)
        except ValueError as error:
            raise InputError(f"{self.place}: {error}") from None
        self.session = Session(home, self.place, options.connect_s, options.stall_s)
        self._last = float("-inf")
        self.started = 0.0

    def shots(self, fps: float | None = None, tap: PacketTap | None = None) -> Iterator[Shot]:
        """Connect, look at what answers, then its pictures."""
        self.started = time.monotonic()
        try:
            answer = self.session.get()
            yield from self._reader(answer).shots(answer, fps, tap)
        finally:
            self.session.release()

    def close(self) -> None:
        """Let the camera go."""
        self.closed.set()
        self.session.close()

    def _reader(self, answer: Answer) -> Reader:
        source_kinds()  # finds the readers too
        for reader in _readers:
            if answer.content_type.startswith(reader.content_types):
                return reader(self)
        kind = answer.content_type[:40] or "nothing known"
        raise fault("no_video", self.place, f"the camera answers with {kind}, no picture; check the address")

    def stop_if_closed(self) -> None:
        """Raises the fault that ends a source that was closed."""
        if self.closed.is_set():
            raise fault("ended", self.place, "closed")

    def time(self) -> float:
        """Now, in epoch seconds, later than every time before."""
        now = self.clock.now()
        self._last = now if now > self._last else self._last + _RISE_S
        return self._last

    def sees(self, codec: str, width: int, height: int, transport: str) -> None:
        """Keep `info` true to the newest picture."""
        info = self.info
        if info is not None and (info.width, info.height) != (width, height):
            self.note("changed", f"the picture changed from {info.width}x{info.height} to {width}x{height}")
        if info is None or (info.width, info.height) != (width, height):
            self.info = StreamInfo(codec, width, height, transport=transport)

    def note(self, word: str, text: str) -> None:
        """Count and tell."""
        self.counts[word] += 1
        if self.on_note is not None:
            self.on_note(word, text)


def sampler_of(fps: float | None) -> Sampler | None:
    """A sampler, where not every picture is wanted."""
    return Sampler(fps) if fps else None
