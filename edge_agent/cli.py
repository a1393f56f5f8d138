"""The `sightline` command.

Subcommands are the files of `edge_agent.commands`; other packages add theirs through the entry point group
`sightline.commands` (a function that takes the typer app), so that no package has to import another.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from importlib.metadata import entry_points, version

import typer

from vision.errors import SightlineError

app = typer.Typer(
    name="sightline",
    help="Camera analytics: turns video into events people can act on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sightline {version('sightline')}")
        raise typer.Exit


@app.callback()
def root(
    _: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version and exit."),
) -> None:
    """Camera analytics: turns video into events people can act on."""


def build() -> typer.Typer:
    """The app with all subcommands."""
    package = importlib.import_module("edge_agent.commands")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"edge_agent.commands.{module.name}").register(app)
    for entry in entry_points(group="sightline.commands"):
        entry.load()(app)
    return app


def main() -> None:
    """Run the command line; what the user can do something about ends in one line, not in a traceback."""
    try:
        build()()
    except SightlineError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(error.exit_status) from None
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        raise SystemExit(130) from None
    except BrokenPipeError:
        raise SystemExit(0) from None
