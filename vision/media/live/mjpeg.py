"""HTTP-MJPEG: one answer without end, a JPEG after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator

from vision.media.live.base import PacketTap, Shot
from vision.media.live.faults import fault
from vision.media.live.http import PICTURE_BYTES, Reader, answers, sampler_of
from vision.media.live.http_client import Answer
from vision.media.live.jpeg import JpegDecoder, JpegSplitter


@answers
class MjpegReader(Reader):
    """Decodes only the pictures that are wanted; there are no packets to copy."""

    content_types = ("multipart/",)

    def shots(self, answer: Answer, fps: float | None, tap: PacketTap | None) -> Iterator[Shot]:
        """The pictures as they arrive."""
        source, options = self.source, self.source.options
        splitter = JpegSplitter(PICTURE_BYTES, source.counts)
        decoder, sampler = JpegDecoder(), sampler_of(fps)
        index, seen = -1, 0.0
        while True:
            data = answer.read()
            source.stop_if_closed()
            if not data:
                raise fault("ended", source.place)
            now = time.monotonic()
            for jpeg in splitter.feed(data):
                index += 1
                t = source.time()
                wanted = sampler is None or sampler.take(t)
                if not wanted and seen:
                    continue
                picture = decoder.decode(jpeg)
                if picture is None:
                    source.counts["undecodable"] += 1
                    continue
                seen = now
                source.sees("mjpeg", *picture.size, "http/mjpeg")
                yield Shot(picture, t, now, index)
            if now - (seen or source.started) > max(options.connect_s, 2 * options.stall_s):
                raise fault("damaged" if seen else "no_video", source.place)
