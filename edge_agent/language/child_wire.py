"""What the agent and the model's process say to each other: JSON with binary parts, length first, over two pipes.

A frame is four bytes (length of the JSON, big-endian), the JSON object, then its binary parts, whose lengths are in the
object under `parts`. No pickle: what comes from a process that reads foreign model files is data. Both sides bound what
they take.
"""

from __future__ import annotations

import json
import os
import select
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

MAX_JSON = 4 << 20
MAX_PARTS = 160 << 20  # eight pictures of 16 MiB, and then some
MAX_COUNT = 64
Message = dict[str, Any]


class Broken(Exception):
    """The other side is gone, or does not speak this language."""


class Late(Exception):
    """Nothing whole came, or went, in time."""


def encode(message: Message, parts: Sequence[bytes] = ()) -> bytes:
    """One frame."""
    body = json.dumps({**message, "parts": [len(part) for part in parts]}).encode()
    if len(body) > MAX_JSON:
        raise Broken(f"a message of {len(body)} bytes")
    return b"".join((struct.pack(">I", len(body)), body, *parts))


def read_frame(read: Callable[[int], bytes]) -> tuple[Message, list[bytes]]:
    """One frame from `read(size)`, which gives all the bytes it was asked for, or raises."""
    (size,) = struct.unpack(">I", read(4))
    if size > MAX_JSON:
        raise Broken(f"a message of {size} bytes")
    try:
        message = json.loads(read(size))
    except (ValueError, RecursionError) as error:
        raise Broken("a message that is not JSON") from error
    if not isinstance(message, dict):
        raise Broken("a message that is no object")
    lengths = message.pop("parts", [])
    if (
        not isinstance(lengths, list)
        or len(lengths) > MAX_COUNT
        or not all(type(one) is int and one >= 0 for one in lengths)
        or sum(lengths) > MAX_PARTS
    ):
        raise Broken("a message whose parts make no sense")
    return message, [read(length) for length in lengths]


class Pipe:
    """The agent's end. Waits until a moment (monotonic seconds); a frame read halfway is kept for the next call."""

    def __init__(self, reader: int, writer: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Takes the two file descriptors over; `close` closes neither (their owner does)."""
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._buffer = bytearray()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)

    def send(self, message: Message, parts: Sequence[bytes] = (), *, until: float) -> None:
        """Raises `Late` (the frame may be cut off: the other side is of no use any more) or `Broken`."""
        left = memoryview(encode(message, parts))
        while left:
            self._wait(self._writer, select.POLLOUT, until)
            try:
                left = left[os.write(self._writer, left[: 1 << 16]) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise Broken("the pipe is closed") from error

    def receive(self, *, until: float) -> tuple[Message, list[bytes]]:
        """The next frame. Raises `Late`, or `Broken` once nothing more can come."""
        while True:
            taken = 0

            def read(size: int) -> bytes:
                nonlocal taken
                if len(self._buffer) < taken + size:
                    raise _Incomplete
                taken += size
                return bytes(self._buffer[taken - size : taken])

            try:
                frame = read_frame(read)
            except _Incomplete:
                self._more(until)
                continue
            del self._buffer[:taken]
            return frame

    def _more(self, until: float) -> None:
        self._wait(self._reader, select.POLLIN, until)
        try:
            data = os.read(self._reader, 1 << 16)
        except BlockingIOError:
            return
        except OSError as error:
            raise Broken("the pipe is closed") from error
        if not data:
            raise Broken("the pipe is closed")
        self._buffer += data

    def _wait(self, fd: int, event: int, until: float) -> None:
        poll = select.poll()
        poll.register(fd, event)
        if not poll.poll(max(0.0, until - self._clock()) * 1000):
            raise Late


class _Incomplete(Exception):
    """More bytes are needed."""
