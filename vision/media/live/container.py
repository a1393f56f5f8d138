"""What all sources that FFmpeg reads have in common: connecting, packets in time, pictures, and the watch over both."""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator
from typing import Never

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from vision.media.live.address import redacted
from vision.media.live.attempt import Abandoned, Attempt
from vision.media.live.base import LiveSource, PacketTap, Shot, SourceOptions, StreamInfo
from vision.media.live.clock import RisingClock, StreamClock, wall_clock
from vision.media.live.faults import fault, fault_of
from vision.media.live.stamps import Arrival, Stamper
from vision.media.picture import UPRIGHT, DecodedPicture, SharedConverter, orientation
from vision.media.sampling import Sampler

# So often a silent stream is looked after: whether it was closed, whether it has stalled.
TICK_S = 0.5
# So many read errors in a row and the stream is given up; single ones are stepped over.
_READ_ERRORS = 50
# A damaged picture is shown only where there was no sound one for so long.
_STARVED_S = 1.0


class ContainerSource(LiveSource):
    """A source that FFmpeg opens; what is special about a kind is its `_open`."""

    transport = ""

    def __init__(self, address: str, options: SourceOptions, clock: RisingClock = wall_clock) -> None:
        self.place = redacted(address)
        self.options = options
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self._closed = threading.Event()
        self._stream_clock = StreamClock(max(10.0, 2 * options.stall_s), self._note)
        self._converter = SharedConverter()
        self._turn = UPRIGHT
        self._index = 0
        self._sound_until = 0.0

    @property
    def clock_skew(self) -> float | None:
        """The camera's clock minus this machine's in seconds, None while the camera has not told it."""
        return self._stream_clock.skew

    @abstractmethod
    def _open(self) -> InputContainer:
        """The opened container; runs in a thread of its own and may take its time."""

    def close(self) -> None:
        """Let the camera go."""
        self._closed.set()

    def shots(self, fps: float | None = None, tap: PacketTap | None = None) -> Iterator[Shot]:
        """Connect, then the pictures as they arrive."""
        started = time.monotonic()
        sampler = Sampler(fps) if fps else None
        container = self._connected()
        try:
            stream = self._video(container)
            for arrival in self._arrivals(container, stream, started):
                if self.info is None and not self.options.decode:
                    self._set_info(stream, stream.codec_context.width, stream.codec_context.height)
                if tap is not None and arrival.copyable:
                    tap(arrival.packet, stream, arrival.t)
                if not self.options.decode:
                    continue
                for frame in self._decoded(arrival):
                    yield from self._shot(frame, arrival, stream, sampler)
                self._watch_pictures(arrival.mono, started)
        finally:
            container.close()

    def _connected(self) -> InputContainer:
        try:
            attempt = Attempt(self._open, lambda container: container.close())
            return attempt.wait(self.options.connect_s, self._closed)
        except Abandoned:
            self._stop_if_closed()
            raise fault("timeout", self.place) from None
        except Exception as error:  # noqa: BLE001  # whatever the outside does becomes a fault, without its text
            raise fault_of(error, self.place) from None

    def _video(self, container: InputContainer) -> VideoStream:
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams or streams[0].codec_context is None:
            raise fault("no_video", self.place)
        stream = streams[0]
        # One thread per camera: FFmpeg's own threads cost 5 to 35 % more CPU for the same pictures
        stream.thread_type = "NONE"
        stream.thread_count = 1
        return stream

    def _arrivals(self, container: InputContainer, stream: VideoStream, started: float) -> Iterator[Arrival]:
        """Packets with their times, until the stream ends, stalls or is closed."""
        stamper = Stamper(stream, self._stream_clock)
        heard, errors = 0.0, 0
        while True:
            try:
                for packet in container.demux(stream):
                    self._stop_if_closed()
                    if not packet.size:
                        self._ended()
                    heard, errors = time.monotonic(), 0
                    yield from stamper.take(packet, self._clock.now(), heard)
                self._ended()
            except av.error.ExitError:  # nothing came within a tick; reading goes on where it was
                self._stop_if_closed()
                self._watch_silence(heard, started)
            except (av.FFmpegError, OSError) as error:
                self._stop_if_closed()
                errors += 1
                if not isinstance(error, av.error.InvalidDataError) or errors > _READ_ERRORS:
                    raise fault_of(error, self.place, opened=True) from None
                self.counts["unreadable"] += 1

    def _watch_silence(self, heard: float, started: float) -> None:
        now = time.monotonic()
        if heard and now - heard > self.options.stall_s:
            raise fault("stall", self.place)
        if not heard and now - started > self.options.connect_s:
            raise fault("timeout", self.place, self._silent())

    def _silent(self) -> str:
        return "connected, but no data comes; restart the camera if it stays"

    def _watch_pictures(self, now: float, started: float) -> None:
        """Packets that never become a picture are no better than silence."""
        waited = now - (self._sound_until or started)
        if waited > max(self.options.connect_s, 2 * self.options.stall_s):
            raise fault("damaged" if self._index else "no_video", self.place)

    def _stop_if_closed(self) -> None:
        if self._closed.is_set():
            raise fault("ended", self.place, "closed")

    def _ended(self) -> Never:
        raise fault("ended", self.place)

    def _decoded(self, arrival: Arrival) -> list[av.VideoFrame]:
        try:
            return arrival.packet.decode()
        except (av.FFmpegError, ValueError):
            self.counts["undecodable"] += 1
            return []

    def _shot(
        self, frame: av.VideoFrame, arrival: Arrival, stream: VideoStream, sampler: Sampler | None
    ) -> Iterator[Shot]:
        index, self._index = self._index, self._index + 1
        if frame.is_corrupt:
            self.counts["corrupt"] += 1
            if arrival.mono - self._sound_until < _STARVED_S:
                return
        self._sound_until = arrival.mono
        if self.info is None:
            self._turn = orientation(frame)
        width, height = self._turn.size(frame.width, frame.height)
        if self.info is None or (self.info.width, self.info.height) != (width, height):
            self._set_info(stream, width, height)
        stamp = None if frame.pts is None else float(frame.pts * stream.time_base) if stream.time_base else None
        t = self._stream_clock.rising(self._stream_clock.at(stamp, arrival.now))
        if sampler is None or sampler.take(t):
            yield Shot(DecodedPicture(frame, self._converter, self._turn), t, arrival.mono, index)

    def _set_info(self, stream: VideoStream, width: int, height: int) -> None:
        if self.info is not None:
            before = self.info
            self._note("changed", f"the picture changed from {before.width}x{before.height} to {width}x{height}")
        rates = (stream.average_rate, stream.guessed_rate)
        fps = next((float(rate) for rate in rates if rate and 0 < rate <= 1000), None)
        codec = stream.codec_context.name
        self.info = StreamInfo(codec, width, height, fps, self.transport, packets=True)

    def _note(self, word: str, text: str) -> None:
        self.counts[word] += 1
        if self.on_note is not None:
            self.on_note(word, text)
