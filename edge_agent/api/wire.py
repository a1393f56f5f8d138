"""Status, events and deliveries as plain JSON values."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from edge_agent.language.status import LanguageStatus
from edge_agent.live.status import AgentStatus, CameraStatus
from vision.delivery.records import Delivery, OutboxStats, StoredEvent


def status(now: AgentStatus, time: float, missing: list[str]) -> dict[str, Any]:
    """The whole agent at `time` (epoch seconds UTC); `missing` is what it lacks for its work."""
    return {
        "version": now.version,
        "time": round(time, 3),
        "started": round(now.started, 3),
        "uptime_s": round(max(0.0, time - now.started), 3),
        "config": now.config,
        "config_error": now.config_error,
        "ready": not missing,
        "missing": missing,
        "model": now.model,
        "cameras": [camera(one) for one in now.cameras],
        "outbox": outbox(now.outbox),
        "targets": dict(now.targets),
        "evidence_bytes": now.evidence_bytes,
        "disk_free_bytes": now.disk_free_bytes,
        "language": None if now.language is None else _without_histogram(now.language),
    }


def camera(now: CameraStatus) -> dict[str, Any]:
    """One camera; the histogram of latencies stays in `/metrics`."""
    return _without_histogram(now)


def outbox(stats: OutboxStats) -> list[dict[str, Any]]:
    """A row for each alert target: deliveries by state, and the age of the oldest that is still to be sent."""
    targets = sorted({target for target, _ in stats.depth} | set(stats.oldest_age_s))
    return [
        {
            "target": target,
            "states": {state: count for (name, state), count in sorted(stats.depth.items()) if name == target},
            "oldest_age_s": _plain(stats.oldest_age_s.get(target)),
        }
        for target in targets
    ]


def event(stored: StoredEvent) -> dict[str, Any]:
    """An event in its wire form, with when it was first and last committed."""
    return stored.event.to_dict() | {"recorded": round(stored.recorded, 3), "changed": round(stored.changed, 3)}


def delivery(one: Delivery) -> dict[str, Any]:
    """A delivery without its payload, which repeats the event."""
    return {
        "number": one.number,
        "id": one.id,
        "target": one.target,
        "stage": one.stage,
        "state": one.state,
        "attempts": one.attempts,
        "created": _plain(one.created),
        "next_at": _plain(one.next_at),
        "expires": _plain(one.expires),
        "sent": _plain(one.sent),
        "error": one.error,
    }


def _without_histogram(now: CameraStatus | LanguageStatus) -> dict[str, Any]:
    """All values of a record, except those of its histogram."""
    raw: dict[str, Any] = {}
    for field in dataclasses.fields(now):
        value = getattr(now, field.name)
        if field.name in {"latencies", "latency_sum_s"}:
            continue
        raw[field.name] = _plain(dict(value) if hasattr(value, "items") else value)
    return raw


def _plain(value: Any) -> Any:
    """JSON has no infinity; three digits are enough for people and programs."""
    if isinstance(value, float):
        return round(value, 3) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return value
