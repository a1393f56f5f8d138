"""`sightline inspect`: quality inspection. Its subcommands are the files of `edge_agent.inspect.commands`."""

from __future__ import annotations

import typer

from vision.plugins import import_all


def register(app: typer.Typer) -> None:
    """Add the group with all its subcommands."""
    group = typer.Typer(
        name="inspect",
        help="Quality inspection: is this part good?",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    for module in import_all("edge_agent.inspect.commands"):
        module.register(group)
    app.add_typer(group)
