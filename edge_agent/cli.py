"""The `sightline` command.

Subcommands are the files of `edge_agent.commands`; other packages add theirs through the entry point group
`sightline.commands` (a function that takes the typer app), so that no package has to import another.
"""

from __future__ import annotations

import functools
import os
import sys
from importlib.metadata import entry_points, version

import typer

from vision.errors import SightlineError
from vision.plugins import import_all

app = typer.Typer(
    name="sightline",
    help="Camera analytics: turns video into events people can act on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
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


@functools.cache
def build() -> typer.Typer:
    """The app with all subcommands."""
    for module in import_all("edge_agent.commands"):
        module.register(app)
    for entry in entry_points(group="sightline.commands"):
        entry.load()(app)
    return app


# What typer raises for a wrong command line; it has one public name for the branch of that tree.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]


def main() -> None:
    """Run the command line; what the user can do something about ends in one line, not in a traceback."""
    # onnxruntime 1.29 and newer sends usage data to its maker unless this is set before it is loaded; nothing that
    # looks at cameras may call out on its own.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        status = build()(standalone_mode=False)
    except SightlineError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(error.exit_status) from None
    except _UsageError as error:
        sys.stderr.write(_usage(error))
        raise SystemExit(2) from None
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("interrupted\n")
        raise SystemExit(130) from None
    except BrokenPipeError:
        raise SystemExit(0) from None
    raise SystemExit(status if isinstance(status, int) else 0)


def _usage(error: Exception) -> str:
    """One line for a wrong command line; the help where there was nothing to go by."""
    text = str(error.format_message()) if hasattr(error, "format_message") else str(error)
    if type(error).__name__ == "NoArgsIsHelpError":
        return f"{text}\n"
    command = getattr(getattr(error, "ctx", None), "command_path", "sightline")
    return f"{' '.join(text.split())} See `{command} --help`.\n"
