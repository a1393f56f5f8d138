"""Plays small videos into a packet ring as a live camera would, and reads clips back."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import av

from tests.media_files import number_of
from vision.media.recording import RecordedClip, Recording, finish_clip
from vision.media.ring import PacketRing

EPOCH = 1_700_000_000.0


def feed(
    ring: PacketRing,
    path: Path,
    *,
    at: float = EPOCH,
    until: float = float("inf"),
    then: Callable[[float], None] = lambda t: None,
    form: str | None = None,
) -> None:
    """One connection: every packet with its time, the first at `at`, those up to `until` seconds; closed and freed after.

    `then(t)` is called after each packet.
    """
    with av.open(str(path), format=form) as container:
        stream = container.streams.video[0]
        zero: float | None = None
        for packet in container.demux(stream):
            if not packet.size:
                continue
            seconds = float((packet.dts if packet.dts is not None else packet.pts or 0) * packet.time_base)
            zero = seconds if zero is None else zero
            if seconds - zero > until:
                break
            ring.tap(packet, stream, at + seconds - zero)
            then(at + seconds - zero)
    ring.reset()
    del packet, stream, container
    gc.collect()  # nothing of the connection is left


def record(
    ring: PacketRing, folder: Path, first: float, last: float, name: str = "clip", essential: float = float("-inf")
) -> tuple[Recording, RecordedClip]:
    """A clip of what the ring holds from `first` to `last` (seconds after EPOCH)."""
    recording = Recording(ring, folder / f"{name}.mp4.part", EPOCH + first, essential=EPOCH + essential)
    recording.step(EPOCH + last)
    recording.close()
    return recording, finish_clip(recording.part, folder / f"{name}.mp4")


def shown(path: Path) -> list[tuple[int, float]]:
    """Numbers (`tests.media_files.picture`) and times in seconds of all pictures of a clip."""
    with av.open(str(path)) as container:
        return [
            (number_of(frame.to_ndarray(format="bgr24")), round(float((frame.pts or 0) * frame.time_base), 3))
            for frame in container.decode(video=0)
        ]


def hashes(path: Path) -> list[tuple[float, int]]:
    """Times in seconds and pixels (their hash) of all pictures of a clip."""
    with av.open(str(path)) as container:
        return [
            (round(float((frame.pts or 0) * frame.time_base), 3), hash(frame.to_ndarray().tobytes()))
            for frame in container.decode(video=0)
        ]
