"""What every route is given: the agent, the keys, the limits, and the streams that are open."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

from edge_agent.api.pictures import Pictures
from edge_agent.api.problems import Problem
from edge_agent.config.models import ApiConfig
from edge_agent.live.status import AgentView

_log = logging.getLogger("sightline.api")
StreamKind = Literal["mjpeg", "sse"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one client, and all together, may ask for. `write_s`: a client that takes nothing for so long is let go."""

    mjpeg: int = 8
    sse: int = 32
    body_bytes: int = 16 * 1024
    events: int = 500
    fps: float = 15.0
    heartbeat_s: float = 15.0
    write_s: float = 20.0
    backlog: int = 256


class Streams:
    """The open streams: counted, and ended all at once when the server stops."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open: dict[StreamKind, int] = {"mjpeg": 0, "sse": 0}
        self._tasks: set[asyncio.Task[None]] = set()
        self.closing = False

    @contextmanager
    def place(self, kind: StreamKind) -> Iterator[None]:
        """Take one of the places of this kind; raises `Problem` 503 where all are taken."""
        most = self._limits.mjpeg if kind == "mjpeg" else self._limits.sse
        if self.closing or self._open[kind] >= most:
            raise Problem(
                503,
                f"{most} clients are watching already",
                "close another page that shows a live picture, or ask for snapshots",
                headers={"Retry-After": "5"},
            )
        self._open[kind] += 1
        try:
            yield
        finally:
            self._open[kind] -= 1

    async def run(self, request: web.Request, body: Coroutine[Any, Any, None]) -> None:
        """Run a stream to its end: the client went away, or the server stops."""
        task = asyncio.create_task(body)
        self._tasks.add(task)
        try:
            await task
        except (ConnectionError, TimeoutError):
            _abort(request)
        except Exception:  # noqa: BLE001  # its answer has begun: there is no other way to say so than to end it
            _log.exception("a stream failed", extra={"path": request.path})
            _abort(request)
        except asyncio.CancelledError:
            _abort(request)
            if not self.closing:
                raise
        finally:
            task.cancel()
            self._tasks.discard(task)

    def close(self) -> None:
        """End them all."""
        self.closing = True
        for task in tuple(self._tasks):
            task.cancel()


def _abort(request: web.Request) -> None:
    """Let the connection go without waiting for what the client has not taken."""
    if request.transport is not None:
        request.transport.abort()


@dataclass(slots=True)
class Api:
    """Shared by all routes; `clock` gives epoch seconds UTC."""

    view: AgentView
    token: str
    link_key: bytes | None
    evidence: Path
    config: ApiConfig
    limits: Limits = field(default_factory=Limits)
    clock: Callable[[], float] = time.time
    streams: Streams = field(init=False)
    pictures: Pictures = field(init=False)

    def __post_init__(self) -> None:
        self.streams = Streams(self.limits)
        self.pictures = Pictures(self.view)


API: web.AppKey[Api] = web.AppKey("api", Api)
