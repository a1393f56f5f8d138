"""How jobs ended: exactly one diagnosis or one burial each, whoever was killed or came late."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from cloud_adapter.database import CloudDatabase
from cloud_adapter.records import Diagnosis, Job
from cloud_adapter.worker.schema import STEPS, closed, ends, notices
from vision.delivery.rows import clean

_BURIED = "buried"
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person should know, told once: `key` says what makes it the same.

    `kind`: over_budget, alarm_held, endpoint_closed, endpoint_failing, buried.
    """

    key: str
    kind: Literal["over_budget", "alarm_held", "endpoint_closed", "endpoint_failing", "buried"]
    severity: Literal["info", "warning", "alert"]
    text: str
    at: float
    job: Job | None = None


@dataclass(frozen=True, slots=True)
class End:
    """A job's end: its diagnosis, or the reason of its burial."""

    diagnosis: Diagnosis | None
    reason: str = ""


class Diagnoses:
    """The diagnoses of one deployment; safe from any thread. May raise `StoreError`."""

    def __init__(self, db: CloudDatabase, *, now: Callable[[], float]) -> None:
        self._db, self._now = db, now
        db.prepare("worker", STEPS)

    def end(self, job_id: str) -> End | None:
        """How a job has ended; None while it has not."""
        with self._db.reading() as db:
            return _end(db, job_id)

    def keep(self, diagnosis: Diagnosis) -> End:
        """Store the diagnosis, unless its job has ended already; the end that counts."""
        row = {name: getattr(diagnosis, name) for name in ("job", "outcome", "device", "captured", "decided")}
        row |= {name: clean(getattr(diagnosis, name)) for name in ("camera", "site", "profile", "label")}
        row |= {"microusd": diagnosis.cost_microusd, "document": clean(diagnosis.model_dump_json())}
        return self._keep(diagnosis.job, row)

    def bury(self, job: Job, reason: str) -> End:
        """The job ends in the dead letter, unless it has ended already; the end that counts."""
        now = self._now()
        row: dict[str, Any] = {"job": job.id, "outcome": _BURIED, "device": job.device, "label": "", "microusd": 0}
        row |= {"camera": clean(job.camera), "site": clean(job.site), "profile": clean(job.profile)}
        return self._keep(job.id, row | {"captured": now, "decided": now, "document": clean(reason)})

    def revived(self, job_id: str) -> None:
        """A buried job was given back: it may end anew."""
        with self._db.writing() as db:
            db.execute(sa.delete(ends).where(ends.c.job == job_id, ends.c.outcome == _BURIED))

    def _keep(self, job_id: str, row: dict[str, Any]) -> End:
        with self._db.writing() as db:
            end = _end(db, job_id)
            if end is None:
                db.execute(sa.insert(ends).values(row))
                end = _end(db, job_id)
            assert end is not None
            return end

    def each(
        self, *, since: float = 0.0, device: str | None = None, outcome: str | None = None, newest_first: bool = False
    ) -> Iterator[Diagnosis]:
        """Diagnoses decided since a moment, in the order of deciding."""
        after: tuple[float, str] | None = None
        order = (ends.c.decided.desc(), ends.c.job.desc()) if newest_first else (ends.c.decided, ends.c.job)
        query = sa.select(ends.c.decided, ends.c.job, ends.c.document)
        query = query.where(ends.c.outcome != _BURIED, ends.c.decided >= since)
        if device is not None:
            query = query.where(ends.c.device == device)
        if outcome is not None:
            query = query.where(ends.c.outcome == outcome)
        while True:
            place = sa.tuple_(ends.c.decided, ends.c.job)
            page = query
            if after is not None:
                page = query.where(place < after if newest_first else place > after)
            with self._db.reading() as db:  # in pages: a reader that takes its time must not hold the log back
                rows = db.execute(page.order_by(*order).limit(_PAGE)).all()
            for row in rows:
                yield Diagnosis.model_validate_json(row.document)
            if len(rows) < _PAGE:
                return
            after = (rows[-1].decided, rows[-1].job)

    def untold(self, key: str) -> bool:
        """Whether a notice was not told yet."""
        with self._db.reading() as db:
            return db.execute(sa.select(notices.c.key).where(notices.c.key == key)).first() is None

    def was_told(self, key: str) -> None:
        """A notice was told."""
        with self._db.writing() as db:
            db.execute(sa.delete(notices).where(notices.c.key == key))
            db.execute(sa.insert(notices).values(key=key, at=self._now()))

    def close_endpoint(self, model: str, reason: str) -> None:
        """No call to this model until `open_endpoint`, whatever restarts."""
        with self._db.writing() as db:
            db.execute(sa.delete(closed).where(closed.c.model == model))
            db.execute(sa.insert(closed).values(model=model, reason=clean(reason), at=self._now()))

    def open_endpoint(self, model: str) -> bool:
        """A person says that the account has money again; False where it was open."""
        with self._db.writing() as db:
            return db.execute(sa.delete(closed).where(closed.c.model == model)).rowcount > 0

    def closed_endpoints(self) -> dict[str, str]:
        """Model -> why it is closed."""
        with self._db.reading() as db:
            return {row.model: row.reason for row in db.execute(sa.select(closed))}


def _end(db: sa.Connection, job_id: str) -> End | None:
    row = db.execute(sa.select(ends.c.outcome, ends.c.document).where(ends.c.job == job_id)).first()
    if row is None:
        return None
    if row.outcome == _BURIED:
        return End(None, row.document)
    return End(Diagnosis.model_validate_json(row.document))
