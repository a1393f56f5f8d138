"""Pictures and clips of events as parts of the page."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np

from edge_agent.snapshot import encode_jpeg
from vision.events import SEVERITIES, Event

_WIDE, _MANY_WIDE, _MANY = 960, 560, 60  # pictures are at most so wide; where there are many, less
_JPEG = 82


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as a data URI with its size in pixels."""

    uri: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class ClipPlace:
    """Where an event's clip is: `key` names the data in the page, None when it is only linked by `href`."""

    href: str
    key: str | None


@dataclass(frozen=True, slots=True)
class Clips:
    """The clips of all events: data by key (base64), place by the event's path."""

    data: dict[str, str]
    places: dict[str, ClipPlace]

    @property
    def linked(self) -> int:
        """How many lie beside the page only."""
        return sum(place.key is None for place in self.places.values())


def picture(jpeg: bytes | None, wide: int = _WIDE) -> Picture | None:
    """The picture, made smaller where it is wider than `wide` pixels; None where there is none that can be read."""
    if not jpeg:
        return None
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return None
    height, width = image.shape[:2]
    if width > wide:
        size = wide, max(1, round(height * wide / width))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        jpeg, (width, height) = encode_jpeg(image.astype(np.uint8), _JPEG), size
    return Picture("data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii"), width, height)


def pictures(events: Sequence[Event], out: Path) -> list[Picture | None]:
    """The snapshots of the events, in their order."""
    wide = _WIDE if len(events) <= _MANY else _MANY_WIDE
    return [picture(_read(out, event.evidence.snapshot), wide) for event in events]


def clips(events: Iterable[Event], out: Path, budget: int) -> Clips:
    """The events' clips: those that matter most become part of the page until `budget` bytes are used up."""
    found = Clips({}, {})
    keys: dict[bytes, str] = {}  # two events at the same time often have the same clip
    by_weight = sorted(events, key=lambda event: -SEVERITIES.index(event.severity))
    for event in by_weight:
        path = event.evidence.clip
        if not path or path in found.places or (file := _inside(out, path)) is None:
            continue
        content = file.read_bytes()
        key = keys.get(digest := hashlib.sha256(content).digest())
        if key is None and len(content) <= budget:
            budget -= len(content)
            key = keys[digest] = f"clip-{len(found.data)}"
            found.data[key] = base64.b64encode(content).decode("ascii")
        found.places[path] = ClipPlace(quote(Path(path).as_posix()), key)
    return found


def _read(out: Path, path: str | None) -> bytes | None:
    file = _inside(out, path) if path else None
    return file.read_bytes() if file else None


def _inside(out: Path, path: str) -> Path | None:
    """The file, if it exists and lies in the output folder: a path that leads out of it is not followed."""
    file = (out / path).resolve()
    return file if file.is_file() and file.is_relative_to(out.resolve()) else None
