"""JPEG pictures out of bytes: cut out of a stream, decoded so that the brightness comes for free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext

from vision.frame import ArrayPicture, Picture
from vision.media.picture import DecodedPicture, SharedConverter

_BEGIN, _END = b"\xff\xd8\xff", b"\xff\xd9"
_SCAN = 0xDA
_KEPT = 1024  # of what is no picture, so that a line between pictures that comes in two pieces is seen whole


class JpegSplitter:
    """Cuts JPEG pictures out of a byte stream by their own marks.

    Multipart headers are of no use for it: cameras misstate boundaries and lengths. In the coded data of a picture FF is
    never followed by D8 or D9, so that one that breaks off is known by the begin of the next; one that breaks off in its
    headers by the line that stands between all pictures, as it was seen before the first.
    """

    def __init__(self, limit: int, counts: Counter[str]) -> None:
        self._limit, self._counts = limit, counts
        self._buffer = bytearray()
        self._between = b""
        self._seek = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pictures that are complete with this."""
        self._buffer += data
        while self._at_picture():
            coded = _coded_data(self._buffer)
            end = -1 if coded is None else self._buffer.find(_END, max(coded, self._seek))
            stop = end if end >= 0 else len(self._buffer)
            broken = -1 if coded is None else self._buffer.find(_BEGIN, coded, stop)
            if broken < 0 and self._between:
                broken = self._buffer.find(self._between, 0, stop)
            if broken >= 0:
                self._cut(broken)
            elif end >= 0:
                picture = bytes(self._buffer[: end + 2])
                del self._buffer[: end + 2]
                self._seek = 0
                yield picture
            else:
                self._seek = max(0, len(self._buffer) - 1)
                if len(self._buffer) > self._limit:
                    self._cut(len(self._buffer))
                return

    def _at_picture(self) -> bool:
        """Drop what stands before the next picture; whether there is one."""
        begin = self._buffer.find(_BEGIN)
        if begin < 0:
            del self._buffer[: max(0, len(self._buffer) - _KEPT)]
            return False
        if begin:
            line = self._buffer[:begin].lstrip(b"\r\n").partition(b"\n")[0].rstrip(b"\r")
            if not self._between and line.startswith(b"--") and len(line) > 4:
                self._between = b"\n" + bytes(line)
            del self._buffer[:begin]
            self._seek = 0
        return True

    def _cut(self, at: int) -> None:
        self._counts["corrupt"] += 1
        del self._buffer[:at]
        self._seek = 0


def _coded_data(data: bytearray) -> int | None:
    """Where the coded data begins: behind the headers, in which a thumbnail may stand. None: not here yet."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return at  # no JPEG as it should be; its end will be found all the same
        mark = data[at + 1]
        if mark == 0xFF:
            at += 1
            continue
        if mark in {0x01, *range(0xD0, 0xD8)}:
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if mark == _SCAN or length < 2:
            return at + 4
        at += 2 + length
    return None


class JpegDecoder:
    """Decodes the pictures of one source; other formats than JPEG are taken too."""

    def __init__(self) -> None:
        context = av.CodecContext.create("mjpeg", "r")
        assert isinstance(context, VideoCodecContext)
        self._context = context
        self._context.thread_type = "NONE"
        self._converter = SharedConverter()

    def decode(self, data: bytes) -> Picture | None:
        """The picture, None where the data cannot be decoded."""
        if data.startswith(_BEGIN):
            try:
                for frame in self._context.decode(av.Packet(data)):
                    return DecodedPicture(frame, self._converter)
            except (av.FFmpegError, ValueError):
                return None
            return None
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        return None if image is None else ArrayPicture(np.asarray(image, dtype=np.uint8))
