"""`sightline cloud serve` and `worker`: the long-running processes."""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path
from typing import Annotated, Literal

import typer

from cloud_adapter.commands.shared import ConfigOption, loaded
from vision.settings import logs

logger = logging.getLogger("sightline.cloud")

LogKind = Annotated[Literal["plain", "json"], typer.Option("--log", help="plain lines, or one JSON object a line.")]


def add(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("serve")(serve_command)
    group.command("worker")(worker_command)


def serve_command(
    config: ConfigOption,
    workers: Annotated[bool, typer.Option(help="Whether to work jobs off in this process too.")] = True,
    log: LogKind = "plain",
) -> None:
    """Take pictures of devices in, diagnose them, alert, act. Ends in order on SIGTERM or Ctrl+C."""
    logs.setup(log)
    asyncio.run(_serve(config, workers=workers))


def worker_command(config: ConfigOption, log: LogKind = "plain") -> None:
    """Work jobs off beside a `sightline cloud serve --no-workers`; as many of these as you like."""
    logs.setup(log)
    asyncio.run(_work(config))


async def _serve(config: Path, *, workers: bool) -> None:
    from cloud_adapter.service import open_parts, serve

    parts = open_parts(loaded(config))
    try:
        await serve(
            parts, _stopped(), workers=workers, ready=lambda server: logger.info("taking pictures in at %s", server.url)
        )
    finally:
        await parts.close()


async def _work(config: Path) -> None:
    from cloud_adapter.service import open_parts, work

    parts = open_parts(loaded(config))
    logger.info("working jobs off")
    try:
        await work(parts, _stopped())
    finally:
        await parts.close()


def _stopped() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
