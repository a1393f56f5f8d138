"""Video files, read with FFmpeg through PyAV: every decodable frame, whatever state the file is in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from vision.errors import MediaError
from vision.frame import Picture
from vision.media.clip import Clip
from vision.media.picture import DecodedPicture, orientation
from vision.media.times import Timeline

# So many read errors in a row and the rest of the file is given up; single ones are stepped over.
_READ_ERRORS = 50
# Text passes for an animation of terminal characters, and lists of other files would be followed; neither is a video.
_NOT_VIDEO = frozenset({"tty", "idf", "bin", "xbin", "adf", "concat", "hls", "dash", "imf", "sdp"})
_TEXT = "no video but text or a list of files; give the video itself, a picture or a folder"
_FASTEST = 1000.0


def open_container(path: Path) -> InputContainer:
    """The file as an FFmpeg container; only files are ever opened, never what a playlist in it points to elsewhere."""
    try:
        container = av.open(f"file:{path}", mode="r", metadata_errors="replace", options={"protocol_whitelist": "file"})
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"{path}: {_why_not_open(path, error)}") from None
    if container.format.name in _NOT_VIDEO:
        container.close()
        raise MediaError(f"{path}: {_TEXT}")
    return container


def _why_not_open(path: Path, error: Exception) -> str:
    if isinstance(error, av.error.PermissionError):
        return "reading is not permitted; change the file's permissions or run as its owner"
    if isinstance(error, av.error.EOFError):
        return "the file ends before its first picture; it is incomplete, copy it again"
    if isinstance(error, av.error.FileNotFoundError):
        return _TEXT  # the file itself is there; one that it names is not
    with path.open("rb") as file:
        head = file.read(8)
    if head[4:8] in {b"ftyp", b"mdat", b"moov", b"wide", b"free"}:
        return (
            "the MP4 has no readable index: the recording was not finished or the copy is incomplete; "
            "copy it again, or let the recorder write MKV or TS, which survive a power cut"
        )
    if isinstance(error, av.error.InvalidDataError):
        return "no video or picture in a format that can be read; if it plays elsewhere, convert it to MP4 (H.264)"
    return f"cannot be opened ({getattr(error, 'strerror', None) or error}); it is damaged or incomplete, copy it again"


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first moving picture of the container, ready to decode in the caller's own thread."""
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        what = "sound but no picture" if container.streams.audio else "no picture in it"
        raise MediaError(f"{path}: the file has {what}; give a file with video")
    stream = streams[0]
    if stream.codec_context is None:
        raise MediaError(f"{path}: no decoder for its video is built in; convert it to MP4 (H.264)")
    # One thread per clip: FFmpeg's own threads cost 5 to 35 % more CPU for the same frames
    stream.thread_type = "NONE"
    stream.thread_count = 1
    return stream


