"""`sightline reload`: the running agent reads its config again."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any

import typer

from edge_agent.config import Config, load_config
from vision.errors import ConfigError, OutsideError

_TIMEOUT_S = 60.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reload")(reload_command)


def reload_command(
    config: Annotated[Path, typer.Option("--config", "-c", help="The agent's config file.", show_default=False)],
) -> None:
    """Have the running agent apply its changed config, restarting only what changed.

    A wrong config is refused, and the agent goes on with the old one.
    """
    from edge_agent.live.folder import data_dir_of, hang_up, running_agent

    wanted = load_config(config)
    folder = data_dir_of(wanted, config)
    agent = running_agent(folder)
    if agent is None:
        raise OutsideError(f"data_dir {folder}: no agent is running; start one with: sightline run --config {config}")
    if agent.get("api") is None:
        hang_up(int(agent["pid"]))
        typer.echo(f"asked process {agent['pid']} to read its config again; its log says what came of it")
        return
    done = _asked(str(agent["api"]), _token(wanted, folder))
    for key in ("started", "stopped", "restarted", "changed"):
        if done.get(key):
            typer.echo(f"{key}: {', '.join(done[key])}")
    if not any(done.get(key) for key in ("started", "stopped", "restarted", "changed")):
        typer.echo("nothing has changed")


def _token(config: Config, folder: Path) -> str:
    from edge_agent.api.token import load_token

    return load_token(config.api.token.filled_in() if config.api.token is not None else None, folder)


def _asked(api: str, token: str) -> dict[str, Any]:
    """The agent's answer. Raises `ConfigError` with its reason where it refuses."""
    request = urllib.request.Request(  # noqa: S310  # the agent's own http address, from its data folder
        f"{api}v1/reload", method="POST", headers={"Authorization": f"Bearer {token}"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        raise ConfigError(_reason(error)) from None
    except (OSError, ValueError) as error:
        raise OutsideError(f"{api}: the agent does not answer ({error}); its log may say why") from None


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        told = json.load(error)
    except ValueError:
        told = {}
    return str(told.get("error") or told.get("detail") or told.get("title") or f"refused with status {error.code}")
