"""The HTTP connection of a backend: no redirects (a picture goes where the config says), no retries, bounded answers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2

from cloud_adapter.providers.faults import OversizedError

_CONNECT_S = 10.0
_ANSWER_BYTES = 1_000_000  # a closed answer has a few hundred
_CONNECTIONS = 16


def connection() -> httpx2.AsyncClient:
    """A client for one backend; the whole call's deadline is kept by who calls."""
    return httpx2.AsyncClient(
        follow_redirects=False,
        timeout=httpx2.Timeout(None, connect=_CONNECT_S, pool=_CONNECT_S),
        limits=httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
        headers={"Accept-Encoding": "identity"},  # no room for a bomb in the answer
        event_hooks={"response": [_bound]},
    )


async def _bound(response: httpx2.Response) -> None:
    stream = response.stream
    if isinstance(stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(stream)


class _Bounded(httpx2.AsyncByteStream):
    """A stream that ends with an error beyond `_ANSWER_BYTES`."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for part in self._stream:
            read += len(part)
            if read > _ANSWER_BYTES:
                raise OversizedError(f"more than {_ANSWER_BYTES} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()
