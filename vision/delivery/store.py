"""Events and their deliveries in a database: SQLite (WAL) by default, PostgreSQL by URL, one code path.

SQLAlchemy Core and not its ORM: a dozen statements over two tables, each seen to run along an index (tests hold their
query plans), and no objects with a life of their own between threads. All writers of one database, also those of other
processes, go one after the other (`vision.delivery.database`), so that a transaction may read first and then write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from vision.delivery import rows
from vision.delivery.database import Database
from vision.delivery.records import Delivery, EventFilter, NewDelivery, OutboxStats, StoredEvent
from vision.delivery.schema import deliveries, events, one_of
from vision.errors import StoreError
from vision.events import Event, Evidence

FILE = "sightline.db"
_CHUNK = 500  # values in one statement; SQLite allows 32766, old ones 999


def open_store(config_url: str | None, data_dir: Path, *, check: bool = True) -> Store:
    """The store at this address, or, for None, `sightline.db` in `data_dir`; makes the folder.

    `check`: look a file over that was not closed in order; for the agent, not for a command beside it.
    """
    if config_url is not None:
        return Store(config_url, check=check)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{data_dir}: the folder cannot be made: {error.strerror}") from None
    return Store(f"sqlite:///{(data_dir / FILE).absolute()}", check=check)


class Store:
    """The store of one agent. Calls block, are safe from any thread, and each is one transaction.

    Raises `StoreError` (an OutsideError) where the database cannot be reached or is full; nothing is half done then.
    After a lost connection the next call tries anew; what was refused may be called again with the same ids.
    """

    def __init__(self, url: str, *, check: bool = True) -> None:
        """`sqlite:////path/to/sightline.db` or `postgresql://user:password@host/base`; migrates to the newest schema."""
        self._database = Database(url, check=check)

    def __repr__(self) -> str:
        return f"Store({str(self._database)!r})"

    @property
    def place(self) -> str:
        """The database for people: its file, or its address without a password."""
        return str(self._database)

    def record(self, event: Event, deliveries: Sequence[NewDelivery], now: float) -> None:
        """Insert or replace the event, and add its deliveries; a delivery whose id is known already is left as it is.

        Evidence that was attached before stays where `event` has none.
        """
        with self._database.writing() as db:
            self._put_event(db, event, now)
            self._add(db, event.id, deliveries, now)

    def event(self, event_id: str) -> StoredEvent | None:
        """One event by its id, or by the beginning of an id that only one has."""
        found = self._like(event_id, 2)
        return found[0] if len(found) == 1 or (found and found[0].event.id == event_id) else None

    def ids(self, beginning: str, *, limit: int = 5) -> list[str]:
        """Ids of events that begin so."""
        return [found.event.id for found in self._like(beginning, limit)]

    def events(
        self,
        wanted: EventFilter,
        *,
        limit: int | None = None,
        newest_first: bool = False,
        after: StoredEvent | None = None,
    ) -> list[StoredEvent]:
        """Events by start; the page after `after` in this order."""
        query = sa.select(events).where(*rows.conditions(wanted))
        place = sa.tuple_(events.c.started, events.c.id)
        if after is not None:
            last = sa.tuple_(sa.literal(after.event.start), sa.literal(after.event.id))
            query = query.where(place < last if newest_first else place > last)
        order = (events.c.started, events.c.id)
        query = query.order_by(*(column.desc() if newest_first else column for column in order)).limit(limit)
        with self._database.reading() as db:
            return [rows.stored_event(row) for row in db.execute(query)]

    def attach(self, event_id: str, evidence: Evidence, now: float, *, release: bool = True) -> None:
        """New evidence of an event, also in the payloads (`payload["evidence"]`) of its unsent `closed` deliveries.

        What `evidence` does not have stays as it was. `release` lets those deliveries go out now, unless they wait for
        a retry or to be merged.
        """
        with self._database.writing() as db:
            change = {key: value for key, value in evidence.model_dump().items() if value is not None}
            known = self._change_evidence(db, event_id, change, now)
            if known is None:
                return
            mine = (deliveries.c.event_id == event_id, deliveries.c.stage == "closed")
            self._change_payloads(db, mine, known.model_dump())
            if release:
                fresh = (deliveries.c.state == "pending", deliveries.c.attempts == 0, deliveries.c.next_at > now)
                db.execute(sa.update(deliveries).where(*mine, *fresh).values(next_at=now))

    def due(self, now: float, *, limit: int = 100, target: str | None = None) -> list[Delivery]:
        """Pending deliveries whose time has come, in the order of commit; of each (event, target) only the oldest unsent.

        An older one of the same event and target that waits for its retry or to be merged holds the younger ones back.
        `target`: only those of this target, so that the backlog of a dead one does not fill the limit for all.
        """
        numbers = sa.select(deliveries.c.number).where(*_HEADS, deliveries.c.next_at <= now)
        if target is not None:
            numbers = numbers.where(deliveries.c.target == target)
        first = deliveries.c.number.in_(numbers.order_by(deliveries.c.number).limit(limit))
        return self._deliveries(_select_deliveries(first).order_by(deliveries.c.number))

    def next_due(self, target: str | None = None) -> float | None:
        """When the next pending or held delivery (of `target`) wants attention (epoch seconds); None if there is none."""
        mine = () if target is None else (deliveries.c.target == target,)
        with self._database.reading() as db:
            times = [
                db.execute(sa.select(sa.func.min(deliveries.c.next_at)).where(*which, *mine)).scalar()
                for which in (_HEADS, (_HELD,))
            ]
        return min((at for at in times if at is not None), default=None)

    def sent(self, number: int, now: float) -> None:
        """The receiver has taken it."""
        change = {"state": "sent", "sent_at": now, "error": None, "attempts": deliveries.c.attempts + 1}
        self._finish(number, deliveries.c.state != "sent", change)

    def retry(self, number: int, at: float, error: str) -> None:
        """It failed; try again at `at`."""
        change = {"next_at": at, "error": rows.clean(error), "attempts": deliveries.c.attempts + 1}
        with self._database.writing() as db:
            mine = (deliveries.c.number == number, deliveries.c.state == "pending")
            db.execute(sa.update(deliveries).where(*mine).values(**change))

    def release(self, target: str, now: float) -> int:
        """Pending deliveries of the target that failed before need not wait for their retry any more; how many.

        For a receiver that answers again after an outage. Those that were never tried keep their `not_before`.
        """
        failed = (deliveries.c.state == "pending", deliveries.c.attempts > 0, deliveries.c.next_at > now)
        with self._database.writing() as db:
            waiting = sa.update(deliveries).where(deliveries.c.target == target, *failed)
            return int(db.execute(waiting.values(next_at=now)).rowcount)

    def let_go(self, event_id: str, now: float) -> int:
        """What waits for a verdict about this event goes out now; how many messages."""
        waiting = (deliveries.c.state == "pending", deliveries.c.attempts == 0, deliveries.c.next_at > now)
        with self._database.writing() as db:
            mine = sa.update(deliveries).where(
                deliveries.c.event_id == event_id, deliveries.c.stage == "opened", *waiting
            )
            return int(db.execute(mine.values(next_at=now)).rowcount)

    def withhold(self, event_id: str, reason: str) -> int:
        """Nothing that is unsent about this event goes out, unless it is redelivered; how many messages."""
        with self._database.writing() as db:
            mine = (deliveries.c.event_id == event_id, _UNSENT, deliveries.c.attempts == 0)
            held_back = sa.update(deliveries).where(*mine).values(state="withheld", head=0, error=rows.clean(reason))
            count = int(db.execute(held_back).rowcount)
            self._reorder(db, deliveries.c.event_id == event_id)
            return count

    def give_up(self, number: int, error: str, *, expired: bool = False) -> None:
        """To the dead letters: refused, or, without a further attempt, `expired`."""
        change: dict[str, Any] = {"state": "expired" if expired else "dead", "error": rows.clean(error)}
        if not expired:
            change["attempts"] = deliveries.c.attempts + 1
        self._finish(number, _UNSENT, change)

    def group(self, group: str) -> list[Delivery]:
        """Held deliveries of a group, oldest first."""
        query = _select_deliveries(_HELD, deliveries.c.bundle == rows.clean(group))
        return self._deliveries(query.order_by(deliveries.c.number))

    def groups_due(self, now: float) -> list[str]:
        """Groups with held deliveries whose window has ended, the longest waiting first."""
        query = (
            sa.select(deliveries.c.bundle)
            .where(_HELD, deliveries.c.next_at <= now, deliveries.c.bundle.is_not(None))
            .group_by(deliveries.c.bundle)
            .order_by(sa.func.min(deliveries.c.next_at), deliveries.c.bundle)
        )
        with self._database.reading() as db:
            return [str(group) for group in db.execute(query).scalars()]

    def last_in_group(self, group: str) -> float | None:
        """When the newest delivery of the group that was not held was created."""
        query = (
            sa.select(deliveries.c.created)
            .where(deliveries.c.bundle == rows.clean(group), deliveries.c.state.not_in(("held", "merged")))
            .order_by(deliveries.c.created.desc())
            .limit(1)
        )
        with self._database.reading() as db:
            return db.execute(query).scalar()

    def newest_in_group(self, group: str) -> Delivery | None:
        """The newest delivery of the group that was not held, whatever became of it: the last alert, or a merged one."""
        query = _select_deliveries(
            deliveries.c.bundle == rows.clean(group), deliveries.c.state.not_in(("held", "merged"))
        ).order_by(deliveries.c.created.desc(), deliveries.c.number.desc())
        return next(iter(self._deliveries(query.limit(1))), None)

    def merge(self, group: str, numbers: Sequence[int], delivery: NewDelivery, event_id: str, now: float) -> None:
        """In one transaction: mark these held deliveries merged, and add the one that stands for them."""
        with self._database.writing() as db:
            for some in _chunks(numbers):
                mine = (deliveries.c.number.in_(some), _HELD, deliveries.c.bundle == rows.clean(group))
                db.execute(sa.update(deliveries).where(*mine).values(state="merged", head=0))
                self._reorder(db, deliveries.c.event_id.in_(_events_of(some)))
            self._add(db, event_id, [delivery], now)

    def deliveries(
        self,
        *,
        event_id: str | None = None,
        target: str | None = None,
        states: Sequence[str] = (),
        limit: int | None = None,
    ) -> list[Delivery]:
        """Deliveries in the order of commit."""
        query = _select_deliveries()
        for column, value in ((deliveries.c.event_id, event_id), (deliveries.c.target, target)):
            if value is not None:
                query = query.where(column == value)
        if states:
            query = query.where(rows.any_of(deliveries.c.state, states))
        return self._deliveries(query.order_by(deliveries.c.number).limit(limit))

    def redeliver(self, numbers: Sequence[int], now: float, expires: float) -> int:
        """Send these again, with the same ids, whatever became of them; how many."""
        anew = {"state": "pending", "next_at": now, "expires": expires, "attempts": 0, "sent_at": None, "head": 0}
        with self._database.writing() as db:
            count = 0
            for some in _chunks(numbers):
                mine = deliveries.c.number.in_(some)
                count += db.execute(sa.update(deliveries).where(mine).values(**anew)).rowcount
                self._reorder(db, deliveries.c.event_id.in_(_events_of(some)))
            return count

    def stats(self, now: float) -> OutboxStats:
        """Depth and age of the outbox."""
        columns = (deliveries.c.state, deliveries.c.target)
        depth = sa.select(*columns, sa.func.count()).group_by(*columns)
        oldest = sa.select(deliveries.c.target, sa.func.min(deliveries.c.created)).where(_UNSENT)
        with self._database.reading() as db:
            return OutboxStats(
                {(target, state): count for state, target, count in db.execute(depth)},
                {t: max(0.0, now - created) for t, created in db.execute(oldest.group_by(deliveries.c.target))},
            )

    def evidence_gone(self, paths: Mapping[str, Sequence[str]], now: float) -> None:
        """Evidence that retention deleted: event id -> keys of its evidence ("snapshot", "clip") that are no more.

        Unsent deliveries stop naming it, too.
        """
        with self._database.writing() as db:
            for event_id, keys in paths.items():
                change = dict.fromkeys(keys)
                if self._change_evidence(db, event_id, change, now) is not None:
                    self._change_payloads(db, (deliveries.c.event_id == event_id,), change)

    def forget(self, before: float) -> int:
        """Delete closed events that started before and have nothing left to send, with their deliveries; how many.

        In several transactions, so that nobody else waits for the end of a great clean-up.
        """
        waiting = sa.exists().where(deliveries.c.event_id == events.c.id, _UNSENT)
        old = (events.c.started < before, events.c.state == "closed", ~waiting)
        some = sa.select(events.c.id).where(*old).order_by(events.c.started).limit(_CHUNK)
        count, gone = 0, _CHUNK
        while gone == _CHUNK:
            with self._database.writing() as db:
                gone = db.execute(sa.delete(events).where(events.c.id.in_(some))).rowcount
            count += gone
        return count

    def close(self) -> None:
        """Let the database go."""
        self._database.close()

    def _like(self, beginning: str, limit: int) -> list[StoredEvent]:
        """Events whose id begins so, by id."""
        beginning = rows.clean(beginning)
        if not beginning:
            return []
        last = beginning + "\U0010ffff"
        query = sa.select(events).where(events.c.id >= beginning, events.c.id < last)
        with self._database.reading() as db:
            return [rows.stored_event(row) for row in db.execute(query.order_by(events.c.id).limit(limit))]

    def _deliveries(self, query: sa.Select[Any]) -> list[Delivery]:
        with self._database.reading() as db:
            return [rows.delivery(row) for row in db.execute(query)]

    def _put_event(self, db: sa.Connection, event: Event, now: float) -> None:
        row = db.execute(sa.select(events.c.document).where(events.c.id == event.id)).one_or_none()
        if row is None:
            db.execute(sa.insert(events).values(id=event.id, recorded=now, changed=now, **rows.event_row(event)))
            return
        known = rows.event(row.document).evidence.model_dump()
        fresh = {key: value for key, value in event.evidence.model_dump().items() if value is not None}
        self._replace(db, event.model_copy(update={"evidence": Evidence(**(known | fresh))}), now)

    @staticmethod
    def _replace(db: sa.Connection, event: Event, now: float) -> None:
        db.execute(sa.update(events).where(events.c.id == event.id).values(changed=now, **rows.event_row(event)))

    def _add(self, db: sa.Connection, event_id: str, new: Sequence[NewDelivery], now: float) -> None:
        """Insert those that are not known, in their order."""
        if not new:
            return
        by_id = {one.id: one for one in reversed(new)}
        known = set(db.execute(sa.select(deliveries.c.id).where(deliveries.c.id.in_(list(by_id)))).scalars())
        added = [one for one in new if by_id[one.id] is one and one.id not in known]
        if added:
            db.execute(sa.insert(deliveries), [rows.delivery_row(one, event_id, now) for one in added])
            self._reorder(db, deliveries.c.event_id == event_id)

    def _finish(self, number: int, condition: sa.ColumnElement[bool], change: Mapping[str, Any]) -> None:
        with self._database.writing() as db:
            mine = (deliveries.c.number == number, condition)
            db.execute(sa.update(deliveries).where(*mine).values(head=0, **change))
            self._reorder(db, deliveries.c.event_id.in_(_events_of([number])))

    @staticmethod
    def _reorder(db: sa.Connection, which: sa.ColumnElement[bool]) -> None:
        """Of these unsent deliveries, mark the oldest of each event and target as the head of its line."""
        db.execute(_REORDER.where(which))

    def _change_evidence(
        self, db: sa.Connection, event_id: str, change: Mapping[str, str | None], now: float
    ) -> Evidence | None:
        """The evidence of the event after the change; None where there is no such event."""
        row = db.execute(sa.select(events.c.document).where(events.c.id == event_id)).one_or_none()
        if row is None:
            return None
        event = rows.event(row.document)
        evidence = Evidence(**(event.evidence.model_dump() | dict(change)))
        if evidence != event.evidence:
            self._replace(db, event.model_copy(update={"evidence": evidence}), now)
        return evidence

    @staticmethod
    def _change_payloads(
        db: sa.Connection, which: Iterable[sa.ColumnElement[bool]], change: Mapping[str, str | None]
    ) -> None:
        found = db.execute(sa.select(deliveries.c.number, deliveries.c.payload).where(*which, _UNSENT)).all()
        for number, payload in found:
            row = deliveries.c.number == number
            db.execute(sa.update(deliveries).where(row).values(payload=rows.with_evidence(payload, change)))


_UNSENT = one_of(deliveries.c.state, "pending", "held")
_HELD = one_of(deliveries.c.state, "held")
_OTHER = deliveries.alias("other")
_OLDER = sa.exists().where(
    _OTHER.c.event_id == deliveries.c.event_id,
    _OTHER.c.target == deliveries.c.target,
    _OTHER.c.number < deliveries.c.number,
    one_of(_OTHER.c.state, "pending", "held"),
)
_REORDER = sa.update(deliveries).where(_UNSENT).values(head=sa.case((_OLDER, 0), else_=1))
_HEADS = (one_of(deliveries.c.state, "pending"), deliveries.c.head == sa.literal(1, literal_execute=True))


def _select_deliveries(*which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(*rows.DELIVERY_COLUMNS).where(*which)


def _events_of(numbers: Sequence[int]) -> sa.Select[tuple[str]]:
    return sa.select(deliveries.c.event_id).where(deliveries.c.number.in_(numbers))


def _chunks(numbers: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(numbers), _CHUNK):
        yield list(numbers[start : start + _CHUNK])
