"""Events and their messages as people read them: a table in a terminal, tab-separated lines in a pipe."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from edge_agent.when import local_iso, local_text
from vision.delivery.records import Delivery, StoredEvent
from vision.events import Event

_COLOURS = {"alert": "red", "warning": "yellow", "info": "cyan"}
_STATES = {
    "sent": "green",
    "pending": "yellow",
    "held": "yellow",
    "dead": "red",
    "expired": "red",
    "merged": "dim",
    "withheld": "dim",
}


def table(found: Iterable[StoredEvent], zone: tzinfo | None) -> Table:
    """For a terminal."""
    shown = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("start", "lasted", "camera", "event", "zone", "what happened"):
        shown.add_column(title, justify="right" if title == "lasted" else "left")
    shown.add_column("id", no_wrap=True, style="dim")
    for stored in found:
        event = stored.event
        lasted = "open" if event.end is None or event.state == "open" else f"{event.end - event.start:.1f} s"
        kind = Text(one_line(event.type), style=_COLOURS[event.severity])
        words = Text(one_line(event.summary.text if event.summary else ""))
        place = Text(one_line(event.zone or ""))
        when = Text(local_text(event.start, zone), no_wrap=True)
        shown.add_row(when, lasted, Text(one_line(event.camera)), kind, place, words, event.id)
    return shown


def plain(found: Iterable[StoredEvent], zone: tzinfo | None) -> Iterator[str]:
    """For other programs: id, start, end, camera, type, severity, state, zone, words; between them a tab."""
    for stored in found:
        event = stored.event
        times = (local_iso(event.start, zone), local_iso(event.end, zone))
        words = event.summary.text if event.summary else ""
        values = (event.id, *times, event.camera, event.type, event.severity, event.state, event.zone or "", words)
        yield "\t".join(one_line(value) for value in values)


def details(stored: StoredEvent, messages: Sequence[Delivery], evidence: Path, zone: tzinfo | None) -> Iterator[Text]:
    """Everything about one event, a line each."""
    event = stored.event
    yield Text.assemble((f"{event.type} ", _COLOURS[event.severity]), (event.id, "dim"))
    if event.summary is not None:
        yield Text(f"  {one_line(event.summary.text)}")
    yield from (_line(name, value) for name, value in _values(event, zone) if value)
    yield from (_line(f"fact {name}", _json(value)) for name, value in event.to_dict()["facts"].items())
    described = event.described or {}
    if described:
        told = ", ".join(f"{name} {value}" for name, value in described.get("from_model", {}).items())
        yield _line("seen by", f"{described.get('model')}: {told or 'nothing'}; verdict {described.get('verdict')}")
        for name, entry in described.get("dropped", {}).items():
            yield _line("not told", f"{name} {entry['value']}: {entry['reason']}")
    for name, path in event.evidence.model_dump().items():
        if path:
            gone = "" if (evidence / path).is_file() else "  (the file is no more)"
            yield _line(name, f"{evidence / path}{gone}")
    yield _line("recorded", local_text(stored.recorded, zone))
    yield _line("changed", local_text(stored.changed, zone))
    yield from (_message(message, zone) for message in messages)


def details_json(stored: StoredEvent, messages: Sequence[Delivery]) -> dict[str, Any]:
    """The same for other programs."""
    left_out = {"event_id", "payload", "group"}
    names = [name for name in Delivery.__slots__ if name not in left_out]
    return {
        "event": stored.event.to_dict(),
        "recorded": stored.recorded,
        "changed": stored.changed,
        "deliveries": [{name: getattr(message, name) for name in names} for message in messages],
    }


def one_line(text: str) -> str:
    """Without control characters: what a camera, a model or a receiver wrote must not steer the terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def _values(event: Event, zone: tzinfo | None) -> Iterator[tuple[str, str]]:
    yield "camera", event.camera
    yield "zone", event.zone or ""
    yield "rule", event.rule
    yield "severity", event.severity
    yield "state", event.state
    yield "start", local_text(event.start, zone)
    yield "opened", local_text(event.opened, zone)
    yield "end", local_text(event.end, zone)
    yield "label", event.label or ""
    yield "score", "" if event.score is None else f"{event.score:.2f}"
    yield "count", str(event.count)


def _message(message: Delivery, zone: tzinfo | None) -> Text:
    when = message.sent if message.sent is not None else message.next_at
    told = {"sent": "at ", "pending": "next try ", "held": "merged at "}.get(message.state)
    line = _line("message", f"{message.stage} to {message.target}: ")
    line.append(message.state, style=_STATES[message.state])
    if told is not None:
        line.append(f" {told}{local_text(when, zone)}")
    if message.attempts:
        line.append(f", {message.attempts} {'attempt' if message.attempts == 1 else 'attempts'}")
    if message.error:
        line.append(f", {one_line(message.error)}")
    return line


def _line(name: str, value: str) -> Text:
    return Text.assemble((f"  {one_line(name)}: ", "dim"), one_line(value))


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
