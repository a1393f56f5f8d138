"""How evidence is written: whole or not at all, by the day of its event."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from vision.events import Event
from vision.media.recording import MakeRoom, disk_full, no_room


def write_whole(path: Path, data: bytes, make_room: MakeRoom = no_room) -> int:
    """The whole file or none, its folder made; where the disk is full, room is made once.

    The bytes more (or fewer) that are in use now. Raises `OSError`.
    """
    temporary = path.with_name(path.name + ".tmp.part")
    before = path.stat().st_size if path.exists() else 0
    try:
        for attempt in (1, 2):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                temporary.write_bytes(data)
                temporary.replace(path)
                break
            except OSError as error:
                temporary.unlink(missing_ok=True)
                if attempt == 2 or not disk_full(error) or not make_room(len(data)):
                    raise
    finally:
        temporary.unlink(missing_ok=True)
    return len(data) - before


def dated(kind: str, event: Event, ending: str) -> str:
    """`kind/YYYY-MM-DD/<id>ending`: where a live event's evidence lies, by the day of its start (UTC)."""
    day = datetime.fromtimestamp(max(0.0, event.start), UTC).strftime("%Y-%m-%d")
    return f"{kind}/{day}/{event.id}{ending}"
