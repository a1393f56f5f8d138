"""`sightline check`: is this config file right, and if not, which line and what is allowed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.config import Config, config_schema
from edge_agent.config.check import CheckReport, check
from vision.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check")(check_command)


def check_command(
    file: Annotated[Path | None, typer.Argument(help="The config file.", show_default=False)] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the config, for editors.")] = False,
) -> None:
    """Validate a config: the line, the key, what is allowed, the nearest right key."""
    if schema:
        typer.echo(json.dumps(config_schema(), indent=2, ensure_ascii=False))
        return
    if file is None:
        typer.echo("say which file to check: sightline check FILE", err=True)
        raise typer.Exit(InputError.exit_status)
    report = check(file)
    for line in (*report.errors, *(f"warning: {line}" for line in report.warnings)):
        typer.echo(line, err=True)
    if report.config is None:
        raise typer.Exit(InputError.exit_status)
    for line in _summary(file, report, report.config):
        typer.echo(line)


def _summary(file: Path, report: CheckReport, config: Config) -> list[str]:
    lines = [f"OK  {file}", f"    model: {report.model}"]
    for camera in config.cameras:
        lines.append(f"    camera {camera.name}: {camera.source or 'no source (replay puts the clip in its place)'}")
        for kind, names in (
            ("zones", [zone.name for zone in camera.zones]),
            ("lines", [line.name for line in camera.lines]),
            (
                "rules",
                [_rule(rule.type, getattr(rule, "zone", None), getattr(rule, "line", None)) for rule in camera.rules],
            ),
        ):
            if names:
                lines.append(f"        {kind}: {', '.join(names)}")
    if config.alerts:
        lines.append(f"    alerts: {', '.join(alert.type for alert in config.alerts)}")
    return lines


def _rule(kind: str, zone: str | None, line: str | None) -> str:
    where = ", ".join(name for name in (zone, line) if name)
    return f"{kind} ({where})" if where else kind
