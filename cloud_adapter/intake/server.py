"""Listening: so many connections and no more, none that never gets to the point, every answer in one form."""

from __future__ import annotations

import asyncio
import errno
import logging
import ssl
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp import hdrs, web

from cloud_adapter.intake.body import CONTINUE, STALL_S
from cloud_adapter.intake.refusals import Refusal
from cloud_adapter.intake.settings import IntakeSettings
from vision.errors import ConfigError, OutsideError

_log = logging.getLogger("sightline.intake")
_BACKLOG = 1024
_READ_BUFFER = 16_384  # bytes that a connection buffers beside the body's own memory, twice at most
_LINGER_S = 20.0  # a device that reads its answer only after the whole body is sent gets it all the same
_IDLE_S = 30.0  # between two requests of one connection
_SHUTDOWN_S = 10.0  # for uploads that are under way
_FULL = b'{"error": "busy", "told": "too many connections are open; come back later"}\n'


class IntakeServer:
    """Serves the application of `build_intake` on the address of its settings, in the running event loop."""

    def __init__(self, app: web.Application, settings: IntakeSettings) -> None:
        self._app = app
        self._settings = settings
        self._runner: web.AppRunner | None = None
        self._listening: asyncio.Server | None = None
        self._open: set[_Connection] = set()

    async def start(self) -> None:
        """Listen. Raises `ConfigError` for a bad certificate, `OutsideError` where the address cannot be had."""
        tls = self._tls()
        runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        try:
            self._listening = await asyncio.get_running_loop().create_server(
                self._protocol(runner), self._settings.host, self._settings.port, backlog=_BACKLOG, ssl=tls
            )
        except (OSError, OverflowError, UnicodeError) as error:
            await runner.cleanup()
            raise OutsideError(self._trouble(error)) from None
        self._runner = runner
        _log.info("the intake listens", extra={"url": self.url})

    async def stop(self) -> None:
        """Listen no more, let uploads that are under way end; a second call does nothing."""
        runner, self._runner = self._runner, None
        if runner is not None and self._listening is not None:
            self._listening.close()
            await runner.cleanup()

    @property
    def connections(self) -> int:
        """Connections that are open."""
        return len(self._open)

    @property
    def port(self) -> int:
        """The port it listens on, also where any free one was asked for; 0 before `start`."""
        sockets = self._listening.sockets if self._listening is not None else ()
        return int(sockets[0].getsockname()[1]) if sockets else 0

    @property
    def url(self) -> str:
        """Where devices on this machine would send to."""
        host = "127.0.0.1" if self._settings.host == "0.0.0.0" else self._settings.host  # noqa: S104  # compared, not bound
        scheme = "https" if self._settings.certificate else "http"
        return f"{scheme}://[{host}]:{self.port}" if ":" in host else f"{scheme}://{host}:{self.port}"

    def _protocol(self, runner: web.AppRunner) -> Any:
        """What makes a protocol for each new connection."""
        server = runner.server
        assert server is not None
        handle = server.request_handler
        loop = asyncio.get_running_loop()

        async def begun(request: Any) -> web.StreamResponse:
            if isinstance(request.protocol, _Connection):
                request.protocol.head_came(request.content)
            if request.headers.get(hdrs.EXPECT, CONTINUE).lower() != CONTINUE:  # the framework's own answer is no JSON
                return Refusal(417, "expectation", "only Expect: 100-continue is understood").response()
            return await handle(request)

        server.request_handler = begun

        def made() -> asyncio.Protocol:
            if len(self._open) >= self._settings.load.connections:
                return _Full()
            return _Connection(
                server,
                loop=loop,
                open_=self._open,
                wait_s=self._settings.load.header_seconds,
                access_log=None,
                keepalive_timeout=_IDLE_S,
                lingering_time=_LINGER_S,
                read_bufsize=_READ_BUFFER,
                auto_decompress=False,  # a body is what was signed, not what it could be blown up to
            )

        return made

    def _tls(self) -> ssl.SSLContext | None:
        certificate, key = self._settings.certificate, self._settings.certificate_key
        if certificate is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"intake.certificate: {certificate} and its key cannot be used ({error.strerror})"
            ) from None
        return context

    def _trouble(self, error: Exception) -> str:
        where = f"{self._settings.host}:{self._settings.port}"
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            return f"intake.port: another program listens on {where}; stop it, or choose another port (0: any free one)"
        reason = getattr(error, "strerror", None) or str(error)
        return f"intake.host: cannot listen on {where} ({reason}); use 127.0.0.1, 0.0.0.0 or an address of this machine"


class _Connection(web.RequestHandler):
    """One connection; it is ended where the first head does not come in time (later ones: the idle time-out)."""

    __slots__ = ("_body", "_open", "_timer", "_wait_s")

    def __init__(self, *args: Any, wait_s: float, open_: set[_Connection], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._open = open_
        self._wait_s = wait_s
        self._timer: asyncio.TimerHandle | None = None
        self._body: aiohttp.StreamReader | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A device has connected: the head of a request is due."""
        super().connection_made(transport)
        self._open.add(self)
        self._wait()

    def connection_lost(self, exc: BaseException | None) -> None:
        """It is gone."""
        body = self._body
        self.head_came()
        self._open.discard(self)
        super().connection_lost(exc)
        if body is not None:
            body.feed_eof()  # else the framework would wait for the rest of it for as long as it lingers

    def head_came(self, body: aiohttp.StreamReader | None = None) -> None:
        """Nobody waits for it any more; its body may follow."""
        self._body = body
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._wait_s
        self._timer = loop.call_at(due, self._give_up, due)

    def _give_up(self, due: float) -> None:
        if asyncio.get_running_loop().time() - due > STALL_S:
            self._wait()
        elif self.transport is not None:
            self.transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What the framework could not read; its own answer and log line would repeat headers, and with them keys."""
        self.head_came()
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is under way already")
        _log.info("a request could not be read", extra={"remote": request.remote, "error": type(exc).__name__})
        known = {400: "malformed", 431: "long_header"}
        told = "this is no HTTP request that can be read" if status < 500 else "the intake made an error"
        response = Refusal(status, known.get(status, "broken"), told).response()
        response.force_close()
        return response


class _Full(asyncio.Protocol):
    """One connection too many: told so, and closed."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer whatever would have been asked."""
        assert isinstance(transport, asyncio.Transport)
        status = HTTPStatus.SERVICE_UNAVAILABLE
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\nRetry-After: 10\r\n"
        head += f"Content-Length: {len(_FULL)}\r\nConnection: close\r\n\r\n"
        transport.write(head.encode() + _FULL)
        transport.close()
