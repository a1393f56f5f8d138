"""Snapshot addresses: a picture that is asked for again and again."""

from __future__ import annotations

import time
from collections.abc import Iterator

from vision.media.live.base import PacketTap, Shot
from vision.media.live.faults import fault
from vision.media.live.http import PICTURE_BYTES, Reader, answers, sampler_of
from vision.media.live.http_client import Answer
from vision.media.live.jpeg import JpegDecoder

# So many broken pictures in a row and the camera counts as lost; single ones are stepped over
_BROKEN = 3


@answers
class SnapshotReader(Reader):
    """One picture every `poll_s`, over one connection where the camera keeps it; there are no packets to copy."""

    content_types = ("image/",)

    def shots(self, answer: Answer, fps: float | None, tap: PacketTap | None) -> Iterator[Shot]:
        """The pictures as they are given."""
        source = self.source
        decoder, sampler = JpegDecoder(), sampler_of(fps)
        index = broken = 0
        asked = source.started
        while True:
            data = answer.whole(PICTURE_BYTES)
            source.stop_if_closed()
            picture = decoder.decode(data)
            if picture is None:
                source.counts["undecodable"] += 1
                broken += 1
                if broken >= _BROKEN:
                    raise fault("damaged", source.place, "the camera's pictures cannot be decoded; check the address")
            else:
                broken = 0
                t = source.time()
                source.sees(answer.content_type.partition("/")[2], *picture.size, "http/snapshot")
                if sampler is None or sampler.take(t):
                    yield Shot(picture, t, time.monotonic(), index)
                index += 1
            asked = self._wait(asked)
            answer = source.session.get()
            if not answer.content_type.startswith(self.content_types):
                raise fault("no_video", source.place, "the camera no longer answers with pictures; check the address")

    def _wait(self, asked: float) -> float:
        """Until it is time to ask again; without catching up on what was missed."""
        due = max(asked + self.source.options.poll_s, time.monotonic())
        self.source.closed.wait(due - time.monotonic())
        self.source.stop_if_closed()
        return due
