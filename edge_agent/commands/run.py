"""`sightline run`: the edge agent, live."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from edge_agent.config import Config, load_with_warnings
from edge_agent.live.folder import DataFolder, data_dir_of
from vision.settings import logs

log = logging.getLogger("sightline.agent")

LogKind = Literal["auto", "plain", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run_command)


def run_command(
    config: Annotated[Path, typer.Option("--config", "-c", help="The config file.", show_default=False)],
    log_format: Annotated[
        LogKind,
        typer.Option("--log", help="auto: a live view on a terminal, plain lines elsewhere; json: one object a line."),
    ] = "auto",
    log_level: Annotated[LogLevel, typer.Option("--log-level", help="The least important lines to show.")] = "info",
) -> None:
    """Watch the cameras of a config: detect, track, tell.

    Ends in order on SIGTERM or Ctrl+C within ten seconds; reads the config again on SIGHUP or `sightline reload`.
    """
    wanted, warnings = load_with_warnings(config)
    view = log_format == "auto" and sys.stderr.isatty()
    logs.setup("rich" if view else "plain" if log_format == "auto" else log_format, log_level.upper())
    for line in warnings:
        log.warning("%s", line)
    with DataFolder(data_dir_of(wanted, config)) as folder:
        asyncio.run(_run(config, wanted, folder, view=view))


async def _run(path: Path, config: Config, folder: DataFolder, *, view: bool) -> None:
    from edge_agent.live.agent import Agent
    from edge_agent.live.view import run_view

    stop = asyncio.Event()
    agent = Agent(path, config, folder)
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[object]] = set()

    def reload() -> None:
        task: asyncio.Task[object] = loop.create_task(agent.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload)

    async def show() -> None:
        await agent.up.wait()
        await run_view(agent, stop)

    watching = asyncio.create_task(show()) if view else None
    try:
        await agent.run(stop)
    finally:
        stop.set()
        if watching is not None:
            if not agent.up.is_set():
                watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
