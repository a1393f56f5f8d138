"""RTSP cameras, over TCP or UDP, with user and password (Basic, Digest)."""

from __future__ import annotations

import socket

import av
from av.container import InputContainer

from vision.errors import InputError
from vision.media.live.address import parts
from vision.media.live.base import SourceOptions
from vision.media.live.container import TICK_S, ContainerSource
from vision.media.live.registry import register

_GRACE_S = 1.0
_PORTS = {"rtsp": 554, "rtsps": 322}


@register("rtsp", "rtsps")
class RtspSource(ContainerSource):
    """One RTSP session; asks for video alone."""

    def __init__(self, address: str, options: SourceOptions) -> None:
        super().__init__(address, options)
        try:
            self._parts = parts(address)
        except ValueError as error:
            raise InputError(f"{self.place}: {error}") from None
        self.transport = f"rtsp/{options.transport}"

    def _open(self) -> InputContainer:
        # FFmpeg tells a name that cannot be resolved apart from nothing
        socket.getaddrinfo(self._parts.host, self._parts.port or _PORTS[self._parts.scheme], type=socket.SOCK_STREAM)
        options = {
            "rtsp_transport": self.options.transport,
            "allowed_media_types": "video",
            # A last resort: before that, opening is given up and reading is interrupted from here
            "timeout": str(round(2 * max(self.options.connect_s, self.options.stall_s) * 1e6)),
            # What the stream is tells its first packets; waiting for a measured frame rate costs seconds
            "fpsprobesize": "0",
            "analyzeduration": "100000",
            "buffer_size": "1048576",
        }
        # FFmpeg's word for an interrupted opening is anything; the one who waits must have given up before
        limits = (self.options.connect_s + _GRACE_S, TICK_S)
        return av.open(self._parts.full, options=options, timeout=limits, metadata_errors="replace")

    def _silent(self) -> str:
        if self.options.transport == "udp":
            return "connected, but no data comes; a firewall may stop UDP: set transport: tcp"
        return super()._silent()
