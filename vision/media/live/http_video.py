"""Video over plain HTTP (MPEG-TS, fragmented MP4, FLV …), as encoders and some cameras send it."""

from __future__ import annotations

from collections.abc import Iterator

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from vision.media.live.base import PacketTap, Shot
from vision.media.live.container import ContainerSource
from vision.media.live.http import HttpSource, Reader, answers
from vision.media.live.http_client import Answer


class _Body:
    """An answer's body as the file that FFmpeg reads."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.name = answer.place

    def read(self, size: int) -> bytes:
        return self._answer.read(size)


class _Stream(ContainerSource):
    """The container in an answer."""

    def __init__(self, source: HttpSource, answer: Answer) -> None:
        super().__init__(source.address, source.options, source.clock)
        self._body = _Body(answer)
        self._closed = source.closed
        self.counts = source.counts
        self.transport = "http"

    def _open(self) -> InputContainer:
        options = {"analyzeduration": "1000000", "probesize": "1000000", "fpsprobesize": "0"}
        return av.open(self._body, mode="r", options=options, metadata_errors="replace")


@answers
class VideoReader(Reader):
    """Everything that calls itself video."""

    content_types = ("video/", "application/octet-stream", "application/mp4", "application/x-mpegts", "binary/")

    def shots(self, answer: Answer, fps: float | None, tap: PacketTap | None) -> Iterator[Shot]:
        """The pictures as they arrive."""
        stream = _Stream(self.source, answer)
        stream.on_note = self.source.on_note

        def follow(packet: av.Packet[VideoStream], of: VideoStream, t: float) -> None:
            self.source.info = stream.info
            if tap is not None:
                tap(packet, of, t)

        for shot in stream.shots(fps, follow):
            self.source.info = stream.info
            yield shot
