"""`sightline discover`: cameras on the network, their streams, and a config for them."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.discovery.records import Credential, Device, Search
from vision.errors import InputError, OutsideError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("discover")(discover_command)


def discover_command(
    timeout: Annotated[
        float, typer.Option(min=0.5, max=120, help="Seconds to listen for cameras; each then has as long, at least 10.")
    ] = 4.0,
    user: Annotated[list[str] | None, typer.Option(help="User name; several logins: repeat it.")] = None,
    password_env: Annotated[
        list[str] | None,
        typer.Option(
            help="Environment variable with the password of the user in the same place; else it is asked for."
        ),
    ] = None,
    address: Annotated[
        list[str] | None, typer.Option(help="Ask this HOST[:PORT] or device service URL, and do not search.")
    ] = None,
    interface: Annotated[list[str] | None, typer.Option(help="Search on this network interface only.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
    write: Annotated[
        Path | None, typer.Option(help="Write a config for the cameras to this file; needs --model.")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="The detector's ONNX file, for the config.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file of --write where it is there already.")
    ] = False,
) -> None:
    """Find cameras on the network (ONVIF), with their streams; needs the extra `onvif`."""
    from edge_agent.discovery.library import library

    for name in ("onvif.client", "wsdiscovery"):
        library(name)
    _check_writing(write, model, force)
    search = Search(
        listen_s=timeout,
        answer_s=max(10.0, timeout),
        addresses=tuple(address or ()),
        interfaces=tuple(interface or ()),
        credentials=credentials(user or (), password_env or ()),
    )
    devices = _found(search)
    _print(devices, as_json)
    if write is not None and model is not None:
        _write(devices, write, model, force)


def credentials(users: Sequence[str], variables: Sequence[str]) -> tuple[Credential, ...]:
    """A login for each user: its password from the variable in the same place, else from the terminal.

    Raises `InputError` where there is neither, or a variable is not set.
    """
    if len(variables) > len(users):
        raise InputError("--password-env without --user: say whose password it is")
    made = []
    for place, user in enumerate(users):
        if not user or ":" in user:
            raise InputError("--user: a name without ':' is wanted; passwords do not belong on the command line")
        if place < len(variables):
            password = os.environ.get(variables[place])
            if not password:
                raise InputError(
                    f"--password-env {variables[place]}: that variable is not set; export {variables[place]}=…"
                )
            made.append(Credential(user, password, variables[place]))
        elif sys.stdin.isatty():
            made.append(Credential(user, getpass.getpass(f"Password of {user}: ")))
        else:
            raise InputError(f"--user {user}: no password; put it into a variable and name that with --password-env")
    return tuple(made)


def _found(search: Search) -> list[Device]:
    from edge_agent.discovery.find import find

    devices = asyncio.run(find(search))
    if not devices:
        raise OutsideError(
            "no camera answered; is ONVIF switched on in the cameras, and are they in this network? "
            "Search does not cross routers: name cameras elsewhere with --address HOST[:PORT]"
        )
    return devices


def _print(devices: list[Device], as_json: bool) -> None:
    from edge_agent.discovery import show

    if as_json:
        typer.echo(json.dumps(show.as_json(devices), indent=2, ensure_ascii=False))
        return
    from rich.console import Console

    wide = None if sys.stdout.isatty() else 160
    show.table(devices, Console(width=wide, highlight=False, soft_wrap=False))


def _check_writing(write: Path | None, model: Path | None, force: bool) -> None:
    """What can be known to be wrong before the search, is said before it."""
    from edge_agent.discovery.write import refuse_overwriting

    if write is None:
        return
    refuse_overwriting(write, force)
    if model is None:
        raise InputError("--write needs --model FILE.onnx: a config names its detector")
    if not model.is_file():
        raise InputError(f"--model {model}: no such file")


def _write(devices: list[Device], target: Path, model: Path, force: bool) -> None:
    from edge_agent.config.check import check
    from edge_agent.discovery.channels import channels
    from edge_agent.discovery.write import config_text, variable_of, write

    found = channels(devices)
    if not found:
        raise OutsideError(f"no camera gave a stream address; {target} is not written")
    write(target, config_text(found, model, target.parent), force)
    report = check(target)
    for line in (*report.errors, *report.warnings):
        typer.echo(line, err=True)
    some = "1 camera" if len(found) == 1 else f"{len(found)} cameras"
    typer.echo(f"{target}: {some}; next: sightline doctor --config {target}", err=True)
    unset = [name for name in dict.fromkeys(map(variable_of, found)) if name and not os.environ.get(name)]
    for name in unset:
        typer.echo(f"    export {name}=…", err=True)
