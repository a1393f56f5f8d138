"""`sightline cloud devices`: who may send, and with which key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cloud_adapter.commands.shared import ConfigOption, opened, table

if TYPE_CHECKING:
    from vision.wire.signing import Key

NameArgument = Annotated[str, typer.Argument(help="Name of the device.", show_default=False)]


def add(group: typer.Typer) -> None:
    """Add the commands."""
    devices = typer.Typer(help="Devices that may send pictures, and their keys.", no_args_is_help=True)
    devices.command("list")(list_devices)
    devices.command("add")(add_device)
    devices.command("rotate")(rotate)
    devices.command("revoke")(revoke)
    devices.command("remove")(remove)
    group.add_typer(devices, name="devices")


def list_devices(config: ConfigOption) -> None:
    """All devices, those of the config too; never their keys."""
    with opened(config) as parts:
        found = parts.devices.all()
    if not found:
        typer.echo("no devices; sightline cloud devices add NAME --config FILE")
        return
    rows = [
        (d.name, d.site, ", ".join(d.cameras), ", ".join(d.profiles) or "any",
         ", ".join(f"{k.id}{' (revoked)' if k.revoked else ''}" for k in d.keys), "config" if d.from_config else "added")
        for d in found
    ]  # fmt: skip
    table("", ["device", "site", "cameras", "profiles", "keys", "from"], rows)


def add_device(
    config: ConfigOption,
    name: NameArgument,
    site: Annotated[str, typer.Option(help="Where it stands.")] = "site",
    camera: Annotated[
        list[str] | None, typer.Option(help="A camera it speaks for; repeat it. Default: its own name.")
    ] = None,
    profile: Annotated[list[str] | None, typer.Option(help="What it may ask; repeat it. Default: anything.")] = None,
    plain: Annotated[bool, typer.Option(help="It may send with the key alone, unsigned; only behind TLS.")] = False,
) -> None:
    """A new device; its key is printed this once."""
    with opened(config) as parts:
        key = parts.devices.add(name, site=site, cameras=camera or (), profiles=profile or (), plain=plain)
    _print(key)


def rotate(
    config: ConfigOption,
    name: NameArgument,
    overlap_days: Annotated[float, typer.Option(min=0, max=365, help="How long the older keys still hold.")] = 7.0,
) -> None:
    """A new key beside the old ones, which run out; printed this once."""
    with opened(config) as parts:
        key = parts.devices.rotate(name, overlap_s=overlap_days * 86_400)
    _print(key)


def revoke(
    config: ConfigOption,
    name: NameArgument,
    key: Annotated[str | None, typer.Option(help="Only this key; default: all of the device.")] = None,
) -> None:
    """Accept a key, or all of a device, no more."""
    with opened(config) as parts:
        count = parts.devices.revoke(name, key)
    typer.echo(f"{count} key{'s' * (count != 1)} of {name} revoked")


def remove(config: ConfigOption, name: NameArgument) -> None:
    """Forget a device and its keys; its diagnoses stay."""
    with opened(config) as parts:
        parts.devices.remove(name)
    typer.echo(f"{name} removed")


def _print(key: Key) -> None:
    typer.echo(f"{key.id}/{key.secret}")
    typer.echo(
        "the key of the device: note it now, it is not shown again; it goes into the environment there", err=True
    )
