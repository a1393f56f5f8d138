"""From a device's profiles to cameras: one for each video source, with its main and its sub stream."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.discovery.records import Device, Profile

# Detectors look at about this many pixels; a sub stream near it costs least and shows enough.
_WANTED = 640 * 360
_DECODED = ("h264", "h265", "hevc", "jpeg", "mpeg4")


@dataclass(frozen=True, slots=True)
class Channel:
    """One picture that a device has to offer: `main` for evidence, `sub` for looking; the same where there is one only."""

    name: str
    device: Device
    main: Profile
    sub: Profile


def channels(devices: Sequence[Device]) -> list[Channel]:
    """A channel for each video source that has a stream address, with names that differ."""
    found: list[Channel] = []
    taken: set[str] = set()
    for device in devices:
        sources: dict[str, list[Profile]] = {}
        for profile in device.profiles:
            if profile.url:
                sources.setdefault(profile.source, []).append(profile)
        for number, profiles in enumerate(sources.values(), 1):
            main, sub = chosen(profiles)
            base = slug(device.name) or "cam"
            name = unique(f"{base}-{number}" if len(sources) > 1 else base, taken)
            found.append(Channel(name, device, main, sub))
    return found


def chosen(profiles: Sequence[Profile]) -> tuple[Profile, Profile]:
    """The best stream, and the one to look at: the nearest to what a detector needs, H.264 where that is to be had."""
    main = max(profiles, key=lambda p: (p.width * p.height, p.fps or 0))
    others = [
        p for p in profiles if p is not main and p.url != main.url and p.width * p.height <= main.width * main.height
    ]
    return main, min(others, key=_cost, default=main)


def _cost(profile: Profile) -> tuple[bool, float, bool]:
    area = max(1, profile.width * profile.height)
    far = max(area / _WANTED, _WANTED / area)
    return profile.codec not in _DECODED, round(far, 1), profile.codec != "h264"


def slug(name: str) -> str:
    """The name as the config takes it: letters, digits, _ . and -; empty where nothing of it is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-").lower()[:40].strip("-")


def unique(name: str, taken: set[str]) -> str:
    """The name, numbered where it is taken; it is taken from then on."""
    number, candidate = 2, name
    while candidate in taken:
        candidate, number = f"{name}-{number}", number + 1
    taken.add(candidate)
    return candidate
