"""Listening: start, the port that was found, stop within three seconds whoever is still connected."""

from __future__ import annotations

import errno
import logging

from aiohttp import web

from vision.errors import OutsideError

_log = logging.getLogger("sightline.api")
_SHUTDOWN_S = 1.0  # for answers that are under way; open streams are ended before


class ApiServer:
    """Serves an application on one address, in the running event loop."""

    def __init__(self, app: web.Application, host: str, port: int) -> None:
        self._app = app
        self._host = host
        self._wanted = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises `OutsideError` where the address cannot be had."""
        runner = web.AppRunner(
            self._app,
            access_log=None,
            shutdown_timeout=_SHUTDOWN_S,
            keepalive_timeout=30.0,
            lingering_time=1.0,
            handler_cancellation=True,  # a stream ends with its client, not at its next write
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._wanted).start()
        except (OSError, OverflowError, UnicodeError) as error:
            await runner.cleanup()
            raise OutsideError(self._trouble(error)) from None
        self._runner = runner
        _log.info("the API listens", extra={"url": self.url})

    async def stop(self) -> None:
        """End open streams and listen no more; a second call does nothing."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    @property
    def port(self) -> int:
        """The port it listens on, also where any free one was asked for; 0 before `start`."""
        if self._runner is None or not self._runner.addresses:
            return 0
        return int(self._runner.addresses[0][1])

    @property
    def url(self) -> str:
        """Where to point a browser on this machine."""
        host = "127.0.0.1" if self._host in {"0.0.0.0", "::"} else self._host  # noqa: S104  # compared, not bound
        return f"http://[{host}]:{self.port}/" if ":" in host else f"http://{host}:{self.port}/"

    def _trouble(self, error: Exception) -> str:
        where, number = f"{self._host}:{self._wanted}", getattr(error, "errno", None)
        if number == errno.EADDRINUSE:
            return f"api.port: another program listens on {where}; stop it, or choose another port (0: any free one)"
        if number == errno.EACCES:
            return f"api.port: {where} may not be opened without root; choose a port from 1024 up"
        reason = getattr(error, "strerror", None) or str(error)
        return f"api.host: cannot listen on {where} ({reason}); use 127.0.0.1, 0.0.0.0 or an address of this machine"
