"""The agent's HTTP interface: built from the config, started, moved when the config says so."""

from __future__ import annotations

import asyncio
import logging

from edge_agent.api.app import build_app
from edge_agent.api.server import ApiServer
from edge_agent.api.token import load_token
from edge_agent.config.models import ApiConfig
from edge_agent.live.folder import DataFolder
from edge_agent.live.status import AgentView
from vision.delivery.links import link_key
from vision.errors import OutsideError

log = logging.getLogger("sightline.api")

_ANSWER_S = 0.5  # the request that asked for the change is answered before its server goes


class ApiService:
    """Starts and stops the server; in the agent's event loop."""

    def __init__(self, view: AgentView, folder: DataFolder) -> None:
        self._view = view
        self._folder = folder
        self._server: ApiServer | None = None
        self._where = ("", 0)
        self._moving: asyncio.Task[None] | None = None

    async def start(self, config: ApiConfig) -> None:
        """Listen, where that is wanted. Raises `OutsideError` where the address cannot be had."""
        if config.enabled:
            self._server = self._built(config)
            await self._server.start()
        self._where = (config.host, config.port)
        self._folder.tell(self._server.url if self._server is not None else None)

    def _built(self, config: ApiConfig) -> ApiServer:
        folder = self._folder.path
        token = load_token(config.token.filled_in() if config.token is not None else None, folder)
        app = build_app(self._view, token=token, link_key=link_key(folder), evidence=folder, config=config)
        return ApiServer(app, config.host, config.port)

    async def restart(self, config: ApiConfig) -> None:
        """Move to what the config says now, after the request that asked for it has its answer.

        Raises `OutsideError` where the new address cannot be had; the old one is then kept.
        """
        before, after = self._server, None
        if config.enabled:
            after = self._built(config)
            if before is None or self._where != (config.host, config.port):
                await after.start()
        self._server, self._where = after, (config.host, config.port)
        self._moving = asyncio.create_task(self._move(before, after))

    async def _move(self, before: ApiServer | None, after: ApiServer | None) -> None:
        await asyncio.sleep(_ANSWER_S)
        if before is not None:
            await before.stop()
        if after is not None and after.port == 0:  # same address: only now it is free
            try:
                await after.start()
            except OutsideError as error:
                log.error("the API is gone: %s", error)  # noqa: TRY400  # its text says it all
        self._folder.tell(after.url if after is not None and after.port else None)

    async def stop(self) -> None:
        """Listen no more."""
        if self._moving is not None:
            await asyncio.gather(self._moving, return_exceptions=True)
        if self._server is not None:
            await self._server.stop()
