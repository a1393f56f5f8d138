"""Opens whatever live source an address stands for."""

from __future__ import annotations

from vision.errors import InputError
from vision.media.live.address import redacted, scheme_of
from vision.media.live.base import LiveSource, SourceOptions
from vision.media.live.registry import source_kinds


def open_live(address: str, options: SourceOptions | None = None) -> LiveSource:
    """The source at `address`; nothing is connected before its `shots` are asked for.

    `address`: rtsp(s)://…, http(s)://… (MJPEG, a picture to poll, or a video stream), usb:0, /dev/video0, a path or
    file://… (played in real time). Raises `InputError` for an address of no known kind.
    """
    scheme = scheme_of(address)
    kinds = source_kinds()
    if scheme not in kinds:
        known = ", ".join(kinds)
        raise InputError(f"{redacted(address)}: no way to read {scheme}:// is known; give one of {known}, or a path")
    return kinds[scheme](address, options or SourceOptions())
