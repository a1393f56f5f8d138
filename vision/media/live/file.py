"""A file played in real time, as if it were a camera: for trials, shows and tests."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from vision.errors import MediaError
from vision.media.file import open_container
from vision.media.live.base import SourceOptions
from vision.media.live.container import ContainerSource
from vision.media.live.faults import fault
from vision.media.live.registry import register
from vision.media.live.stamps import Arrival, Stamper

# A machine that cannot keep up plays on from where it is instead of chasing the clock
_LATE_S = 1.0


@register("file")
class FileSource(ContainerSource):
    """One file at its own pace; its times are those of the wall clock at the start plus its own."""

    transport = "file"

    def __init__(self, address: str, options: SourceOptions) -> None:
        super().__init__(address, options)
        path = unquote(urlsplit(address).path) if address.lower().startswith("file://") else address
        self._path = Path(path).expanduser()

    def _open(self) -> InputContainer:
        if not self._path.is_file():
            raise fault("no_file", self.place)
        if not os.access(self._path, os.R_OK):
            raise fault("no_file", self.place, "reading is not permitted; change the file's permissions")
        try:
            return open_container(self._path)
        except MediaError as error:
            raise fault("no_video", self.place, str(error).removeprefix(f"{self._path}: ")) from None

    def _arrivals(self, container: InputContainer, stream: VideoStream, started: float) -> Iterator[Arrival]:
        """Packets at the moments at which they are due; again from the start, with stamps that go on, if wanted."""
        stamper = Stamper(stream, self._stream_clock)
        base = float(stream.time_base or 1 / 90000)
        pace = _Pace()
        shift, end = 0, 0
        while True:
            first: int | None = None
            for packet in self._read(container, stream):
                stamp = packet.dts if packet.dts is not None else packet.pts
                if stamp is None:
                    self.counts["unstamped"] += 1
                    continue
                if first is None:
                    first = stamp
                    shift = end - first
                _shift(packet, shift)
                end = stamp + shift + max(packet.duration or 0, 1)
                self._wait(pace.delay((stamp + shift) * base, time.monotonic()))
                yield from stamper.take(packet, self._clock.now(), time.monotonic())
            if first is None or not self.options.loop:
                break
            container.seek(0, stream=stream)
        yield from self._rest(stream)
        self.over = True
        self._ended()

    def _read(self, container: InputContainer, stream: VideoStream) -> Iterator[av.Packet[VideoStream]]:
        try:
            for packet in container.demux(stream):
                if packet.size:
                    yield packet
        except av.FFmpegError:
            self.counts["unreadable"] += 1  # the rest of a damaged file

    def _rest(self, stream: VideoStream) -> Iterator[Arrival]:
        """What the decoder still holds when the packets are over."""
        flush: av.Packet[VideoStream] = av.Packet()  # type: ignore[assignment]  # of no stream until the next line
        flush.stream = stream
        now = self._clock.now()
        yield Arrival(flush, now, now, time.monotonic(), copyable=False)

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self._closed.wait(seconds)
        self._stop_if_closed()


class _Pace:
    """When a stamp is due."""

    def __init__(self) -> None:
        self._start: float | None = None

    def delay(self, stamp: float, now: float) -> float:
        """Seconds until it is."""
        if self._start is None or now - self._start - stamp > _LATE_S:
            self._start = now - stamp
        return self._start + stamp - now


def _shift(packet: av.Packet[VideoStream], ticks: int) -> None:
    if packet.pts is not None:
        packet.pts += ticks
    if packet.dts is not None:
        packet.dts += ticks
