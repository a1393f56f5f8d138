"""The `sightline` command.

A subcommand is the file of its name in `edge_agent.commands`; other packages add theirs through an entry point of its
name in the group `sightline.commands` (a function that takes the typer app), so that no package has to import another.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.metadata import entry_points, version

import typer

from vision.errors import SightlineError
from vision.plugins import import_all, names_of

_LIGHTEST = "discover"  # to import, where any one will do


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sightline {version('sightline')}")
        raise typer.Exit


def root(
    _: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version and exit."),
) -> None:
    """Camera analytics: turns video into events people can act on."""


def build(wanted: str | None = None) -> typer.Typer:
    """The app with the subcommand that is `wanted`; where there is none of that name, with all of them."""
    app = typer.Typer(
        name="sightline",
        help=root.__doc__,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(root)
    entries = entry_points(group="sightline.commands")
    if wanted is not None and wanted in names_of("edge_agent.commands"):
        import_module(f"edge_agent.commands.{wanted}").register(app)
    elif wanted is not None and wanted in entries.names:
        entries[wanted].load()(app)
    else:
        for module in import_all("edge_agent.commands"):
            module.register(app)
        for entry in entries:
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
        first = sys.argv[1] if len(sys.argv) > 1 else None
        status = build(_LIGHTEST if first == "--version" else first)(standalone_mode=False)
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
