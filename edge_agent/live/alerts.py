"""The alert targets of the running agent: policy and outbox, built from the config and replaced when it changes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from edge_agent.config import Config
from vision.delivery.links import link_key, linker
from vision.delivery.outbox import Outbox, build_senders
from vision.delivery.policy import Policy
from vision.delivery.senders.base import SenderContext, Watched, target_names
from vision.delivery.store import Store


def sender_context(config: Config, folder: Path, clock: Callable[[], float]) -> SenderContext:
    """What senders may know of this agent."""
    link = None
    if config.api.public_url and config.api.enabled:
        link = linker(config.api.public_url, link_key(folder), config.api.link_hours, clock)
    cameras = tuple(Watched(c.name, tuple((rule.title, rule.type) for rule in c.rules)) for c in config.cameras)
    return SenderContext(evidence=folder, clock=clock, cameras=cameras, link=link, site=config.site)


class Alerts:
    """Lives in the agent's event loop; `wake`, `online` and `status` are safe from any thread."""

    def __init__(self, store: Store, folder: Path, clock: Callable[[], float]) -> None:
        self.policy = Policy(())
        self._store = store
        self._folder = folder
        self._clock = clock
        self._outbox: Outbox | None = None
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context: SenderContext | None = None
        self._links: tuple[str | None, float] = (None, 0.0)

    async def start(self, config: Config) -> None:
        """Begin to send. Raises `ConfigError` where a target cannot be built."""
        self._loop = asyncio.get_running_loop()
        self._context, self._links = sender_context(config, self._folder, self._clock), _links(config)
        senders = build_senders(config.alerts, self._context)
        self._set_policy(config)
        self._outbox = Outbox(self._store, senders, clock=self._clock, random=random.random)
        self._task = asyncio.create_task(self._outbox.run(), name="outbox")

    async def restart(self, config: Config) -> None:
        """Other targets from now on; those that stay the same go on undisturbed."""
        assert self._outbox is not None
        context = sender_context(config, self._folder, self._clock)
        if self._links == _links(config) and self._context is not None:
            context = replace(context, link=self._context.link)  # functions do not compare, what makes them does
        senders = build_senders(config.alerts, context, keep=self._outbox.senders)
        self._context, self._links = context, _links(config)
        self._set_policy(config)
        await self._outbox.replace(senders)

    async def stop(self, seconds: float) -> None:
        """Send what is due, for so many seconds at most; the rest stays in the store."""
        if self._outbox is not None:
            await self._outbox.drain(seconds)
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """Something was committed."""
        if self._outbox is not None:
            self._outbox.wake()

    def online(self, camera: str, up: bool) -> None:
        """A camera went up or down."""
        if self._loop is not None and self._outbox is not None and not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(self._outbox.online(camera, up), self._loop)

    def status(self) -> Mapping[str, str]:
        """Target -> `ok` or what is wrong."""
        return {} if self._outbox is None else self._outbox.status()

    def _set_policy(self, config: Config) -> None:
        self.policy = Policy(tuple(zip(target_names(config.alerts), config.alerts, strict=True)))


def _links(config: Config) -> tuple[str | None, float]:
    """What links to evidence are made of."""
    return (config.api.public_url if config.api.enabled else None), config.api.link_hours
