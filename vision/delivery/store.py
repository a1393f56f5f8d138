"""Events and their deliveries in a database: SQLite (WAL) by default, PostgreSQL by URL, one code path.

A seam in words until its implementation lands; see the methods below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vision.delivery.records import Delivery, EventFilter, NewDelivery, OutboxStats, StoredEvent
from vision.events import Event, Evidence


class Store:
    """The store of one agent. Calls block, are safe from any thread, and each is one transaction.

    Raises `StoreError` (an OutsideError) where the database cannot be reached or is full; nothing is half done then.
    """

    def __init__(self, url: str) -> None:
        """`sqlite:////path/to/sightline.db` or `postgresql://user:password@host/base`; migrates to the newest schema."""

    def record(self, event: Event, deliveries: Sequence[NewDelivery], now: float) -> None:
        """Insert or replace the event, and add its deliveries; a delivery whose id is known already is left as it is."""
        raise NotImplementedError

    def event(self, event_id: str) -> StoredEvent | None:
        """One event by its id, or by the beginning of an id that only one has."""
        raise NotImplementedError

    def events(self, wanted: EventFilter, *, limit: int | None = None, newest_first: bool = False) -> list[StoredEvent]:
        """Events by start."""
        raise NotImplementedError

    def attach(self, event_id: str, evidence: Evidence, now: float, *, release: bool = True) -> None:
        """New evidence of an event, also in the payloads (`payload["evidence"]`) of its unsent `closed` deliveries.

        `release` lets those go out now.
        """
        raise NotImplementedError

    def due(self, now: float, *, limit: int = 100, target: str | None = None) -> list[Delivery]:
        """Pending deliveries whose time has come, in the order of commit; of each (event, target) only the oldest unsent one.

        An older one of the same event and target that waits for its retry holds the younger ones back. `target`: only
        those of this target, so that the backlog of a dead one does not fill the limit for all.
        """
        raise NotImplementedError

    def next_due(self, target: str | None = None) -> float | None:
        """When the next pending or held delivery (of `target`) wants attention (epoch seconds); None when there is none."""
        raise NotImplementedError

    def sent(self, number: int, now: float) -> None:
        """The receiver has taken it."""
        raise NotImplementedError

    def retry(self, number: int, at: float, error: str) -> None:
        """It failed; try again at `at`."""
        raise NotImplementedError

    def give_up(self, number: int, error: str, *, expired: bool = False) -> None:
        """To the dead letters."""
        raise NotImplementedError

    def group(self, group: str) -> list[Delivery]:
        """Held deliveries of a group, oldest first."""
        raise NotImplementedError

    def groups_due(self, now: float) -> list[str]:
        """Groups with held deliveries whose window has ended."""
        raise NotImplementedError

    def last_in_group(self, group: str) -> float | None:
        """When the newest delivery of the group that was not held was created."""
        raise NotImplementedError

    def newest_in_group(self, group: str) -> Delivery | None:
        """The newest delivery of the group that was not held, whatever became of it: the last alert, or a merged one."""
        raise NotImplementedError

    def merge(self, group: str, numbers: Sequence[int], delivery: NewDelivery, event_id: str, now: float) -> None:
        """In one transaction: mark these held deliveries merged, and add the one that stands for them."""
        raise NotImplementedError

    def deliveries(
        self,
        *,
        event_id: str | None = None,
        target: str | None = None,
        states: Sequence[str] = (),
        limit: int | None = None,
    ) -> list[Delivery]:
        """Deliveries in the order of commit."""
        raise NotImplementedError

    def redeliver(self, numbers: Sequence[int], now: float, expires: float) -> int:
        """Send these again, with the same ids, whatever became of them; how many."""
        raise NotImplementedError

    def stats(self, now: float) -> OutboxStats:
        """Depth and age of the outbox."""
        raise NotImplementedError

    def evidence_gone(self, paths: Mapping[str, Sequence[str]], now: float) -> None:
        """Evidence that retention deleted: event id -> keys of its evidence ("snapshot", "clip") that are no more."""
        raise NotImplementedError

    def forget(self, before: float) -> int:
        """Delete closed events that started before, with their deliveries that are no longer pending; how many."""
        raise NotImplementedError

    def close(self) -> None:
        """Let the database go."""
