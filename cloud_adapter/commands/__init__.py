"""The commands `sightline cloud …`, one file for each group of them; found by themselves."""

from __future__ import annotations

import typer

from vision.plugins import import_all


def register(app: typer.Typer) -> None:
    """Add `cloud` to the command line (entry point `sightline.commands`)."""
    group = typer.Typer(
        help="The cloud adapter: pictures of many cheap cameras to a vision model, under a budget, with guarded actions.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    for module in import_all("cloud_adapter.commands"):
        if hasattr(module, "add"):
            module.add(group)
    app.add_typer(group, name="cloud")
