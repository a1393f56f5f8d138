"""What was found, for people and for programs; neither ever holds a password."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge_agent.discovery.addresses import masked
from edge_agent.discovery.channels import channels
from edge_agent.discovery.records import Device, Profile
from vision.settings.problems import clean


def table(devices: Sequence[Device], console: Console) -> None:
    """Prints a row for each device, with its streams and what failed."""
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("camera", "maker, model", "address", "streams"):
        shown.add_column(title, overflow="fold", no_wrap=title == "address")
    for device in devices:
        streams = Text("\n".join(_streams(device)))
        for trouble in device.troubles:
            streams.append(f"{chr(10) if streams.plain else ''}! {clean(trouble.text, 160)}", style="yellow")
        made = " ".join(word for word in (device.maker, device.model) if word)
        shown.add_row(Text(device.name or "?"), Text(made or "?"), Text(place(device)), streams)
    console.print(shown)


def place(device: Device) -> str:
    """Host and port of the device."""
    return clean(urlsplit(device.address).netloc, 80)


def _streams(device: Device) -> list[str]:
    role = {}
    for channel in channels([device]):
        role[channel.main.token], role[channel.sub.token] = "main", "sub"
        if channel.main is channel.sub:
            role[channel.main.token] = "only"
    lines = []
    for profile in device.profiles:
        url = clean(masked(profile.url), 200) if profile.url else "no address"
        lines.append(f"{role.get(profile.token, '-')}: {words(profile)}  {url}")
    return lines


def words(profile: Profile) -> str:
    """The stream in a few words: `h264 640x360 15/s`."""
    size = f"{profile.width}x{profile.height}" if profile.width and profile.height else ""
    rate = f"{profile.fps:g}/s" if profile.fps else ""
    return " ".join(part for part in (clean(profile.codec), size, rate) if part)


def as_json(devices: Sequence[Device]) -> dict[str, Any]:
    """What was found, as plain values."""
    return {"devices": [_device(device) for device in devices]}


def _device(device: Device) -> dict[str, Any]:
    facts = {
        k: getattr(device, k) for k in ("name", "maker", "model", "firmware", "serial", "address", "clock_offset_s")
    }
    return {
        **facts,
        "user": device.login.user if device.login else None,
        "profiles": [_profile(profile) for profile in device.profiles],
        "troubles": [{"kind": trouble.kind, "text": trouble.text} for trouble in device.troubles],
    }


def _profile(profile: Profile) -> dict[str, Any]:
    keys = ("token", "name", "source", "codec", "width", "height", "fps", "kbps", "gop")
    addresses = {k: masked(v) if v else None for k, v in (("url", profile.url), ("snapshot", profile.snapshot))}
    return {**{key: getattr(profile, key) for key in keys}, **addresses}
