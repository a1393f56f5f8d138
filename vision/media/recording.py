"""Writes a clip while it happens: from the packet ring into a file that survives a crash, in the end a plain MP4.

    ring --packets as they come--> name.mp4.part (fragments) --finish_clip--> name.mp4 (index in front, playable anywhere)

The part is readable up to its last fragment whenever the program dies; `finish_clip` makes the clip of it then, too.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from vision.errors import MediaError, OutsideError
from vision.media.clips import PLAYABLE, PLAYABLE_PIXELS
from vision.media.encode import encode
from vision.media.file import open_container, video_stream
from vision.media.packets import HeldPacket, StreamCopy
from vision.media.reader import open_clip
from vision.media.ring import PacketRing
from vision.media.sampling import Sampler

# Asked when the disk is full: whether so many bytes could be freed.
MakeRoom = Callable[[int], bool]

_FRAGMENTS = {
    "movflags": "frag_keyframe+empty_moov+default_base_moof",
    "frag_duration": "2000000",
    "flush_packets": "1",
}
_JUMP_S = 5.0  # decoding times that run so far ahead of the clock are a fault of the camera's
_ENCODED_FPS = 6.0  # pictures a second where a clip has to be encoded anew: cheap, and enough to see what happened
_REORDER_S = 2.0  # so long a group of B-frames may hold the end of a clip up


def no_room(_: int) -> bool:
    """A `MakeRoom` that has nothing to delete."""
    return False


def disk_full(error: BaseException) -> bool:
    """Whether an error of Python or FFmpeg means that there is no space left."""
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class RecordedClip:
    """A finished clip: `duration` in seconds, `size` in bytes, and whether packets were just copied."""

    path: Path
    duration: float
    size: int
    remuxed: bool


class PatientFile:
    """A file for FFmpeg to write to. Where the disk is full it asks for room once, and writes on."""

    def __init__(self, path: Path, make_room: MakeRoom = no_room) -> None:
        self._file = path.open("wb", buffering=0)
        self._make_room = make_room
        self.name = str(path)

    def write(self, data: bytes) -> int:
        """All of it, or an OSError."""
        rest = memoryview(data)
        while rest:
            try:
                written = self._file.write(rest)
            except OSError as error:
                if not disk_full(error) or not self._make_room(len(rest)):
                    raise
                written = self._file.write(rest)
            rest = rest[written or 0 :]
        return len(data)

    def close(self) -> None:
        """Let the file go."""
        self._file.close()


class Recording:
    """One clip in the making, `part` its file.

    `start` is the moment (epoch seconds UTC) that the clip should show first; it begins with the key frame before, as far
    as the ring reaches back. `step` takes what has come since; nothing is read before the first one. A file holds one
    kind of stream: where the camera changes it, the clip ends, but before `essential` (when the event was told) it
    begins there.
    """

    def __init__(
        self,
        ring: PacketRing,
        part: Path,
        start: float,
        make_room: MakeRoom = no_room,
        *,
        essential: float = float("-inf"),
    ) -> None:
        self.part = part
        self.start: float | None = None  # epoch seconds of the first picture
        self.end: float | None = None  # of the last one
        self.note: str | None = None  # why the clip is not what was asked for
        self.done = False
        self._ring, self._wanted, self._make_room, self._essential = ring, start, make_room, essential
        self._out: _Part | None = None
        self._number = 0

    def step(self, last: float) -> None:
        """Write what the ring has up to `last` (epoch seconds); `done` once the clip is complete or cannot go on.

        Raises OSError, av.FFmpegError where it cannot be written; what was written before stays good.
        """
        if self.done:
            return
        packets = self._ring.read_after(self._number) if self._number else self._ring.read_from(self._wanted)
        for packet in packets:
            if self._out is None and packet.shown > last:
                return  # a gap over the whole of the event: nothing to show
            if self._ended(packet, last):
                self.done = True
                return
            self._take(packet)

    def _ended(self, packet: HeldPacket, last: float) -> bool:
        if self._out is None:
            return False
        if not packet.copy.same_as(self._out.copy):
            begins = packet.shown <= min(self._essential, last)
            self.note = f"the stream changed on the way; the clip {'begins' if begins else 'ends'} there"
            if begins:
                self._out.close()
                self._out = None
            return not begins
        if packet.t <= last:
            return False
        # pictures that are shown later but needed by those before are written to the end of their group
        return self._out.in_order(packet) or packet.t > last + _REORDER_S

    def _take(self, packet: HeldPacket) -> None:
        lost = bool(self._number) and packet.number != self._number + 1
        self._number = packet.number
        if self._out is None:
            if not packet.key:
                return
            self._out = _Part(self.part, packet.copy, self._make_room)
            self.start, self.end, lost = packet.shown, None, False
        if lost:
            self.note = "pictures are missing: the disk or this machine was too slow"
            self._out.lost()
        if self._out.write(packet):
            self.end = max(self.end or 0.0, packet.shown)

    def close(self) -> None:
        """Close the part. Raises OSError, av.FFmpegError where its last fragment cannot be written."""
        self.done = True
        out, self._out = self._out, None
        if out is not None:
            out.close()


class _Part:
    """The file of fragments, its times running on from 0 whatever those of the camera do."""

    def __init__(self, path: Path, copy: StreamCopy, make_room: MakeRoom) -> None:
        self.copy = copy
        self._file = PatientFile(path, make_room)
        try:
            self._out, self._stream = _opened(self._file, copy)
        except BaseException:
            self._file.close()
            raise
        self._before: HeldPacket | None = None
        self._dts = self._shown = -1
        self._hold: int | None = None  # pictures before this one build on a group that is not there
        self._waiting = False

    def lost(self) -> None:
        """Packets are missing: what follows cannot be decoded before the next key frame."""
        self._waiting = True

    def in_order(self, packet: HeldPacket) -> bool:
        """Whether nothing that is still to come is shown before what has been written."""
        return packet.key or self._place(packet)[1] > self._shown

    def write(self, packet: HeldPacket) -> bool:
        """Write it, unless it could not be shown."""
        begins = packet.key and (self._before is None or self._waiting or self._before.copy is not packet.copy)
        if begins:
            self._waiting, self._hold = False, packet.pts
        elif packet.key:
            self._hold = None
        if self._waiting or (self._hold is not None and packet.pts is not None and packet.pts < self._hold):
            return False
        dts, pts, step = self._place(packet)
        if packet.key:  # what came before a key frame is shown before it
            pts = max(pts, self._shown + 1)
        raw: av.Packet[VideoStream] = av.Packet(packet.data)  # type: ignore[assignment]  # of no stream until below
        raw.time_base, raw.dts, raw.pts, raw.is_keyframe = self.copy.time_base, dts, pts, packet.key
        raw.duration = self._ticks(packet.duration * packet.copy.time_base) or step
        raw.stream = self._stream
        self._before, self._dts, self._shown = packet, dts, max(self._shown, pts)
        self._out.mux(raw)
        return True

    def close(self) -> None:
        """Write what the muxer still holds."""
        try:
            self._out.close()
        finally:
            self._file.close()

    def _place(self, packet: HeldPacket) -> tuple[int, int, int]:
        """Its dts and pts in the file, and how far it lies behind the one before; in ticks."""
        dts, before = 0, self._before
        step = 0
        if before is not None:
            step = max(1, self._step(before, packet))
            dts = self._dts + step
        return dts, dts + self._ticks(packet.ahead), step

    def _step(self, before: HeldPacket, packet: HeldPacket) -> int:
        """By the camera's own count where it makes sense, else by the clock: over a lost connection, a jump, a hole."""
        passed = max(0.0, packet.t - before.t)
        if packet.copy is before.copy and packet.dts is not None and before.dts is not None:
            ticks = packet.dts - before.dts
            if 0 < ticks * packet.copy.time_base <= passed + _JUMP_S:
                return self._ticks(ticks * packet.copy.time_base)
        return self._ticks(Fraction(passed))

    def _ticks(self, seconds: Fraction) -> int:
        return round(seconds / self.copy.time_base)


