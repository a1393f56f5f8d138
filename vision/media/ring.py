"""The last seconds of a stream as encoded packets in memory, from which clips begin before their event.

    key . . . . key . . . . key . .      whole groups (a key frame and what builds on it) go at the old end

Packets are copied out of FFmpeg, so that neither a connection nor its buffers are kept alive by them.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice

import av
import cv2
from av.video.stream import VideoStream

from vision.frame import Picture
from vision.media.packets import HeldPacket, StreamCopy, parameter_sets

log = logging.getLogger("sightline.ring")

_Data = bytes  # within the ring that name is its size
_OVERHEAD = 250  # bytes that a packet costs beside its data
_PICTURE_FPS = 4.0  # of a source without packets, so many pictures a second are kept
_PICTURE_QUALITY = 80
_MICRO = Fraction(1, 1_000_000)
_SLACK_S = 0.02  # a poll that comes a little early counts


class _Group:
    """A key frame and the packets up to the next one. `headless`: its key frame had to go, it starts nothing."""

    __slots__ = ("bytes", "headless", "packets")

    def __init__(self) -> None:
        self.packets: deque[HeldPacket] = deque()
        self.bytes = 0
        self.headless = False


class PacketRing:
    """Encoded packets of one stream: at least the last `seconds` of it, as far as `max_bytes` of memory allow.

    One thread feeds it (`tap`, or `offer` for a source that has pictures only), any number read it.
    """

    def __init__(self, seconds: float, max_bytes: int) -> None:
        self._keep_s, self._max_bytes = seconds, max_bytes
        self._lock = threading.Lock()
        self._groups: deque[_Group] = deque()
        self._bytes = 0
        self._count = 0
        self._stream: VideoStream | None = None
        self._copy: StreamCopy | None = None
        self._sets: frozenset[bytes] = frozenset()
        self._copied = False  # whether the source has packets, so that its pictures are not wanted
        self._offered = float("-inf")
        self._told = False

    def tap(self, packet: av.Packet[VideoStream], stream: VideoStream, t: float) -> None:
        """A `vision.media.live.base.PacketTap`: keeps the packet, whose dts is at `t` (epoch seconds UTC).

        A new stream object means a new connection; nothing of it is kept before its first key frame.
        """
        if not packet.size:
            return
        if stream is not self._stream:
            self._connect(stream)
        if not self._copied:
            return
        key, data = packet.is_keyframe, bytes(packet)
        if key:
            self._copy = self._parameters(stream, data)
        if self._copy is not None:
            duration = packet.duration or 0
            self._add(HeldPacket(self._count + 1, t, packet.dts, packet.pts, duration, key, data, self._copy))

    def offer(self, picture: Picture, t: float) -> None:
        """A picture at `t` (epoch seconds UTC), kept as JPEG where the source has no packets that could be kept.

        Costs nothing otherwise, and takes 4 pictures a second at most: call it with every one.
        """
        if self._copied or 0 <= t - self._offered < 1 / _PICTURE_FPS - _SLACK_S:
            return
        self._offered = t
        done, encoded = cv2.imencode(".jpg", picture.bgr(), [cv2.IMWRITE_JPEG_QUALITY, _PICTURE_QUALITY])
        if not done:
            return
        data = encoded.tobytes()
        if self._copy is None or self._copy.size != picture.size:
            self._copy = StreamCopy.of_data(data, "jpeg_pipe", _MICRO)
        tick = round(t / _MICRO)
        self._add(HeldPacket(self._count + 1, t, tick, tick, 0, True, data, self._copy))

    def reset(self) -> None:
        """The connection is over. What it gave stays, with all that is needed to write it."""
        self._stream = self._copy = None
        self._sets = frozenset()
        self._copied = False

    def keep(self, seconds: float) -> None:
        """Hold so many seconds from now on."""
        with self._lock:
            self._keep_s = seconds

    @property
    def seconds(self) -> float:
        """How much of the stream is held."""
        with self._lock:
            usable = next((group for group in self._groups if not group.headless), None)
            return 0.0 if usable is None else max(0.0, self._groups[-1].packets[-1].t - usable.packets[0].t)

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        return self._bytes

    def read_from(self, t: float) -> list[HeldPacket]:
        """What is held from the key frame on that is shown at or before `t` (epoch seconds), else from the oldest one."""
        with self._lock:
            usable = [group for group in self._groups if not group.headless]
            before = [group for group in usable if group.packets[0].shown <= t]
            if not usable:
                return []
            place = self._groups.index(before[-1] if before else usable[0])
            return [packet for group in islice(self._groups, place, None) for packet in group.packets]

    def read_after(self, number: int) -> list[HeldPacket]:
        """Packets that came after the one of this number, as far as they are still held."""
        with self._lock:
            return list(self._newer(number))

    def _newer(self, number: int) -> Iterator[HeldPacket]:
        place = len(self._groups)
        while place and self._groups[place - 1].packets[0].number > number:
            place -= 1
        for group in islice(self._groups, max(0, place - 1), None):
            missing = number + 1 - group.packets[0].number
            yield from islice(group.packets, max(0, missing), None)

    def _connect(self, stream: VideoStream) -> None:
        self.reset()
        self._stream = stream
        # uncompressed pictures would fill any memory within a second
        self._copied = stream.codec_context.name != "rawvideo"

    def _parameters(self, stream: VideoStream, data: _Data) -> StreamCopy | None:
        """What is needed to write this key frame; the known ones unless the camera has changed them on the way."""
        codec = stream.codec_context.name
        sets = parameter_sets(codec, data)
        changed = bool(sets) and bool(self._sets) and sets != self._sets
        copy = None if changed else self._copy or StreamCopy(stream)
        if copy is None or not copy.complete:
            try:
                copy = StreamCopy.of_data(data, codec, stream.time_base or _MICRO) if sets else None
            except (av.FFmpegError, IndexError):  # damaged on the way: the next key frame tells
                return None
        self._sets = sets or self._sets
        return copy

    def _add(self, packet: HeldPacket) -> None:
        with self._lock:
            self._count = packet.number
            if packet.key or not self._groups:
                self._groups.append(_Group())
            group, size = self._groups[-1], len(packet.data) + _OVERHEAD
            group.packets.append(packet)
            group.bytes += size
            self._bytes += size
            self._trim(packet.t - self._keep_s)

    def _trim(self, oldest: float) -> None:
        groups = self._groups
        while len(groups) > 1 and (self._bytes > self._max_bytes or groups[1].packets[0].shown <= oldest):
            self._bytes -= groups.popleft().bytes
        if self._bytes <= self._max_bytes:
            return
        # One group alone is too much: clips that are being written go on with its tail, new ones cannot begin in it.
        group = groups[0]
        while self._bytes > self._max_bytes and len(group.packets) > 1:
            group.headless = True
            size = len(group.packets.popleft().data) + _OVERHEAD
            group.bytes -= size
            self._bytes -= size
        if not self._told:
            self._told = True
            log.warning(
                "%d MB do not hold the %.0f s between two key frames, clips may lack their beginning; "
                "raise evidence.ring_mb or shorten the camera's key-frame interval",
                self._max_bytes // 2**20,
                group.packets[-1].t - group.packets[0].t,
            )
