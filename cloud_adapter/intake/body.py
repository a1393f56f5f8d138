"""Reading a body that may come slowly, may never end, or may be larger than it says."""

from __future__ import annotations

import asyncio

from aiohttp import hdrs, web

from cloud_adapter.intake.refusals import Refusal
from cloud_adapter.intake.settings import LoadLimits

CONTINUE = "100-continue"
STALL_S = 0.25  # a timer that comes this late: it is this machine that stalls, which is no fault of the device
_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


async def wait_with_continue(_: web.Request) -> None:
    """Expect handler: `100 Continue` is sent only once the head has been accepted (`read_body`)."""


def announced(request: web.Request, largest: int) -> int:
    """Bytes that the body will have. Raises `Refusal` where it is not told, too large or compressed."""
    if hdrs.CONTENT_ENCODING in request.headers:
        raise Refusal(415, "encoded", "send the body as it is, without Content-Encoding")
    length = request.content_length
    if length is None or hdrs.TRANSFER_ENCODING in request.headers:
        raise Refusal(411, "no_length", "send Content-Length, not chunks: room is reserved before a body is read")
    if length > largest:
        raise Refusal(
            413, "too_large", f"the body has {length} bytes; at most {largest} are taken", more={"max_bytes": largest}
        )
    if length == 0:
        raise Refusal(400, "empty", "the body is empty")
    return length


def expects_continue(request: web.Request) -> bool:
    """Whether the device waits for our word before it sends the body."""
    return request.headers.get(hdrs.EXPECT, "").lower() == CONTINUE


async def read_body(request: web.Request, length: int, load: LoadLimits) -> bytes:
    """The whole body. Raises `Refusal`: 408 where it lags behind the slowest speed by more than the grace, 400 cut off."""
    if expects_continue(request):
        await request.writer.write(_GO_ON)
        request.writer.output_size = 0  # as the framework's own handler does: an answer can still be sent
    loop = asyncio.get_running_loop()
    started, received, body = loop.time(), 0, bytearray(length)  # zeroed memory costs nothing until it is written to
    while received < length:
        due = started + load.grace_seconds + received / load.bytes_per_second
        try:
            async with asyncio.timeout_at(due):
                chunk = await request.content.readany()
        except TimeoutError:
            late = loop.time() - due
            if late > STALL_S:
                started += late
                continue
            raise Refusal(408, "too_slow", "the body came too slowly; send it again, smaller if need be") from None
        except (web.RequestPayloadError, ConnectionError):
            chunk = b""
        if not chunk:
            raise Refusal(400, "broken_off", "the body ended before its Content-Length; send it again")
        body[received : received + len(chunk)] = chunk
        received += len(chunk)
    return bytes(body)