def _opened(file: PatientFile, copy: StreamCopy) -> tuple[OutputContainer, VideoStream]:
    """A container for the codec: MP4, or Matroska for the few that MP4 has no place for."""
    out = av.open(file, mode="w", format="mp4", options=dict(_FRAGMENTS))
    try:
        return out, copy.add_to(out)
    except ValueError:
        out.close()
    out = av.open(file, mode="w", format="matroska", options={"flush_packets": "1"})
    return out, copy.add_to(out)


def finish_clip(part: Path, target: Path, make_room: MakeRoom = no_room) -> RecordedClip:
    """Make the clip of a part; it appears under its name only when it is whole, and the part goes.

    Packets are copied where a browser plays them, else encoded anew, at 6 pictures a second. Raises MediaError where
    there is no picture in the part, OutsideError where the clip cannot be written; the part stays then.
    """
    temporary = target.with_name(target.name + ".tmp.part")
    try:
        for attempt in (1, 2):
            try:
                duration, remuxed = _finished(part, temporary)
                break
            except (av.FFmpegError, OSError) as error:
                temporary.unlink(missing_ok=True)
                if not disk_full(error):
                    raise
                if attempt == 2 or not make_room(part.stat().st_size):
                    return _adopted(part, target, error)
        temporary.replace(target)
    except (av.FFmpegError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutsideError(f"{target}: the clip cannot be written ({reason}); check folder and free space") from None
    finally:
        temporary.unlink(missing_ok=True)
    part.unlink(missing_ok=True)
    return RecordedClip(target, duration, target.stat().st_size, remuxed)


def _adopted(part: Path, target: Path, error: Exception) -> RecordedClip:
    """With no space for a second copy the fragments themselves are the clip: most players take them."""
    with open_container(part) as container:
        if container.format.name.startswith("matroska") or not _plays(video_stream(container, part)):
            raise error
        duration = (container.duration or 0) / av.time_base
    part.replace(target)
    return RecordedClip(target, duration, target.stat().st_size, remuxed=True)


def _finished(part: Path, out: Path) -> tuple[float, bool]:
    """Write the plain file; its duration in seconds, and whether packets were copied."""
    with open_container(part) as container:
        source = video_stream(container, part)
        if _plays(source):
            return _copied(container, source, out), True
    with open_clip(part) as clip:
        fps, sampler = min(clip.fps or _ENCODED_FPS, _ENCODED_FPS), Sampler(_ENCODED_FPS)
        shots = ((frame.picture, frame.t) for frame in clip if sampler.take(frame.t))
        count, first, last = encode(out, shots, fps)
    if not count:
        raise MediaError(f"{part}: no picture in it")
    return last - first + 1 / fps, False


def _plays(stream: VideoStream) -> bool:
    """Whether browsers play it."""
    context = stream.codec_context
    return context.codec.canonical_name in PLAYABLE and context.pix_fmt in PLAYABLE_PIXELS


def _copied(container: InputContainer, source: VideoStream, path: Path) -> float:
    """Copy all packets, the first picture at 0; the duration in seconds."""
    zero: int | None = None
    before = stop = 0
    with av.open(str(path), mode="w", format="mp4", options={"movflags": "+faststart"}) as out:
        stream = out.add_stream_from_template(source, opaque=True)
        for packet in _sound(container, source):
            assert packet.pts is not None
            assert packet.dts is not None
            if zero is None:
                zero, before = packet.pts, packet.dts
            packet.duration = packet.duration or packet.dts - before  # VP9 is read without; the last picture would go
            before = packet.dts
            packet.pts, packet.dts = packet.pts - zero, packet.dts - zero
            stop = max(stop, packet.pts + packet.duration)
            packet.stream = stream
            out.mux(packet)
    if zero is None or source.time_base is None:
        raise MediaError(f"{path}: no picture in it")
    return float(stop * source.time_base)


def _sound(container: InputContainer, source: VideoStream) -> Iterator[av.Packet[VideoStream]]:
    """Whole packets with their times; a part that was cut off by a crash ends with half a one."""
    with suppress(av.FFmpegError):
        for packet in container.demux(source):
            if packet.size and not packet.is_corrupt and packet.pts is not None and packet.dts is not None:
                yield packet


def new_part(target: Path) -> Path:
    """Where the part of a clip is written; its folder is made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.with_name(target.name + ".part")
