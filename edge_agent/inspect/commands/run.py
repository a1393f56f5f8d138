"""`sightline inspect run`: pictures and clips of parts through a recipe, with verdicts and a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from edge_agent.inspect.store import DEFAULT_STORE


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("run")(run_command)


def run_command(
    paths: Annotated[
        list[Path], typer.Argument(help="Pictures or clips of parts, or folders of them.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder for verdicts, pictures and the report.", show_default=False)],
    name: Annotated[str | None, typer.Option(help="A trained inspection of the store.")] = None,
    golden: Annotated[Path | None, typer.Option(help="The picture of a good part to compare with.")] = None,
    config: Annotated[Path | None, typer.Option(help="A recipe, or a config with `inspection:`.")] = None,
    store: Annotated[Path, typer.Option(help="Where trained inspections lie.")] = DEFAULT_STORE,
    order: Annotated[
        list[str] | None, typer.Option(help="What is expected of every part, KEY=VALUE; may be repeated.")
    ] = None,
    orders: Annotated[
        Path | None, typer.Option(help="CSV with a column `file` and what is expected of each part.")
    ] = None,
    keep: Annotated[
        Literal["all", "doubtful", "none"],
        typer.Option(help="Whose pictures are kept for `rerun`: of all parts, of those that did not pass, of none."),
    ] = "all",
) -> None:
    """Inspect parts in pictures and clips: which pass, which do not, and why. Ends with 1 where a part is rejected."""
    from edge_agent.inspect import recipes, runner
    from edge_agent.inspect.console import Bar, tell
    from edge_agent.inspect.pictures import files_of
    from edge_agent.inspect.report import write_report

    recipe, folder = recipes.chosen(name, golden, config, store)
    files = files_of(paths, clips=True)
    live = None if config is None else recipes.load_live(config)
    job = runner.Job(recipe, folder, tuple(files), out, keep, recipes.orders(orders, order or []), live)
    with Bar("inspecting") as bar:
        told = runner.run(job, bar.show)
    report = write_report(out)
    tell(told, report)
    if any(entry["verdict"] == "reject" for entry in told):
        raise typer.Exit(1)
