"""`sightline inspect models`: which versions there are, which is in use, and changing that by name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_agent.inspect.store import DEFAULT_STORE

Store = Annotated[Path, typer.Option(help="Where trained inspections lie.")]


def register(group: typer.Typer) -> None:
    """Add the group."""
    models = typer.Typer(
        name="models",
        help="Versions of trained inspections: list, promote, roll back.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    models.command("list")(list_command)
    models.command("promote")(promote_command)
    models.command("rollback")(rollback_command)
    group.add_typer(models)


def list_command(
    name: Annotated[str | None, typer.Argument(help="Only this inspection.", show_default=False)] = None,
    store: Store = DEFAULT_STORE,
) -> None:
    """List the versions; the one in use is marked with *."""
    from edge_agent.inspect.models import ModelStore
    from edge_agent.inspect.store import recipe_of
    from vision.errors import InputError

    if name is not None:
        recipe_of(name, store)
    names = [name] if name is not None else sorted(path.parent.name for path in store.glob("*/versions.jsonl"))
    if not names:
        raise InputError(f"none is in {store}; train one: sightline inspect train GOOD_DIR --name NAME")
    for each in names:
        models = ModelStore(each, store)
        for version in models.versions():
            mark = "*" if version.version == models.current() else " "
            rate = version.false_reject.get("rate")
            told = f"{version.parts} good parts, made {version.made}" + (f", {rate:g} false rejects" if rate else "")
            typer.echo(f"{mark} {each}@{version.version}  {told}, {version.sha256[:12]}")


def promote_command(
    version: Annotated[str, typer.Argument(help="NAME@VERSION.", show_default=False)],
    why: Annotated[str, typer.Option(help="Why; kept in the history.")] = "promoted",
    store: Store = DEFAULT_STORE,
) -> None:
    """Let a version take over: from now on NAME means it."""
    from edge_agent.inspect.line.shadow import version_of
    from edge_agent.inspect.models import ModelStore
    from vision.errors import InputError

    name, number = version_of(version)
    if number is None:
        raise InputError(f"{version}: say which version: {version}@2")
    entry = ModelStore(name, store).take_over(number, why)
    typer.echo(f"{name}: version {entry.version} is in use")


def rollback_command(
    name: Annotated[str, typer.Argument(help="The inspection.", show_default=False)],
    why: Annotated[str, typer.Option(help="Why; kept in the history.")] = "roll-back",
    store: Store = DEFAULT_STORE,
) -> None:
    """Go back to the version that was in use before."""
    from edge_agent.inspect.models import ModelStore

    entry = ModelStore(name, store).roll_back(why)
    typer.echo(f"{name}: version {entry.version} is in use again")
