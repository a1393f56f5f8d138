"""The connection to the intake: one signed `PUT` for each picture, at a pace that a mobile contract can bear."""

from __future__ import annotations

import asyncio
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

import aiohttp
from pydantic import BaseModel, ValidationError
from yarl import URL

from edge_agent.uplink.answers import Answer, judged
from edge_agent.uplink.device_clock import DeviceClock
from edge_agent.uplink.parcel import Parcel
from vision.delivery.http_post import failure
from vision.wire.headers import MetaError, meta_header
from vision.wire.messages import CaptureRequest
from vision.wire.signing import Key, sign

_CONNECT_S = 20.0
_ANSWER_S = 30.0
_SLOWEST = 1000.0  # bytes a second, below which an upload is given up: GPRS on a bad day
_ANSWER_BYTES = 64 * 1024
_CHUNK = 8 * 1024


class _Asked(BaseModel):
    """The answer to `GET /v1/requests`."""

    requests: tuple[CaptureRequest, ...]


class Link(Protocol):
    """Where pictures go."""

    async def send(self, parcel: Parcel) -> Answer:
        """Upload one picture; never raises for what the network or the server does."""

    async def requests(self) -> tuple[CaptureRequest, ...]:
        """What the cloud asks this device for; nothing where it is not reached."""

    async def close(self) -> None:
        """Let the connection go."""


class CloudLink:
    """The intake at `url`. Lives in one event loop; the connection is opened with the first picture."""

    def __init__(
        self,
        url: str,
        key: Key,
        clock: DeviceClock,
        *,
        max_bytes_s: float | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base, self._key, self._clock, self._max = URL(url), key, clock, max_bytes_s
        self._pause, self._timer = pause, timer
        self._session: aiohttp.ClientSession | None = None
        self._lost: set[str] = set()  # pictures whose body went out without an answer: the cloud may have them

    async def send(self, parcel: Parcel) -> Answer:
        """See `Link`. A clock that the server calls wrong is set by it, and the picture sent again at once."""
        answer = await self._sent(parcel)
        if answer.outcome == "clock" and answer.server_time is not None:
            self._clock.learn(answer.server_time)
            answer = await self._sent(parcel)
        return answer

    async def requests(self) -> tuple[CaptureRequest, ...]:
        """See `Link`."""
        _, asked = await self._asked()
        return asked

    async def probe(self) -> str:
        """Ask for wishes: what is wrong, empty where the intake is there and knows the key. Learns a wrong clock."""
        answer, _ = await self._asked()
        if answer.outcome == "clock" and answer.server_time is not None:
            self._clock.learn(answer.server_time)
            answer, _ = await self._asked()
        return answer.reason

    async def _asked(self) -> tuple[Answer, tuple[CaptureRequest, ...]]:
        place = self._base / "v1" / "requests"
        timeout = aiohttp.ClientTimeout(total=_CONNECT_S + _ANSWER_S, sock_connect=_CONNECT_S)
        headers = self._signed("GET", place, b"", None)
        try:
            async with self._opened().get(place, headers=headers, allow_redirects=False, timeout=timeout) as response:
                body = await response.content.read(_ANSWER_BYTES)
                if response.status == 200:
                    return Answer("stored"), _Asked.model_validate_json(body).requests
                return judged(response.status, response.headers, body, "", self._clock.now()), ()
        except ValidationError:
            return Answer("unreachable", "something else than the intake answers at this address"), ()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Answer("unreachable", failure(error, _ANSWER_S)), ()

    async def close(self) -> None:
        """See `Link`."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _sent(self, parcel: Parcel) -> Answer:
        place = self._base / "v1" / "frames" / parcel.id
        try:
            headers = self._signed("PUT", place, parcel.data, meta_header(parcel.meta))
        except MetaError as error:
            return Answer("refused", str(error))
        headers |= {"Content-Type": parcel.media_type, "Content-Length": str(len(parcel.data))}
        seconds = _CONNECT_S + _ANSWER_S + len(parcel.data) / min(_SLOWEST, self._max or _SLOWEST)
        begun = asyncio.Event()
        # one that the cloud may have already is announced first: if so, its body need not go out a second time
        announced = parcel.id in self._lost
        self._lost.discard(parcel.id)
        try:
            async with self._opened().put(
                place,
                data=self._paced(parcel.data, begun),
                headers=headers,
                expect100=announced,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=_CONNECT_S, sock_read=_ANSWER_S),
            ) as response:
                body = await response.content.read(_ANSWER_BYTES)
                return judged(response.status, response.headers, body, parcel.id, self._clock.now())
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            if begun.is_set():
                self._lost.add(parcel.id)
            return Answer("failed" if begun.is_set() else "unreachable", failure(error, seconds))

    def _signed(self, method: str, place: URL, body: bytes, meta: str | None) -> dict[str, str]:
        return sign(
            self._key,
            method=method,
            target=place.raw_path_qs,
            body=body,
            created=int(self._clock.now()),
            nonce=secrets.token_urlsafe(18),
            meta=meta,
        )

    async def _paced(self, data: bytes, begun: asyncio.Event) -> AsyncIterator[bytes]:
        """The body in pieces, no faster than is allowed; `begun` once the first one is wanted."""
        start, sent = self._timer(), 0
        for at in range(0, len(data), _CHUNK):
            begun.set()
            piece = data[at : at + _CHUNK]
            yield piece
            sent += len(piece)
            if self._max:
                ahead = sent / self._max - (self._timer() - start)
                if ahead > 0 and sent < len(data):
                    await self._pause(ahead)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            tls = ssl.create_default_context() if self._base.scheme == "https" else True
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=1, ssl=tls),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                headers={"User-Agent": "Sightline"},
            )
        return self._session
