"""`sightline cloud demo`: the whole way on this machine, with rendered pictures."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from vision.errors import InputError
from vision.settings import logs


def add(group: typer.Typer) -> None:
    """Add the command."""
    group.command("demo")(demo_command)


def demo_command(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the report.", show_default=False)],
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="crops.yaml (default) or manhole.yaml.", show_default=False)
    ] = None,
) -> None:
    """Rendered pictures through intake, model, guard and a pretended valve, to a report; nothing leaves this machine."""
    from cloud_adapter.demo.run import run_demo

    logs.setup("plain", "WARNING")
    if (out / "data").exists():
        raise InputError(f"{out}: holds an earlier demonstration; name another folder, or remove it")
    path = asyncio.run(run_demo(config or _shipped(), out, lambda line: typer.echo(f"  {line}")))
    typer.echo(f"report: {path}")
    typer.echo(f"look further: set -a; . {out}/demo.env; sightline cloud actions list --all --config {out}/config.yaml")


def _shipped() -> Path:
    """The config of crops: in the package where it was installed, in the repository beside it."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "demo" / "configs", package.parent / "configs"):
        if (folder / "crops.yaml").is_file():
            return folder / "crops.yaml"
    raise InputError("configs/crops.yaml is not beside the program; name a config: --config FILE")
