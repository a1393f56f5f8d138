"""A look at a live source for some seconds: what `sightline doctor` tells of a camera."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from vision.media.live.base import LiveSource, SourceFault, SourceOptions
from vision.media.live.open import open_live

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream


@dataclass(frozen=True, slots=True)
class Probe:
    """What a source gave within `seconds`.

    `fps`: measured. `key_interval_s`: the longest time between key frames seen, None where fewer than two came.
    `kbit_s`: of the packets. `clock_offset_s`: the camera's clock minus this machine's, None where the camera does not
    tell it. `first_picture_s`: from connecting to the first picture. `counts`: damaged pictures, clock jumps and so on.
    """

    codec: str
    width: int
    height: int
    transport: str
    seconds: float
    pictures: int
    fps: float | None
    stated_fps: float | None
    key_interval_s: float | None
    kbit_s: float | None
    clock_offset_s: float | None
    first_picture_s: float
    counts: dict[str, int]


class _Meter:
    """Counts packets."""

    def __init__(self) -> None:
        self.bytes = 0
        self.first: float | None = None
        self.last = 0.0
        self.keys: list[float] = []

    def tap(self, packet: av.Packet[VideoStream], stream: VideoStream, t: float) -> None:
        """Take note of a packet."""
        self.first = t if self.first is None else self.first
        self.last = t
        self.bytes += packet.size
        if packet.is_keyframe:
            self.keys.append(t)


def probe_live(address: str, options: SourceOptions | None = None, *, seconds: float = 5.0) -> Probe:
    """Watch a source for `seconds` after its first picture. Raises `SourceFault` where it shows none, `InputError`."""
    source = open_live(address, options)
    with source:
        return _watched(source, seconds)


def _watched(source: LiveSource, seconds: float) -> Probe:
    meter = _Meter()
    started = time.monotonic()
    times: list[float] = []
    offsets: list[float] = []
    first = count = 0.0
    size = (0, 0)
    try:
        for shot in source.shots(None, meter.tap):
            if not times:
                first = shot.arrived
            times.append(shot.t)
            size = shot.picture.size
            skew = getattr(source, "clock_skew", None)
            if isinstance(skew, float):
                offsets.append(skew)
            count = shot.arrived - first
            if count >= seconds:
                break
    except SourceFault:
        if not times:
            raise
    info = source.info
    assert info is not None
    keys = [after - before for before, after in zip(meter.keys, meter.keys[1:], strict=False)]
    span = meter.last - meter.first if meter.first is not None else 0.0
    return Probe(
        codec=info.codec,
        width=size[0],
        height=size[1],
        transport=info.transport,
        seconds=count,
        pictures=len(times),
        fps=(len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else None,
        stated_fps=info.fps,
        key_interval_s=max(keys, default=None),
        kbit_s=meter.bytes * 8 / 1000 / span if span > 0 else None,
        clock_offset_s=median(offsets) if offsets else None,
        first_picture_s=first - started,
        counts=dict(source.counts),
    )
