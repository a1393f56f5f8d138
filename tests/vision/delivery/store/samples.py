"""Events and deliveries to store."""

from __future__ import annotations

from typing import Any

from vision.delivery.records import NewDelivery, Stage
from vision.events import Event, event_id

T0 = 1_790_000_000.0


def event(n: int = 0, **changes: Any) -> Event:
    """An event that starts `n` seconds after T0."""
    start = T0 + n
    values: dict[str, Any] = {
        "id": event_id(start, n),
        "type": "intrusion",
        "camera": "yard",
        "severity": "alert",
        "start": start,
        "opened": start + 0.4,
        "at": start + 1.123456789,
        "zone": "lawn",
        "label": "person",
        "score": 0.87654321,
        "box": (0.1, 0.2, 1 / 3, 0.9),
        "facts": {"dwell_s": 7.4, "path": [0.1, 0.25], "labels": ["person", "人"], "near": None, "armed": True},
        "rule": "intrusion-1",
    }
    return Event(**{**values, **changes})


def message(of: Event, stage: Stage = "opened", target: str = "hook", **changes: Any) -> NewDelivery:
    """A delivery that may go out at once and never expires."""
    values: dict[str, Any] = {
        "id": f"{of.id}_{stage}_{target}",
        "target": target,
        "stage": stage,
        "payload": of.to_dict(),
        "not_before": 0.0,
        "expires": T0 + 1e6,
    }
    return NewDelivery(**{**values, **changes})
