"""The purse: reserve the worst case, call, settle with what it took; every step is one durable transaction.

            reserve                    settle (with the answer, for the cache)
  nothing ──────────> reservation ──────────────────────────────────────────> a row of the ledger
                          │  release: certainly not billed                        ^
                          ├────────────> nothing                                  │
                          └─ its worker was killed: after `expires`, charged in full

Sums for the caps change in the same transactions, so that none of these can leak money, wherever a worker dies.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from cloud_adapter.budget.base import OverBudgetError, Prices, Reservation
from cloud_adapter.budget.calendar import Calendar
from cloud_adapter.budget.schema import STEPS, answers, ledger, reservations, spent
from cloud_adapter.budget.settings import BudgetSettings
from cloud_adapter.database import CloudDatabase
from cloud_adapter.records import MICRO, Usage
from vision.delivery.rows import to_json

Sizes = Sequence[tuple[int, int]]  # width, height of each picture
DAY_S = 86400.0


class InFlightError(Exception):
    """The same call is being made by another worker, or was when it died; it is known at `until` (epoch seconds)."""

    def __init__(self, until: float) -> None:
        super().__init__("the same call is under way")
        self.until = until


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer to keep for the next time the same is asked; `document` is JSON."""

    key: str
    document: str


@dataclass(frozen=True, slots=True)
class _Cap:
    name: str
    scope: str
    period: str
    microusd: int
    opens: float


