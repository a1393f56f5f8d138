"""What the store keeps: events with their deliveries. Plain values, shared by store, outbox and commands.

A delivery is one message of one event to one target, and goes through these states:

    held ──(its window ends)──> merged            a later message says how many there were
    pending ──> sent | dead | expired             `dead` and `expired` can be sent again: `sightline events redeliver`
    pending | held ──> withheld                   a verifying model found no support for the alarm; can be sent again, too
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from vision.events import Event, Severity

Stage = Literal["opened", "described", "closed", "merged"]
STAGES: tuple[Stage, ...] = ("opened", "described", "closed", "merged")
DeliveryState = Literal["pending", "held", "sent", "dead", "expired", "merged", "withheld"]


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A message that is to be committed together with its event.

    `id` is the idempotency key: made from content (event, stage, target), so that the same message never gets a second
    one. `payload` is what the message says, frozen now. `not_before` and `expires` are epoch seconds UTC. `group` names
    what is merged together (target, camera, rule) for a delivery that is `held` until `not_before`.
    """

    id: str
    target: str
    stage: Stage
    payload: Mapping[str, Any]
    not_before: float
    expires: float
    held: bool = False
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A stored delivery; times in epoch seconds UTC. `number` rises in the order of commit."""

    number: int
    id: str
    event_id: str
    target: str
    stage: Stage
    payload: Mapping[str, Any]
    created: float
    next_at: float
    expires: float
    attempts: int = 0
    state: DeliveryState = "pending"
    error: str | None = None
    sent: float | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events: `since` <= start < `until` (epoch seconds UTC), any of each list; empty lists mean all."""

    since: float | None = None
    until: float | None = None
    cameras: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    min_severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as last committed, `recorded` and `changed` at these epoch seconds UTC."""

    event: Event
    recorded: float
    changed: float


@dataclass(frozen=True, slots=True)
class OutboxStats:
    """Deliveries by target and state, and the age in seconds of the oldest one that is still to be sent."""

    depth: Mapping[tuple[str, str], int] = field(default_factory=dict)
    oldest_age_s: Mapping[str, float] = field(default_factory=dict)
