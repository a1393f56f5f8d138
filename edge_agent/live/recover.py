"""What an earlier run left open: the process ended in the middle of an event, and cannot go on with it."""

from __future__ import annotations

import logging
from typing import Protocol

from vision.delivery.records import EventFilter, StoredEvent
from vision.events import Event

log = logging.getLogger("sightline.agent")


class _Store(Protocol):
    def events(self, wanted: EventFilter) -> list[StoredEvent]:
        """Events by start."""


class _Committer(Protocol):
    def record(self, event: Event, stage: str, *, first: bool, clip: bool) -> None:
        """Commit."""


def close_interrupted(store: _Store, committer: _Committer) -> int:
    """Close what is open in the store, as of the last moment known of it, and tell so; how many events.

    Somebody who is still there is told anew by the pipeline of this run.
    """
    left = store.events(EventFilter(states=("open",)))
    for stored in left:
        event = stored.event
        end = max(event.start, event.opened, event.at)
        closed = event.model_copy(update={"state": "closed", "end": end, "facts": {**event.facts, "interrupted": True}})
        committer.record(closed, "closed", first=False, clip=False)
    if left:
        log.info("%d events of an interrupted run were closed", len(left))
    return len(left)
