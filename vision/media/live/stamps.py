"""Packets as they arrive, with stamps that a clip can be made of: none missing, decoding times rising strictly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import av
from av.video.stream import VideoStream

from vision.media.live.clock import StreamClock

# Below this, what a camera calls its clock was never set.
_EPOCH_SOUND_S = 1e9


@dataclass(frozen=True, slots=True)
class Arrival:
    """One packet: its time (epoch seconds, of its decoding), when it came (rising epoch and monotonic seconds).

    `copyable`: whether it may go into a clip.
    """

    packet: av.Packet[VideoStream]
    t: float
    now: float
    mono: float
    copyable: bool


class Stamper:
    """Puts the stamps of one stream right, packet by packet.

    The first packet of RTSP has none: it waits for the second and gets a time before it. Later ones without (the rest of
    a picture after a gap) follow the packet before. Where the camera's clock was set anew, stamps are shifted so that
    they go on.
    """

    def __init__(self, stream: VideoStream, clock: StreamClock) -> None:
        self._base = float(stream.time_base or 1 / 90000)
        self._b_frames = bool(stream.codec_context.has_b_frames)
        rate = stream.average_rate or stream.guessed_rate
        self._interval = max(1, round((1 / float(rate) if rate else 0.04) / self._base))
        self._clock = clock
        self._shift = 0
        self._last: int | None = None
        self._t = 0.0
        self._held: tuple[av.Packet[VideoStream], float, float] | None = None

    def take(self, packet: av.Packet[VideoStream], now: float, mono: float) -> Iterator[Arrival]:
        """The packet, its stamps put right; before it the one that waited for it."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None and self._last is None and self._held is None:
            self._held = packet, now, mono
            return
        if self._held is not None:
            first, then, since = self._held
            self._held = None
            if stamp is not None:
                first.pts = first.dts = stamp - self._interval
            yield self._arrival(first, then, since)
        yield self._arrival(packet, now, mono)

    def _arrival(self, packet: av.Packet[VideoStream], now: float, mono: float) -> Arrival:
        # Decoding times come at an even pace, those of display do not where there are B-frames
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None:
            copyable = self._last is not None
            if self._last is not None:
                packet.pts = packet.dts = self._last = self._last + 1
        else:
            self._shift += round(self._clock.leap((stamp + self._shift) * self._base, now) / self._base)
            if packet.pts is not None:
                packet.pts += self._shift
            if packet.dts is not None:
                packet.dts += self._shift
            self._clock.arrived((stamp + self._shift) * self._base, now, _taken(packet))
            copyable = self._rising(packet)
        tick = packet.dts if packet.dts is not None else packet.pts
        self._t = max(self._t, self._clock.at(None if tick is None else tick * self._base, now))
        return Arrival(packet, self._t, now, mono, copyable)

    def _rising(self, packet: av.Packet[VideoStream]) -> bool:
        """Make the decoding time follow the last one; whether the packet can be copied."""
        if packet.dts is None:
            if self._b_frames:
                return False  # its place in the order of decoding is not known
            packet.dts = packet.pts
        if packet.dts is None:
            return False
        if self._last is not None and packet.dts <= self._last:
            packet.dts = self._last + 1
        if packet.pts is None or packet.pts < packet.dts:
            packet.pts = packet.dts
        self._last = packet.dts
        return True


def _taken(packet: av.Packet[VideoStream]) -> float | None:
    """When the camera's clock said that the picture was taken: its producer reference time, after the first RTCP report."""
    if not packet.has_sidedata("prft"):
        return None
    data = bytes(packet.get_sidedata("prft"))
    taken = int.from_bytes(data[:8], "little", signed=True) / 1e6
    return taken if taken > _EPOCH_SOUND_S else None
