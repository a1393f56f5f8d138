"""Encoded packets that outlive the connection they came over, and the codec parameters needed to write them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

import av
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

_ANNEX_B = (b"\0\0\1", b"\0\0\0\1")
# Kinds of NAL units (ITU-T H.264 table 7-1, H.265 table 7-1): sequence parameter sets, and the first that is a slice
# as: shift and mask to the kind, the wanted kind, first and last kind of slice
_RAW = {"h264": (0, 0x1F, 7, 1, 5), "hevc": (1, 0x3F, 33, 0, 31)}
_MOST_AHEAD_S = 5
_LOOKED_AT = 4096  # parameter sets stand in the first bytes of a key frame


class StreamCopy:
    """A stream's codec parameters on their own: FFmpeg frees those of a stream when its connection is closed.

    They are kept in an output container that is never written to. Read by several threads, changed by none.
    """

    def __init__(self, stream: VideoStream, time_base: Fraction | None = None) -> None:
        context = stream.codec_context
        self._holder = av.open(io.BytesIO(), mode="w", format="matroska")  # takes every codec
        self._template = self._holder.add_stream_from_template(stream, opaque=True)
        base = time_base or stream.time_base
        if base is None:
            raise ValueError("a stream without a time base")
        self.time_base = base
        self.codec = context.codec.canonical_name
        self.size = context.width, context.height
        self._shape = (self.codec, self.size, context.extradata)

    @classmethod
    def of_data(cls, data: bytes, form: str, time_base: Fraction) -> Self:
        """The parameters that a key frame itself carries. Raises `av.FFmpegError` where it does not."""
        with av.open(io.BytesIO(data), mode="r", format=form) as container:
            assert isinstance(container, InputContainer)
            return cls(container.streams.video[0], time_base)

    @property
    def complete(self) -> bool:
        """Whether a file can be written with them: not for a camera that states neither size nor parameter sets."""
        return min(self.size) > 0 and (self.codec not in _RAW or bool(self._shape[2]))

    def same_as(self, other: StreamCopy) -> bool:
        """Whether packets of both may follow each other in one file."""
        return self is other or self._shape == other._shape

    def add_to(self, out: OutputContainer) -> VideoStream:
        """A stream with these parameters. Raises `ValueError` where the format has no place for the codec."""
        stream = out.add_stream_from_template(self._template, opaque=True)
        stream.time_base = self.time_base
        return stream


@dataclass(frozen=True, slots=True)
class HeldPacket:
    """One encoded picture. `t`: epoch seconds of its `dts`; `dts`, `pts`, `duration` in ticks of `copy.time_base`.

    `number` rises by one from packet to packet within a ring, so that a gap shows.
    """

    number: int
    t: float
    dts: int | None
    pts: int | None
    duration: int
    key: bool
    data: bytes
    copy: StreamCopy

    @property
    def shown(self) -> float:
        """When the picture is shown, epoch seconds: with B-frames later than it is decoded."""
        return self.t + float(self.ahead)

    @property
    def ahead(self) -> Fraction:
        """How long before it is shown it is decoded, in seconds; 0 where its stamps make no sense."""
        if self.pts is None or self.dts is None or self.pts <= self.dts:
            return Fraction(0)
        ahead = (self.pts - self.dts) * self.copy.time_base
        return ahead if ahead <= _MOST_AHEAD_S else Fraction(0)


def parameter_sets(codec: str, data: bytes) -> frozenset[bytes]:
    """Sequence parameter sets in front of a key frame in Annex B form; empty where there are none, or another form."""
    if codec not in _RAW or not data.startswith(_ANNEX_B):
        return frozenset()
    shift, mask, wanted, first_slice, last_slice = _RAW[codec]
    found = []
    for unit in data[:_LOOKED_AT].split(b"\0\0\1")[1:]:
        kind = unit[0] >> shift & mask if unit else -1
        if first_slice <= kind <= last_slice:
            break
        if kind == wanted:
            found.append(unit.rstrip(b"\0"))
    return frozenset(found)