class Budget:
    """The `Meter` of one deployment; safe from any thread and beside other processes. May raise `StoreError`.

    `lease_s`: how long a call can take at most; a reservation that is older belongs to a worker that was killed.
    """

    def __init__(
        self,
        db: CloudDatabase,
        settings: BudgetSettings,
        prices: Prices,
        *,
        now: Callable[[], float],
        lease_s: float = 150.0,
    ) -> None:
        self._db, self.settings, self._prices, self._now, self._lease_s = db, settings, prices, now, lease_s
        self.calendar = Calendar(settings.timezone, settings.batch_at)
        db.prepare("budget", STEPS)

    def reserve(
        self, *, job: str, device: str, model: str, prompt: str, worst: Usage, alarm: bool, pictures: Sizes = ()
    ) -> Reservation:
        """Set the worst case aside. Raises `OverBudgetError`, `InFlightError`."""
        now = self._now()
        reservation = Reservation(
            _reservation_id(job, model, prompt), device, model, self._prices.ceiling(model, worst, now), now
        )
        with self._db.writing() as db:
            old = db.execute(sa.select(reservations).where(reservations.c.id == reservation.id)).first()
            if old is not None:
                if old.expires > now:
                    raise InFlightError(old.expires)
                self._charge_lost(db, old)
            caps = self._caps(device, now)
            for cap in caps:
                self._check(db, cap, reservation.microusd, alarm)
            for cap in caps:
                _add(db, cap.scope, cap.period, reservation.microusd)
            values = asdict(reservation) | {"job": job, "prompt": prompt, "expires": now + self._lease_s}
            values |= {
                "day": self.calendar.day(now),
                "month": self.calendar.month(now),
                "pictures": to_json(list(pictures)),
            }
            db.execute(sa.insert(reservations).values(values))
        return reservation

    def settle(
        self,
        reservation: Reservation,
        usage: Usage | None,
        *,
        latency_s: float,
        bytes_up: int,
        outcome: str = "answered",
        keep: Kept | None = None,
    ) -> int:
        """Micro-dollars charged. The answer to `keep` is kept in the same transaction.

        A reservation that was charged in full meanwhile (the call took longer than its lease) is not charged again: 0.
        """
        now = self._now()
        with self._db.writing() as db:
            if keep is not None:
                db.execute(sa.delete(answers).where(answers.c.key == keep.key))
                db.execute(sa.insert(answers).values(key=keep.key, at=now, document=keep.document))
            row = _open(db, reservation)
            if row is None:
                return 0
            microusd = row.microusd if usage is None else self._prices.price(row.model, usage, now)
            self._charge(db, row, microusd, usage, outcome, latency_s=latency_s, bytes_up=bytes_up)
        return int(microusd)

    def release(self, reservation: Reservation) -> None:
        """The call was certainly not billed."""
        with self._db.writing() as db:
            row = _open(db, reservation)
            if row is not None:
                self._correct(db, row, -row.microusd)
                db.execute(sa.delete(reservations).where(reservations.c.id == row.id))

    def recover(self) -> int:
        """Charge reservations whose workers were killed, in full: their calls may have been billed. How many."""
        with self._db.reading() as db:
            lost = db.execute(sa.select(reservations.c.id).where(reservations.c.expires <= self._now())).all()
        if not lost:
            return 0
        with self._db.writing() as db:
            rows = db.execute(sa.select(reservations).where(reservations.c.expires <= self._now())).all()
            for row in rows:
                self._charge_lost(db, row)
        return len(rows)

    def cached(self, *keys: str) -> str | None:
        """The document that was kept under one of these keys, the newest."""
        found = sa.select(answers.c.document).where(
            answers.c.key.in_(keys), answers.c.at > self._now() - self.settings.cache_days * DAY_S
        )
        with self._db.reading() as db:
            return db.execute(found.order_by(answers.c.at.desc()).limit(1)).scalar()

    def note_cached(self, *, job: str, device: str, model: str, prompt: str, pictures: Sizes) -> None:
        """Write into the ledger that an answer came from the cache: nothing was sent, nothing paid."""
        now = self._now()
        with self._db.writing() as db:
            row = {"job": job, "device": device, "model": model, "prompt": prompt, "at": now, "microusd": 0}
            row |= {
                "day": self.calendar.day(now),
                "month": self.calendar.month(now),
                "pictures": to_json(list(pictures)),
            }
            db.execute(sa.insert(ledger).values(row | _taken(Usage(), "cached", 0.0, 0)))

    def tidy(self) -> None:
        """Now and then: forget answers and ledger rows that have had their time."""
        now = self._now()
        with self._db.writing() as db:
            db.execute(sa.delete(answers).where(answers.c.at <= now - self.settings.cache_days * DAY_S))
            old = self.calendar.month(now - self.settings.ledger_days * DAY_S)  # whole months: their sums go with them
            db.execute(sa.delete(ledger).where(ledger.c.month < old))
            db.execute(sa.delete(spent).where(spent.c.period < old))

    def leak(self) -> dict[tuple[str, str], int]:
        """(scope, period) -> micro-dollars by which the sums of the caps differ from ledger and reservations: none."""
        with self._db.reading() as db:
            found = {(row.scope, row.period): row.microusd for row in db.execute(sa.select(spent))}
            for table in (ledger, reservations):
                columns = (table.c.device, table.c.day, table.c.month, sa.func.sum(table.c.microusd).label("sum"))
                for row in db.execute(sa.select(*columns).group_by(*columns[:3])):
                    for of in ((f"device:{row.device}", row.day), ("fleet", row.day), ("fleet", row.month)):
                        found[of] = found.get(of, 0) - int(row.sum)
        return {of: int(difference) for of, difference in found.items() if difference}

    def _caps(self, device: str, now: float) -> tuple[_Cap, _Cap, _Cap]:
        day, month = self.calendar.day(now), self.calendar.month(now)
        tomorrow, next_month = self.calendar.next_day(now), self.calendar.next_month(now)
        of_device, of_day, of_month = self.settings.caps
        return (
            _Cap("fleet and month", "fleet", month, of_month, next_month),
            _Cap("fleet and day", "fleet", day, of_day, tomorrow),
            _Cap(f"device {device} and day", f"device:{device}", day, of_device, tomorrow),
        )

    def _check(self, db: sa.Connection, cap: _Cap, microusd: int, alarm: bool) -> None:
        if microusd == 0:  # a model of one's own
            return
        limit = cap.microusd if alarm else cap.microusd - round(cap.microusd * self.settings.alarm_share)
        so_far = db.execute(
            sa.select(spent.c.microusd).where(spent.c.scope == cap.scope, spent.c.period == cap.period)
        ).scalar()
        if (so_far or 0) + microusd > limit:
            more = f" ({limit / MICRO:.2f} USD)"
            if microusd > limit:
                more += f": one call may cost {microusd / MICRO:.4f} USD, more than it allows at all"
            raise OverBudgetError(cap.name, self.calendar.batch(cap.opens), more)

    def _charge_lost(self, db: sa.Connection, row: Any) -> None:
        self._charge(db, row, row.microusd, None, "lost", latency_s=0.0, bytes_up=0)

    def _charge(
        self,
        db: sa.Connection,
        row: Any,
        microusd: int,
        usage: Usage | None,
        outcome: str,
        *,
        latency_s: float,
        bytes_up: int,
    ) -> None:
        """From reservation to ledger; the day is that of the reservation: the caps were checked against it."""
        self._correct(db, row, microusd - row.microusd)
        same = ("job", "device", "model", "prompt", "day", "month", "at", "pictures")
        values = {name: getattr(row, name) for name in same} | {"microusd": microusd}
        db.execute(sa.insert(ledger).values(values | _taken(usage, outcome, latency_s, bytes_up)))
        db.execute(sa.delete(reservations).where(reservations.c.id == row.id))

    def _correct(self, db: sa.Connection, row: Any, microusd: int) -> None:
        for scope, period in ((f"device:{row.device}", row.day), ("fleet", row.day), ("fleet", row.month)):
            _add(db, scope, period, microusd)


def _reservation_id(job: str, model: str, prompt: str) -> str:
    return hashlib.sha256(json.dumps([job, model, prompt]).encode()).hexdigest()[:32]


def _open(db: sa.Connection, reservation: Reservation) -> Any:
    """The row of a reservation; one of the same id made later belongs to another worker."""
    same = sa.and_(reservations.c.id == reservation.id, reservations.c.at == reservation.at)
    return db.execute(sa.select(reservations).where(same)).first()


def _add(db: sa.Connection, scope: str, period: str, microusd: int) -> None:
    of = sa.and_(spent.c.scope == scope, spent.c.period == period)
    if db.execute(sa.update(spent).where(of).values(microusd=spent.c.microusd + microusd)).rowcount == 0:
        db.execute(sa.insert(spent).values(scope=scope, period=period, microusd=microusd))


def _taken(usage: Usage | None, outcome: str, latency_s: float, bytes_up: int) -> dict[str, Any]:
    known = usage or Usage()
    return {
        "outcome": outcome,
        "known": int(usage is not None),
        "input": known.input_tokens,
        "cached": known.cached_tokens,
        "output": known.output_tokens,
        "bytes_up": bytes_up,
        "latency_s": latency_s,
    }
