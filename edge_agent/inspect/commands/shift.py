"""`sightline inspect shift`: what the line did, as a report with control charts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("shift")(shift_command)


def shift_command(
    verdicts: Annotated[
        Path, typer.Option(help="A folder of `inspect run` or of the agent, or a file of verdicts.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder for the report and its tables.", show_default=False)],
    since: Annotated[str | None, typer.Option(help="Only parts from then on: 8h, today, 2026-11-23T06:00.")] = None,
    until: Annotated[str | None, typer.Option(help="Only parts before.")] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="Verdicts of a time when all was well: limits come from them.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The recipe with the tolerances; default: that of the run.")
    ] = None,
    group: Annotated[int, typer.Option(min=5, help="Parts of one point of the p-chart.")] = 50,
    every: Annotated[
        str | None, typer.Option(help="In place of --group, where times are known: so long a point, 15m.")
    ] = None,
    subgroup: Annotated[
        int, typer.Option(min=1, max=10, help="Parts in a row of one point of X-bar and R; 1: individuals.")
    ] = 1,
) -> None:
    """Report a shift: why parts were rejected, control charts with their rules, capability, drift of good parts."""
    import time

    from rich.console import Console

    from edge_agent import when
    from edge_agent.inspect.line import page, records
    from edge_agent.inspect.line.shift import Settings, analysed
    from edge_agent.inspect.recipes import load_recipe
    from vision.errors import InputError

    now = time.time()
    start = None if since is None else when.moment(since, now)
    end = None if until is None else when.moment(until, now, option="--until")
    every_s = None if every is None else now - when.moment(every, now, option="--every")
    if every_s is not None and every_s <= 0:
        raise InputError(f"--every {every}: is no length of time; write 15m or 1h")
    told = records.read(verdicts, start, end)
    if not told.parts:
        raise InputError(f"{verdicts}: no parts" + (" in that time" if since or until else " were judged"))
    base = None if baseline is None else records.read(baseline)
    recipe = None if config is None else load_recipe(config)
    shift = analysed(told, Settings(group, every_s, subgroup), base, recipe)
    path = page.write_shift(shift, out, with_base=base is not None)
    console = Console(highlight=False, soft_wrap=True)
    counts = shift.counts
    console.print(
        f"{len(shift.parts)} parts: {counts['pass']} pass, {counts['reject']} reject, {counts['no_decision']} no decision"
    )
    for note in page.attention(shift):
        console.print(f"{note.level} {note.about}: {note.words}", markup=False)
    for words in page.unseen(shift):
        console.print(f"not looked at: {words}", markup=False)
    console.print(f"report: {path}", markup=False)