class FileClip(Clip):
    """One video file."""

    def __init__(self, path: Path, camera: str = "") -> None:
        """Open the file and decode its first frame. Raises MediaError where there is none."""
        super().__init__(path, camera)
        self._container = open_container(path)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self._stream = stream = video_stream(self._container, self.path)
        self.codec = stream.codec_context.name
        form = self._container.format.name
        if not form.endswith("_pipe"):  # a single picture has neither
            self.fps = _rate(stream)
            self.duration_s = _stated_duration(self._container, stream)
        # AVI states no time of display, and what FFmpeg makes up for it is wrong with B-frames
        self._by_decoding_order = form == "avi"
        self._last_tick = 0
        self._stated_frames = stream.frames
        self._packets = self._undecoded = self._damaged = self._resized = 0
        self._timeline = Timeline(1 / self.fps if self.fps else None)
        self._converter = VideoReformatter()
        self._decoded = self._decode()
        first = next(self._decoded, None)
        if first is None:
            raise MediaError(
                f"{self.path}: not one frame could be decoded ({self.codec}, {self._packets} packets); "
                "the file is damaged or incomplete, copy it again"
            )
        self._first = first
        self.first_stamp = self._stamp(first)
        self.turn = orientation(first)
        self.width, self.height = self.turn.size(first.width, first.height)

    def close(self) -> None:
        """Let the file go."""
        self._container.close()

    def _pictures(self) -> Iterator[tuple[Picture, float]]:
        """Frames with their times, one behind the decoder: a stray timestamp shows only by the one after it."""
        frame, stamp = self._first, self.first_stamp
        del self._first
        for following in self._decoded:
            next_stamp = self._stamp(following)
            yield self._picture(frame), self._timeline.place(stamp, next_stamp)
            frame, stamp = following, next_stamp
        yield self._picture(frame), self._timeline.place(stamp)

    def jump(self, t: float) -> Iterator[tuple[Picture, float]]:
        """Pictures from the key frame at or before `t` seconds on, without those in between being decoded.

        For files whose timestamps are sound alone (see `vision.media.index`): times are timestamp minus the first one.
        """
        assert self.first_stamp is not None
        assert self._stream.time_base is not None
        goal = round((self.first_stamp + t) / self._stream.time_base)
        for offset in (goal, 0):
            self._container.seek(offset, stream=self._stream)
            frames = self._decode()
            frame = next(frames, None)
            if frame is not None and (offset == 0 or self._since_first(frame) <= t):
                break
        while frame is not None:
            yield self._picture(frame), self._since_first(frame)
            frame = next(frames, None)

    def _since_first(self, frame: av.VideoFrame) -> float:
        return (self._stamp(frame) or 0.0) - (self.first_stamp or 0.0)

    def _stamp(self, frame: av.VideoFrame) -> float | None:
        """Presentation time in seconds as the file states it."""
        tick = frame.pts
        if self._by_decoding_order:
            # a tick of AVI is one frame; the decoder's last pictures come without a packet of their own
            tick = self._last_tick + 1 if frame.dts is None else frame.dts
            self._last_tick = tick
        if tick is None or frame.time_base is None:
            return None
        return float(tick * frame.time_base)

    def _picture(self, frame: av.VideoFrame) -> DecodedPicture:
        self._damaged += frame.is_corrupt
        size = (self.width, self.height)
        turn = self.turn
        if turn.size(frame.width, frame.height) != size:
            self._resized += 1
        return DecodedPicture(frame, self._converter, turn, size)

    def _decode(self) -> Iterator[av.VideoFrame]:
        for packet in self._demux():
            if packet.size:
                self._packets += 1
            try:
                frames = packet.decode()
            except (av.FFmpegError, ValueError):
                self._undecoded += 1
                continue
            yield from frames

    def _demux(self) -> Iterator[av.Packet[VideoStream]]:
        """Packets to the end of the file, then the empty one that flushes the decoder; read errors are stepped over."""
        errors = 0
        while True:
            try:
                for packet in self._container.demux(self._stream):
                    errors = 0
                    yield packet
            except av.FFmpegError:
                errors += 1
                if errors < _READ_ERRORS:
                    continue
                self.notes.append("the rest of the file cannot be read")
                yield self._flush_packet()
            return

    def _flush_packet(self) -> av.Packet[VideoStream]:
        packet: av.Packet[VideoStream] = av.Packet()  # type: ignore[assignment]  # of no stream until the next line
        packet.stream = self._stream
        return packet

    def _finish(self, last: float, step: float) -> None:
        frames = f"{self.frames_read} frame{'s' if self.frames_read != 1 else ''}"
        if self._undecoded:
            self.notes.append(f"{self._undecoded} of {self._packets} packets could not be decoded")
        if self._damaged:
            self.notes.append(f"{self._damaged} of {frames} are damaged, shown as far as they could be decoded")
        if self._resized:
            self.notes.append(
                f"the picture changed its size on the way; {self._resized} frames resized to {self.width}x{self.height}"
            )
        self.notes.extend(self._missing_end(last, step))
        self.notes.extend(self._timeline.notes())

    def _missing_end(self, last: float, step: float) -> list[str]:
        """A note where the file promises more than it holds; counts alone do not tell (AVI counts dropped frames too)."""
        if self._container.format.name == "gif" and not _gif_ended(self.path):
            return [f"the file ends early: its end mark is missing after {self.frames_read} frames"]
        stated = self.duration_s
        if stated is None or not self._timeline.linear or last + 1.5 * step >= stated:
            return []
        if self._packets < self._stated_frames:
            return [f"the file ends early: {self._packets} of {self._stated_frames} frames are in it"]
        if self._stated_frames == 0 and last + step < stated - max(1.0, stated / 20):
            return [f"the pictures end at {last + step:.1f} s, the file says {stated:.1f} s"]
        return []


def _rate(stream: VideoStream) -> float | None:
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and 0 < rate <= _FASTEST:
            return float(rate)
    return None


def _stated_duration(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _gif_ended(path: Path) -> bool:
    """Whether a GIF has its end mark (an empty block, then ";"); it states no length that could be missed."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 64))
        return file.read().rstrip(b"\0").endswith(b"\0;")
