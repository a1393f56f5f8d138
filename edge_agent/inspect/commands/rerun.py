"""`sightline inspect rerun`: earlier verdicts made again from what was kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("rerun")(rerun_command)


def rerun_command(
    out: Annotated[Path, typer.Argument(help="The folder of an earlier `inspect run`.", show_default=False)],
) -> None:
    """Make earlier verdicts again: the same byte for byte, or what has changed. Ends with 1 where one differs."""
    from rich.console import Console

    from edge_agent.inspect.console import Bar
    from edge_agent.inspect.rerun import rerun

    with Bar("making them again") as bar:
        again, notes = rerun(out, bar.show)
    console = Console(highlight=False, soft_wrap=True)
    for entry in again:
        if not entry.same:
            told = entry.missing or "; ".join(entry.differs)
            console.print(f"differs {entry.file}: {told}", markup=False)
    for note in notes:
        console.print(f"note {note}", markup=False)
    same = sum(entry.same for entry in again)
    console.print(f"{same} of {len(again)} verdicts are the same, byte for byte")
    if same != len(again):
        raise typer.Exit(1)
