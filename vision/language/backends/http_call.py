"""One POST with a hard end: connecting, sending, waiting and reading together never take longer than they may.

A thread of its own does the work, and its connection is cut at the deadline: neither a name server that hangs nor an
answer that drips in byte by byte holds the caller. No redirects, no proxy, no second try.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from vision.errors import InputError
from vision.language.model import Failure, NoAnswer

LONGEST = 1 << 20  # bytes of a reply; bounded fields take a few hundred


@dataclass(frozen=True, slots=True)
class Target:
    """Where to post: `path` without a slash at its end."""

    secure: bool
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> Target:
        """Raises `InputError` for an address that is none."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise InputError(f"language.url is no address: {error}") from error
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InputError("language.url must begin with http:// or https:// and name a host")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise InputError("language.url holds a name, a key or a query; the key belongs under api_key: ${NAME}")
        secure = parts.scheme == "https"
        return cls(secure, parts.hostname, port or (443 if secure else 80), parts.path.rstrip("/") or "/v1")

    def __str__(self) -> str:
        """For logs."""
        return f"{self.host}:{self.port}"


class Call:
    """One request under way. `post` blocks, `cancel` from any thread ends it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._cut = False
        self._done = threading.Event()
        self._status = 0
        self._body = b""
        self._error: Exception | None = None

    def post(self, path: str, body: bytes, headers: Mapping[str, str], deadline_s: float) -> tuple[int, bytes]:
        """Status and body. Raises `NoAnswer`: `unreachable`, `timeout`, `invalid`."""
        worker = threading.Thread(
            target=self._work, args=(path, body, headers, deadline_s), name="language-call", daemon=True
        )
        worker.start()
        if not self._done.wait(max(0.0, deadline_s)):
            self.cancel()
            raise NoAnswer("timeout", f"{self._target}: no answer in {deadline_s:.1f} s")
        worker.join(1.0)
        if self._error is not None:
            raise _failure(self._target, self._error) from self._error
        return self._status, self._body

    def cancel(self) -> None:
        """Cut the connection, now or as soon as there is one."""
        with self._lock:
            self._cut = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)

    def _work(self, path: str, body: bytes, headers: Mapping[str, str], deadline_s: float) -> None:
        connection: http.client.HTTPConnection | None = None
        try:
            connection = self._connect(deadline_s)
            connection.request("POST", self._target.path + path, body=body, headers=dict(headers))
            with connection.getresponse() as response:  # else it keeps the socket open after the connection
                self._read(response)
        except Exception as error:  # noqa: BLE001  # the caller's thread tells which
            self._error = error
        finally:
            with self._lock:
                self._socket = None
                if connection is not None:
                    connection.close()
            self._done.set()

    def _read(self, response: http.client.HTTPResponse) -> None:
        self._status = response.status
        self._body = response.read(LONGEST + 1)
        if len(self._body) > LONGEST:
            raise _TooMuch
        length = response.getheader("Content-Length")
        if length is not None and length.isdigit() and len(self._body) < int(length):
            raise http.client.IncompleteRead(self._body)

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        host, port = self._target.host, self._target.port
        connection: http.client.HTTPConnection
        if self._target.secure:
            connection = http.client.HTTPSConnection(
                host, port, timeout=timeout_s, context=ssl.create_default_context()
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
        connection.connect()
        with self._lock:
            self._socket = connection.sock
            if self._cut:
                connection.close()
                raise ConnectionAbortedError
        return connection


class _TooMuch(Exception):
    """A reply without an end."""


# What the network raises, the most special first: what is told, without a word of the request
_TOLD: tuple[tuple[tuple[type[Exception], ...], Failure, str], ...] = (
    ((_TooMuch,), "invalid", f"a reply of more than {LONGEST} bytes"),
    ((TimeoutError,), "timeout", "no answer in time"),
    ((ssl.SSLCertVerificationError,), "unreachable", "its certificate is not to be trusted"),
    ((ssl.SSLError,), "unreachable", "no secure connection; is it https at all?"),
    ((socket.gaierror,), "unreachable", "no such host; mend language.url"),
    ((ConnectionRefusedError,), "unreachable", "nobody listens there; start the server or mend language.url"),
    ((ConnectionError, http.client.IncompleteRead), "unreachable", "the connection was cut"),
    ((http.client.HTTPException, ValueError), "invalid", "this is no HTTP"),
)


def _failure(target: Target, error: Exception) -> NoAnswer:
    for kinds, failure, text in _TOLD:
        if isinstance(error, kinds):
            return NoAnswer(failure, f"{target}: {text}")
    return NoAnswer("unreachable", f"{target}: {type(error).__name__}")
