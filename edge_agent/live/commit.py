"""Commits events with their deliveries: what stands between the recorder and the store."""

from __future__ import annotations

from collections.abc import Callable

from vision.delivery.policy import Policy, record
from vision.delivery.records import Stage
from vision.delivery.store import Store
from vision.events import Event, Evidence

_CLIP_S = 6.0  # a `closed` message waits for its clip: the seconds after the event, and so many to make it


class StoreCommitter:
    """A `edge_agent.live.recorder.Committer` over the real store. `policy` may be replaced while it runs."""

    def __init__(self, store: Store, policy: Policy, clock: Callable[[], float], *, post_s: float | None) -> None:
        self.policy = policy
        self.post_s = post_s  # seconds of a clip after its event; None where there are no clips
        self._store = store
        self._clock = clock

    def record(self, event: Event, stage: str, *, first: bool, clip: bool, verdict_s: float = 0.0) -> None:
        """One transaction; nobody is told of a mere update. `clip`: one is being made of this event.

        `verdict_s`: an `opened` alert waits so long for a model's verdict, then it goes out.
        """
        told: Stage | None = "opened" if stage == "opened" else "closed" if stage == "closed" else None
        if stage == "described":
            told = "described"
        hold_s = self.post_s + _CLIP_S if clip and self.post_s is not None else 0.0
        record(self._store, self.policy, event, told, first, self._clock(), hold_s=hold_s, verdict_s=verdict_s)

    def attach(self, event_id: str, evidence: Evidence) -> None:
        """New evidence; a `closed` message that waited for it goes out."""
        self._store.attach(event_id, evidence, self._clock())

    def let_go(self, event_id: str) -> None:
        """The alert of an event need not wait for a verdict any more."""
        self._store.let_go(event_id, self._clock())

    def withhold(self, event_id: str, reason: str) -> None:
        """The alert of an event is held back, for this reason."""
        self._store.withhold(event_id, reason)

    def known(self, event_id: str) -> bool:
        """Whether the store has this event."""
        return self._store.event(event_id) is not None
