"""`sightline check`: is this config file right, and if not, which line and what is allowed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.config import Config, config_schema
from edge_agent.config.check import CheckReport, check
from edge_agent.live.folder import data_dir_of
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
    words, doubts = ("", []) if report.config is None else _words(file, report.config)
    for line in (*report.errors, *(f"warning: {line}" for line in (*report.warnings, *doubts))):
        typer.echo(line, err=True)
    if not report.ok:
        raise typer.Exit(InputError.exit_status)
    typer.echo(f"OK  {file}")
    own = [] if report.config is None else _summary(report, report.config, words)
    for line in (*own, *report.parts):
        typer.echo(f"    {line}")


def _words(file: Path, config: Config) -> tuple[str, list[str]]:
    """Who words the events, whether that fits this machine, and what is doubtful about it."""
    if config.language.backend == "template":
        return "", []
    from edge_agent.language.fitness import fitness

    told, doubts = fitness(config, data_dir_of(config, file))
    return told, [f"{file.name}: {doubt}" for doubt in doubts]


def _summary(report: CheckReport, config: Config, words: str) -> list[str]:
    lines = [f"model: {report.model}"] if report.model else []
    for camera in config.cameras:
        lines.append(f"camera {camera.name}: {camera.source or 'no source (replay puts the clip in its place)'}")
        for kind, names in (
            ("zones", [zone.name for zone in camera.zones]),
            ("lines", [line.name for line in camera.lines]),
            (
                "rules",
                [_rule(rule.type, getattr(rule, "zone", None), getattr(rule, "line", None)) for rule in camera.rules],
            ),
        ):
            if names:
                lines.append(f"    {kind}: {', '.join(names)}")
        if camera.tier == "cloud" and camera.capture is not None:
            capture = camera.capture
            when = ", ".join(capture.at) + (" and what the detector sees" if capture.detector else "")
            lines.append(f"    to the cloud as {capture.profile}: {when}")
    if words:
        lines.append(f"words: {words}")
    if config.uplink is not None:
        lines.append(f"uplink: {config.uplink.url} as site {config.uplink.site}")
    if config.alerts:
        lines.append(f"alerts: {', '.join(alert.type for alert in config.alerts)}")
    return lines


def _rule(kind: str, zone: str | None, line: str | None) -> str:
    where = ", ".join(name for name in (zone, line) if name)
    return f"{kind} ({where})" if where else kind
