"""Who gets which message about an event: filters, updates, cooldown and merging.

The first alert of a (target, camera, rule) goes out at once. What follows within the target's cooldown is committed as
`held`; when the window ends, everything held becomes one `merged` message about the first alert, and a new window begins
while it stays busy. An event that matters more than the last one sent breaks through. All of that state lies in the store,
so it outlives the process.

    (quiet) ──alert──> window ──alert──> held ──(window ends)──> merged message = a new window
                         └──(window ends, nothing held)──> (quiet)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from vision.delivery.records import Delivery, NewDelivery, Stage
from vision.delivery.senders.base import AlertParams
from vision.events import SEVERITIES, Event

_PLAIN = re.compile(r"[A-Za-z0-9-]{1,40}")
_MERGED_IDS = 200  # so many ids are named in a merged message; its count is always whole


class Ledger(Protocol):
    """What the policy asks the store."""

    def deliveries(
        self,
        *,
        event_id: str | None = None,
        target: str | None = None,
        states: Sequence[str] = (),
        limit: int | None = None,
    ) -> list[Delivery]:
        """Deliveries in the order of commit."""

    def newest_in_group(self, group: str) -> Delivery | None:
        """The newest delivery of the group that was not held."""

    def group(self, group: str) -> list[Delivery]:
        """Held deliveries of a group, oldest first."""


class Recording(Ledger, Protocol):
    """A ledger that can be written."""

    def record(self, event: Event, deliveries: Sequence[NewDelivery], now: float) -> None:
        """Commit the event with its deliveries."""


class Policy:
    """The targets with their wishes. `hold_s`: a `closed` message waits so long for its clip, unless it has one."""

    def __init__(self, targets: Sequence[tuple[str, AlertParams]], *, hold_s: float = 0.0) -> None:
        self._targets = tuple(targets)
        self._hold_s = hold_s

    def plan(
        self,
        event: Event,
        stage: Stage,
        *,
        first: bool,
        now: float,
        ledger: Ledger,
        hold_s: float | None = None,
        verdict_s: float = 0.0,
    ) -> list[NewDelivery]:
        """The messages for this change of an event, at most one for each target; `first`: it is not in the store yet.

        An event that is over when it is first recorded gives one message: `opened` where that is wanted, else `closed`.
        A target that wants `opened` gets updates only of events whose `opened` it was given; events that were merged
        have none; nor has an event that was withheld. `verdict_s`: an `opened` message waits so long for a model's verdict.
        Reads the ledger, changes nothing.
        """
        known = [] if first else ledger.deliveries(event_id=event.id)
        planned = []
        for name, params in self._targets:
            said = _stage_for(params, event, stage, first)
            if said is None:
                continue
            lead = next((d for d in known if d.target == name and d.stage != "merged"), None)
            if lead is None and _begins(params, said) and _wanted(params, event):
                planned.append(_later(self._lead(name, params, event, said, now, ledger, hold_s), now + verdict_s))
            elif lead is not None and lead.state not in ("held", "merged", "withheld"):
                planned.append(self._message(name, params, event, said, now, hold_s))
        return planned

    def _lead(
        self,
        name: str,
        params: AlertParams,
        event: Event,
        stage: Stage,
        now: float,
        ledger: Ledger,
        hold_s: float | None,
    ) -> NewDelivery:
        """The first message about an event: at once, or held until the window of the group ends."""
        group = group_key(name, event)
        until = _window_end(params, event, now, ledger, group) if params.cooldown_s > 0 else None
        return self._message(name, params, event, stage, now, hold_s, group=group, held_until=until)

    def _message(
        self,
        name: str,
        params: AlertParams,
        event: Event,
        stage: Stage,
        now: float,
        hold_s: float | None,
        *,
        group: str | None = None,
        held_until: float | None = None,
    ) -> NewDelivery:
        not_before = now
        if held_until is not None:
            not_before = held_until
        elif stage == "closed" and event.evidence.clip is None:
            not_before = now + (self._hold_s if hold_s is None else hold_s)
        return NewDelivery(
            id=delivery_id(event, stage, name),
            target=name,
            stage=stage,
            payload=event.to_dict(),
            not_before=not_before,
            expires=now + params.expire_s,
            held=held_until is not None,
            group=group,
        )


def record(
    store: Recording,
    policy: Policy,
    event: Event,
    stage: Stage | None,
    first: bool,
    now: float,
    *,
    hold_s: float | None = None,
    verdict_s: float = 0.0,
) -> list[NewDelivery]:
    """Commit this change of an event together with its messages, and return those; None: a change nobody is told of.

    Planning and committing are two steps: of all threads, only the recorder's may call this.
    """
    planned = (
        []
        if stage is None
        else policy.plan(event, stage, first=first, now=now, ledger=store, hold_s=hold_s, verdict_s=verdict_s)
    )
    store.record(event, planned, now)
    return planned


def _later(delivery: NewDelivery, at: float) -> NewDelivery:
    """The same, not before `at`."""
    return delivery if at <= delivery.not_before else replace(delivery, not_before=at)


def group_key(target: str, event: Event) -> str:
    """What is merged together: messages of one target about one camera and rule."""
    return f"{target}|{event.camera}|{event.rule or event.type}"


def group_target(group: str) -> str:
    """The target of a group."""
    return group.partition("|")[0]


def delivery_id(event: Event, stage: Stage, target: str) -> str:
    """The idempotency key, from content alone: `<event>_<stage>_<target>`, each part of letters, digits and `-`.

    There is no full stop in it: Standard Webhooks signs `id.timestamp.body` and wants none in the id. Events can be
    described more than once, so there the words count too.
    """
    said: str = stage
    if stage == "described" and event.summary is not None:
        said = f"{stage}-{_digest(event.summary.model_dump_json(exclude={'latency_s'}))}"
    return "_".join((_part(event.id), said, _part(target)))


def most_telling(held: Sequence[Delivery]) -> Delivery:
    """Of these, the one whose event matters most; of equals the surest."""
    return max(held, key=lambda d: (_rank(d.payload), d.payload.get("score") or 0.0, -d.number))


def merged_delivery(
    held: Sequence[Delivery], payload: Mapping[str, Any], lead: str, params: AlertParams, now: float
) -> NewDelivery:
    """The one message that stands for these held ones, about the alert `lead` that opened the group.

    It tells of the event in `payload`, the most telling one, with `merged`: how many there were (`count`), from when to
    when they began (`since`, `until`, epoch seconds), the seconds since the first was held (`window_s`) and their `ids`.
    """
    starts = [float(d.payload["start"]) for d in held]
    merged = {
        "count": len(held),
        "since": min(starts),
        "until": max(starts),
        "window_s": round(now - min(d.created for d in held), 3),
        "ids": [d.event_id for d in held[:_MERGED_IDS]],
    }
    which = _digest(" ".join(sorted(d.id for d in held)))
    return NewDelivery(
        id="_".join((_part(lead), f"merged-{which}", _part(held[0].target))),
        target=held[0].target,
        stage="merged",
        payload={**payload, "merged": merged},
        not_before=now,
        expires=now + params.expire_s,
        group=held[0].group,
    )


def _stage_for(params: AlertParams, event: Event, stage: Stage, first: bool) -> Stage | None:
    """The stage in which this target hears of it; None: not at all."""
    if first and event.state == "closed":
        return next((s for s in ("opened", "closed") if s in params.on), None)
    return stage if stage in params.on else None


def _begins(params: AlertParams, stage: Stage) -> bool:
    """Whether a target may hear of an event for the first time in this stage."""
    return stage == "opened" or "opened" not in params.on


def _wanted(params: AlertParams, event: Event) -> bool:
    return (
        SEVERITIES.index(event.severity) >= SEVERITIES.index(params.min_severity)
        and (params.types is None or event.type in params.types)
        and (params.cameras is None or event.camera in params.cameras)
        and (params.zones is None or event.zone in params.zones)
        and (params.schedule is None or params.schedule.armed(event.start))
    )


def _window_end(params: AlertParams, event: Event, now: float, ledger: Ledger, group: str) -> float | None:
    """When the window ends in which this event is held; None: it goes out at once."""
    newest = ledger.newest_in_group(group)
    if newest is None or SEVERITIES.index(event.severity) > _rank(newest.payload):
        return None
    end = min(newest.created, now) + params.cooldown_s  # a clock that was set back must not hold alerts for hours
    if now < end:
        return end
    held = ledger.group(group)  # a window that has ended, and the outbox has not come to merge yet
    return held[0].next_at if held else None


def _rank(payload: Mapping[str, Any]) -> int:
    return SEVERITIES.index(payload["severity"])


def _part(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    return f"{re.sub(r'[^A-Za-z0-9-]', '-', text)[:24]}-{_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]
