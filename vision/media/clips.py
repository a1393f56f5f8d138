"""Cuts clips out of a recording: packets are copied as they are where a browser plays them, else the part is re-encoded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, takewhile
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from vision.errors import MediaError, OutsideError
from vision.frame import Picture
from vision.media.encode import encode
from vision.media.file import FileClip, open_container, video_stream
from vision.media.folder import FolderClip
from vision.media.index import PacketIndex, scan
from vision.media.picture import UPRIGHT
from vision.media.reader import open_clip
from vision.media.sampling import Sampler

# A copied clip begins at a key frame; one further ahead of the wanted start than this is not worth the waiting.
_LEAD_S = 10.0
# Browsers play these in MP4, in 8 bits and 4:2:0; H.265 and MPEG-4 part 2 they do not.
PLAYABLE = frozenset({"h264", "vp9", "av1", "libdav1d", "libaom-av1"})
PLAYABLE_PIXELS = frozenset({"yuv420p", "yuvj420p"})
# AVI states no times of display, which a copy would need.
_NO_COPY = frozenset({"avi", "h264"})
_ENCODED_FPS = 12.5  # pictures a second when encoding anew: enough to see what happened, at half the cost


@dataclass(frozen=True, slots=True)
class ClipCut:
    """A clip that was written: `start` and `duration` in seconds of the recording, and whether packets were just copied.

    A copied clip starts at a key frame, so up to 10 s before the moment that was asked for.
    """

    path: Path
    start: float
    duration: float
    remuxed: bool


def cut_clip(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    start: float,
    end: float,
    *,
    pre: float = 3.0,
    post: float = 3.0,
    image_fps: float = 10.0,
) -> ClipCut:
    """Write the part from `start` - `pre` to `end` + `post` (seconds, as `Frame.t`) as an MP4 without sound.

    For several clips of one recording use `ClipCutter`, which looks through the file once. Raises MediaError where the
    recording cannot be read or has no picture in that time, OutsideError where the clip cannot be written.
    """
    with ClipCutter(source, image_fps=image_fps) as cutter:
        return cutter.cut(out, start, end, pre=pre, post=post)


class ClipCutter:
    """Cuts any number of clips out of one recording; the file is looked through once and then jumped about in."""

    def __init__(self, source: str | os.PathLike[str], *, image_fps: float = 10.0) -> None:
        self._path = Path(source)
        self._image_fps = image_fps
        self._container: InputContainer | None = None

    def cut(
        self, out: str | os.PathLike[str], start: float, end: float, *, pre: float = 3.0, post: float = 3.0
    ) -> ClipCut:
        """As `cut_clip`. The file appears under its name only when it is whole."""
        target = Path(out)
        part = target.with_name(target.name + ".part")
        first, last = max(0.0, start - pre), max(start, end) + post
        try:
            key = self._key_for(first)
            if key is None:
                begin, duration = self._encode(part, first, last)
            else:
                begin, duration = self._copy(part, key, last)
            part.replace(target)
        except (av.FFmpegError, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OutsideError(
                f"{target}: the clip cannot be written ({reason}); check folder and free space"
            ) from None
        finally:
            part.unlink(missing_ok=True)
        return ClipCut(target, begin, duration, remuxed=key is not None)

    def close(self) -> None:
        """Let the recording go."""
        if self._container is not None:
            self._container.close()
            self._container = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def _clip(self) -> FileClip | None:
        """The recording as its reader sees it (closed again), None for a folder of pictures."""
        with open_clip(self._path, image_fps=self._image_fps) as clip:
            return clip if isinstance(clip, FileClip) else None

    @cached_property
    def _index(self) -> PacketIndex:
        return scan(self._path)

    def _source(self) -> tuple[InputContainer, VideoStream]:
        if self._container is None:
            self._container = open_container(self._path)
        return self._container, video_stream(self._container, self._path)

    def _key_for(self, first: float) -> int | None:
        """The position of the key frame from which packets are copied, None where that is not possible or not worth it."""
        clip = self._clip
        if clip is None or clip.codec not in PLAYABLE or clip.first_stamp is None or not self._index.sound:
            return None
        container, stream = self._source()
        if container.format.name in _NO_COPY or stream.pix_fmt not in PLAYABLE_PIXELS or stream.time_base is None:
            return None
        wanted = (clip.first_stamp + first) / stream.time_base
        index = self._index
        # half a tick: the wanted time went through floating point
        before = [position for position in index.keys if index.pts[position] - 0.5 <= wanted]
        if not before or (wanted - index.pts[before[-1]]) * stream.time_base > _LEAD_S:
            return None
        return before[-1]

    def _copy(self, part: Path, key: int, last: float) -> tuple[float, float]:
        """Copy packets from the one at position `key` on; returns where the clip starts and how long it is."""
        clip, index = self._clip, self._index
        assert clip is not None
        assert clip.first_stamp is not None
        packets = self._from_key(index.pts[key])
        _, source = self._source()
        assert source.time_base is not None
        last_tick = int((clip.first_stamp + last) / source.time_base + 0.5)
        keep = set(index.section(key, last_tick))
        zero, stop = index.pts[key], index.pts[key]
        with av.open(str(part), mode="w", format="mp4", options={"movflags": "+faststart"}) as out:
            stream = out.add_stream_from_template(source, opaque=True)
            if clip.turn != UPRIGHT:
                # counter-clockwise, the mirror last; here the mirror comes first, which turns the turn around
                turned = 90 * clip.turn.quarters * (1 if clip.turn.mirrored else -1)
                stream.set_display_rotation(turned, hflip=clip.turn.mirrored)
            for position, packet in zip(range(key, max(keep) + 1), packets, strict=False):
                if packet.pts != index.pts[position]:
                    raise MediaError(f"{self._path}: reads differently each time; it is damaged or being written")
                if position not in keep:
                    continue
                if packet.pts + (packet.duration or 0) > last_tick:  # before a gap a picture may last for minutes
                    packet.duration = min(packet.duration or 1, max(1, round(1 / source.time_base)))
                stop = max(stop, packet.pts + (packet.duration or 0))
                packet.pts, packet.dts = packet.pts - zero, index.dts[position] - zero
                packet.stream = stream
                out.mux(packet)
        return float(zero * source.time_base) - clip.first_stamp, float((stop - zero) * source.time_base)

    def _from_key(self, pts: int) -> Iterator[av.Packet[VideoStream]]:
        """Packets in decoding order, the first one being the key frame shown at `pts`."""
        for jump in (True, False):
            if jump:
                container, stream = self._source()
                container.seek(pts, stream=stream)
            else:  # some demuxers jump to nowhere; reading on from the start always arrives
                self.close()
                container, stream = self._source()
            packets = (packet for packet in container.demux(stream) if packet.size)
            for packet in packets:
                if packet.is_keyframe and packet.pts == pts:
                    return chain((packet,), packets)
        raise MediaError(
            f"{self._path}: the recording cannot be read again at this place; it is damaged or has changed"
        )

    def _encode(self, part: Path, first: float, last: float) -> tuple[float, float]:
        """Decode the part and encode it anew; returns where the clip starts and how long it is."""
        with open_clip(self._path, image_fps=self._image_fps) as clip:
            shown = takewhile(lambda shot: shot[1] <= last + 1e-6, self._pictures(clip, first))
            fps, sampler = min(clip.fps or _ENCODED_FPS, _ENCODED_FPS), Sampler(_ENCODED_FPS)
            wanted = (shot for shot in shown if shot[1] >= first - 1e-6 and sampler.take(shot[1]))
            count, begin, end = encode(part, wanted, fps)
        if count == 0:
            raise MediaError(f"{self._path}: no picture between {first:.1f} and {last:.1f} s; nothing to cut")
        return begin, end - begin + 1 / fps

    def _pictures(self, clip: object, first: float) -> Iterator[tuple[Picture, float]]:
        if isinstance(clip, FolderClip):
            return clip.jump(first)
        assert isinstance(clip, FileClip)
        if clip.first_stamp is not None and self._index.sound:
            return clip.jump(first)
        return ((frame.picture, frame.t) for frame in clip)
