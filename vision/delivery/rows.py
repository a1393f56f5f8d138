"""Between the records of the store and the rows of its tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from vision.delivery.records import Delivery, EventFilter, NewDelivery, StoredEvent
from vision.delivery.schema import deliveries, events
from vision.events import SEVERITIES, Event

DELIVERY_COLUMNS = tuple(column for column in deliveries.c if column.name != "head")


def clean(text: str) -> str:
    """Text that every database takes: no NUL (PostgreSQL has none) and no half of a surrogate pair."""
    if text.isascii():
        return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def to_json(value: Any) -> str:
    """Compact JSON, readable in any language."""
    return clean(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def event_row(of: Event) -> dict[str, Any]:
    """The columns of an event, less the times of its recording."""
    return {
        "camera": clean(of.camera),
        "type": clean(of.type),
        "severity": of.severity,
        "state": of.state,
        "zone": None if of.zone is None else clean(of.zone),
        "started": of.start,
        "ended": of.end,
        "opened": of.opened,
        "document": to_json(of.model_dump()),
    }


def event(document: str) -> Event:
    """An event from its document."""
    return Event.model_validate(json.loads(document))


def stored_event(row: Any) -> StoredEvent:
    """An event from its row."""
    return StoredEvent(event(row.document), row.recorded, row.changed)


def delivery_row(new: NewDelivery, event_id: str, now: float) -> dict[str, Any]:
    """The columns of a new delivery."""
    return {
        "id": new.id,
        "event_id": event_id,
        "target": clean(new.target),
        "stage": new.stage,
        "state": "held" if new.held else "pending",
        "head": 0,
        "bundle": None if new.group is None else clean(new.group),
        "created": now,
        "next_at": new.not_before,
        "expires": new.expires,
        "attempts": 0,
        "payload": to_json(dict(new.payload)),
    }


def delivery(row: Any) -> Delivery:
    """A delivery from its row."""
    return Delivery(
        number=row.number,
        id=row.id,
        event_id=row.event_id,
        target=row.target,
        stage=row.stage,
        payload=json.loads(row.payload),
        created=row.created,
        next_at=row.next_at,
        expires=row.expires,
        attempts=row.attempts,
        state=row.state,
        error=row.error,
        sent=row.sent_at,
        group=row.bundle,
    )


def with_evidence(payload: str, change: Mapping[str, str | None]) -> str:
    """The payload with these keys of its evidence set."""
    value = json.loads(payload)
    value["evidence"] = {**(value.get("evidence") or {}), **change}
    return to_json(value)


def conditions(wanted: EventFilter) -> list[sa.ColumnElement[bool]]:
    """An `EventFilter` in SQL."""
    found: list[sa.ColumnElement[bool]] = []
    if wanted.since is not None:
        found.append(events.c.started >= wanted.since)
    if wanted.until is not None:
        found.append(events.c.started < wanted.until)
    for column, values in (
        (events.c.camera, wanted.cameras),
        (events.c.type, wanted.types),
        (events.c.state, wanted.states),
    ):
        if values:
            found.append(any_of(column, values))
    if wanted.min_severity is not None:
        found.append(any_of(events.c.severity, SEVERITIES[SEVERITIES.index(wanted.min_severity) :]))
    return found


def any_of(column: sa.ColumnElement[str], values: Iterable[str]) -> sa.ColumnElement[bool]:
    """One of the values; a single one as an equation, along which an index can be walked in order."""
    listed = [clean(value) for value in values]
    return column == listed[0] if len(listed) == 1 else column.in_(listed)
