"""`sightline inspect review`: doubtful parts, and what a person says of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.inspect.store import DEFAULT_STORE

if TYPE_CHECKING:
    from edge_agent.inspect.line.labels import Label
    from edge_agent.inspect.line.review import Doubt


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("review")(review_command)


def review_command(
    verdicts: Annotated[
        Path, typer.Option(help="A folder of `inspect run` or of the agent, or a file of verdicts.", show_default=False)
    ],
    part: Annotated[
        str | None, typer.Argument(help="A part: its number, file, or the beginning of its picture's digest.")
    ] = None,
    good: Annotated[bool, typer.Option("--good", help="This part is good.")] = False,
    bad: Annotated[bool, typer.Option("--bad", help="This part is bad.")] = False,
    by: Annotated[str | None, typer.Option(help="Who says so; kept with the label.")] = None,
    note: Annotated[str, typer.Option(help="Anything worth knowing; kept with the label.")] = "",
    name: Annotated[str | None, typer.Option(help="The inspection; default: the name of the recipe.")] = None,
    store: Annotated[Path, typer.Option(help="Where trained inspections and labels lie.")] = DEFAULT_STORE,
    near: Annotated[
        float, typer.Option(min=0, max=1, help="A score so close to its threshold, as a share of it, is doubtful.")
    ] = 0.15,
    everything: Annotated[bool, typer.Option("--all", help="Also list what has been labelled.")] = False,
) -> None:
    """List doubtful parts with their pictures; with PART and --good or --bad keep what a person says of one."""
    from edge_agent.inspect.line.labels import Labels
    from edge_agent.inspect.line.records import read
    from edge_agent.inspect.line.review import chosen, doubtful
    from vision.errors import InputError

    told = read(verdicts)
    if not told.parts:
        raise InputError(f"{verdicts}: no parts were judged")
    if part is None:
        if good or bad:
            raise InputError("say which part is meant: its number, file, or the beginning of its picture's digest")
        names = {name} if name is not None else {each.recipe_name for each in told.parts}
        known = {} if everything else _known(sorted(names), store)
        _list(doubtful(told.parts, near, known), len(known))
        return
    if good == bad:
        raise InputError("say --good or --bad")
    if by is None:
        raise InputError("say who says so: --by NAME")
    meant = chosen(told.parts, part)
    kept = Labels(name or meant.recipe_name, store).put(meant, "good" if good else "bad", by, note)
    typer.echo(f"part {meant.number}, {meant.file}: {kept.label}, says {kept.by}; the machine said {kept.verdict}")


def _known(names: Sequence[str], store: Path) -> dict[str, Label]:
    from edge_agent.inspect.line.labels import Labels

    return {picture: label for name in names for picture, label in Labels(name, store).current().items()}


def _list(doubts: Sequence[Doubt], labelled: int) -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    for doubt in doubts:
        file = doubt.part.picture_file
        console.print(f"{doubt.part.number}  {doubt.part.verdict}  {file or 'no picture'}", markup=False)
        for why in doubt.why:
            console.print(f"    {why}", markup=False, style="dim")
    told = f"; {labelled} labelled before are left out" if labelled else ""
    console.print(f"{len(doubts)} doubtful parts{told}")
    if doubts:
        console.print("label one: sightline inspect review PART --good|--bad --by NAME --verdicts …", markup=False)
