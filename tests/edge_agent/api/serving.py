"""The API over a fake agent, in this event loop or in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from edge_agent.api import ApiServer, build_app
from edge_agent.api.context import Limits
from edge_agent.config.models import ApiConfig
from edge_agent.live.status import AgentView
from tests.edge_agent.api.fake_agent import FakeAgent

TOKEN = "a-token-of-the-tests-0123456789"
KEY = bytes(range(32))
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True)
class Served:
    """A running server, and a client that shows the token."""

    agent: FakeAgent
    server: ApiServer
    client: aiohttp.ClientSession

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        """Status and JSON."""
        async with self.client.get(path, **options) as answer:
            return answer.status, await answer.json(content_type=None)


def server(agent: AgentView, evidence: Path, *, limits: Limits | None = None, **config: Any) -> ApiServer:
    settings = ApiConfig(port=0, **config)
    app = build_app(agent, token=TOKEN, link_key=KEY, evidence=evidence, config=settings, limits=limits)
    return ApiServer(app, settings.host, settings.port)


@asynccontextmanager
async def serving(
    evidence: Path = Path("/nonexistent"),
    *,
    agent: FakeAgent | None = None,
    limits: Limits | None = None,
    **config: Any,
) -> AsyncIterator[Served]:
    agent = agent or FakeAgent()
    api = server(agent, evidence, limits=limits, **config)
    await api.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{api.port}", headers=BEARER) as client:
            yield Served(agent, api, client)
    finally:
        await api.stop()


@asynccontextmanager
async def stuck(port: int, path: str) -> AsyncIterator[None]:
    """A client that asks and then takes nothing of the answer."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, ("127.0.0.1", port))
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {BEARER['Authorization']}\r\n\r\n"
        await loop.sock_sendall(connection, head.encode())
        yield


@contextmanager
def serving_in_thread(agent: AgentView, evidence: Path) -> Iterator[tuple[str, asyncio.AbstractEventLoop]]:
    """The address and the loop of a server in a thread, for a browser driven from this one."""
    loop = asyncio.new_event_loop()

    def work() -> None:
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    api = server(agent, evidence)
    try:
        asyncio.run_coroutine_threadsafe(api.start(), loop).result(10)
        yield api.url, loop
    finally:
        asyncio.run_coroutine_threadsafe(api.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
