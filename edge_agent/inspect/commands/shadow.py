"""`sightline inspect shadow`: a new model beside the old one, before it takes over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.inspect.store import DEFAULT_STORE

if TYPE_CHECKING:
    from edge_agent.inspect.line.shadow import Comparison

_SHOWN = 30


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("shadow")(shadow_command)


def shadow_command(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Pictures, folders of them, folders of `inspect run` or of the agent; default: all labelled parts.",
            show_default=False,
        ),
    ] = None,
    old: Annotated[
        str | None, typer.Option(help="The inspection in use: NAME, or NAME@VERSION.", show_default=False)
    ] = None,
    new: Annotated[
        str | None, typer.Option(help="The one that may take over: NAME@VERSION.", show_default=False)
    ] = None,
    verdicts: Annotated[
        Path | None,
        typer.Option(help="In place of judging: what a line with `live.shadow` has kept; a folder of the agent."),
    ] = None,
    store: Annotated[Path, typer.Option(help="Where trained inspections lie.")] = DEFAULT_STORE,
    reviews: Annotated[Path | None, typer.Option(help="Where people's labels lie; default: the same.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write every part's two verdicts to this file.")] = None,
) -> None:
    """Let two versions judge the same parts: what changes, and which of them errs by people's labels."""
    from edge_agent.inspect.console import Bar
    from edge_agent.inspect.line import shadow
    from edge_agent.inspect.line.labels import Labels
    from vision.errors import InputError

    if verdicts is not None:
        if paths or old is not None:
            raise InputError("--verdicts holds the parts and the line's own verdicts; leave pictures and --old out")
        _recorded(verdicts, new, reviews or store, csv)
        return
    if old is None or new is None:
        raise InputError(
            "say which two: --old NAME --new NAME@VERSION, or --verdicts FOLDER of a line with live.shadow"
        )
    names = dict.fromkeys(shadow.version_of(each)[0] for each in (old, new))
    stores = [Labels(name, reviews or store) for name in names]
    labels = {picture: label for each in stores for picture, label in each.current().items()}
    kept = [each.picture(label) for each in stores for label in each.current().values()]
    files = shadow.pictures(paths) if paths else list(dict.fromkeys(kept))
    if not files:
        raise InputError("no parts to compare on: name pictures, or label some with `inspect review`")
    both = shadow.inspector_of(old, store), shadow.inspector_of(new, store)
    with Bar("comparing") as bar:
        found = shadow.compare(*both, files, labels, bar.show)
    _show(found, old, new, csv)


def _recorded(verdicts: Path, new: str | None, reviews: Path, csv: Path | None) -> None:
    """What the line has kept of the model in its shadow."""
    from edge_agent.inspect.line import records, shadow
    from edge_agent.inspect.line.labels import Label, Labels
    from vision.errors import InputError

    def labels(name: str) -> dict[str, Label]:
        try:
            return dict(Labels(name, reviews).current())
        except InputError:  # a recipe's name may be one that no folder has, and then nobody has labelled its parts
            return {}

    kept = shadow.recorded(records.read(verdicts).parts, labels, new)
    _show(kept.comparison, kept.old, kept.new, csv)
    if kept.without:
        typer.echo(f"{kept.without} more parts have no verdict of {kept.new}")


def _show(found: Comparison, old: str, new: str, csv: Path | None) -> None:
    from edge_agent.inspect.line import shadow

    if csv is not None:
        shadow.write_table(found, csv)
    _tell(found, old, new)


def _tell(found: Comparison, old: str, new: str) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from edge_agent.inspect.line.shadow import OUTCOMES

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=160)
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(escape(f"{old} says"))
    for outcome in OUTCOMES:
        table.add_column(escape(f"{new}: {outcome}"), justify="right")
    for before in OUTCOMES:
        table.add_row(before, *(str(found.count(before, after)) for after in OUTCOMES))
    console.print(table)
    console.print(f"{found.agreed} of {len(found.rows)} parts alike")
    for row in found.changed[:_SHOWN]:
        said = f", people say {row.label}" if row.label else ""
        console.print(f"changed {row.file}: {row.old.verdict} -> {row.new.verdict}{said}", markup=False, soft_wrap=True)
    if len(found.changed) > _SHOWN:
        console.print(f"and {len(found.changed) - _SHOWN} more; --csv FILE has all", markup=False)
    for name, is_new in ((old, False), (new, True)):
        rejects, accepts = found.false_rejects(new=is_new), found.false_accepts(new=is_new)
        console.print(f"{name}: false rejects {rejects}; false accepts {accepts}", markup=False, soft_wrap=True)
    if "@" in new:
        console.print(f"to let it take over: sightline inspect models promote {new}", markup=False)
