"""HTTP POST of the webhook sender: kept connections, no redirects, no proxies, and what every answer means."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
from yarl import URL

from vision.delivery.senders.base import Disabled, Refused, Retry, SendError

_ANSWER_BYTES = 64 * 1024  # so much of an answer is read, to use the connection again
_ANSWER_S = 2.0
_PROBE_S = 10.0


class Poster:
    """Posts to one address, the only one that is ever called; made and used inside the event loop."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url, self._timeout_s = URL(url), timeout_s
        self._tls = ssl.create_default_context() if self._url.scheme == "https" else None
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=16, ttl_dns_cache=60, ssl=self._tls or True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            trust_env=False,
            auto_decompress=False,
            headers={"User-Agent": "Sightline"},
        )

    async def post(self, body: bytes, headers: Mapping[str, str], now: float) -> None:
        """Returns once the receiver has taken it. Raises `Retry`, `Refused` or `Disabled`."""
        try:
            async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as response:
                _judge(response.status, response.headers, now)
                await _drained(response)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Retry(failure(error, self._timeout_s)) from None

    async def probe(self, now: float) -> str:
        """Connect, shake hands for TLS, hang up: no request is made. Raises `SendError`."""
        try:
            async with asyncio.timeout(_PROBE_S):
                _, writer = await asyncio.open_connection(self._url.host, self._url.port, ssl=self._tls)
        except (OSError, TimeoutError) as error:
            raise SendError(failure(error, _PROBE_S)) from None
        certificate = None if self._tls is None else writer.get_extra_info("peercert")
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), _ANSWER_S)
        return "reachable, " + ("not encrypted" if self._tls is None else _validity(certificate, now))

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


def _judge(status: int, headers: Mapping[str, str], now: float) -> None:
    """What an answer means."""
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise Refused(f"HTTP {status}: redirects are not followed; put the new address into the config")
    if status == 410:
        raise Disabled("HTTP 410: the receiver wants no more messages")
    if status in (408, 425, 429) or status >= 500:
        raise Retry(f"HTTP {status}", retry_after(headers.get("Retry-After"), now))
    raise Refused(f"HTTP {status}")


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds to wait, from a `Retry-After` of seconds or an HTTP date (RFC 9110, 10.2.3); None where there is none."""
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now)


async def _drained(response: aiohttp.ClientResponse) -> None:
    """Read a short answer, so that the connection can be used again; of a long or slow one it is closed."""
    with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
        async with asyncio.timeout(_ANSWER_S):
            await response.content.read(_ANSWER_BYTES)
    if not response.content.at_eof():
        response.close()


def failure(error: BaseException, seconds: float) -> str:
    """Why it failed, in words that hold neither address nor password."""
    cause = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    kinds: tuple[tuple[type[BaseException], str], ...] = (
        (TimeoutError, f"no answer within {seconds:g} s"),
        (ssl.SSLCertVerificationError, f"the certificate is not valid: {getattr(cause, 'verify_message', '')}"),
        (ssl.SSLError, f"TLS failed: {(getattr(cause, 'reason', '') or 'no common ground').lower().replace('_', ' ')}"),
        (socket.gaierror, "the host name is not known"),
        (ConnectionRefusedError, "connection refused"),
        (ConnectionResetError, "the connection was cut before an answer"),
        (aiohttp.ServerDisconnectedError, "the connection was cut before an answer"),
    )
    for kind, words in kinds:
        if isinstance(cause, kind) or isinstance(error, kind):
            return words
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return f"no proper HTTP answer ({type(error).__name__})"


def _validity(certificate: Mapping[str, object] | None, now: float) -> str:
    until = (certificate or {}).get("notAfter")
    if not isinstance(until, str):
        return "encrypted"
    days = (ssl.cert_time_to_seconds(until) - now) / 86400
    return f"certificate expires in {int(days)} days ({datetime.fromtimestamp(now + days * 86400, UTC):%Y-%m-%d})"
