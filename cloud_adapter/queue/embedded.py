"""The queue of one machine: jobs are rows, pictures are files; several worker processes share them.

The picture is durable before its row is: a row never lacks its picture, and a file without a row (a power cut in between)
is found by `tidy`. Every change is one short transaction under the database's write lock, so two workers never take the
same job; the lease is in the row, so a killed worker's job comes back by the clock alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cloud_adapter.database import CloudDatabase
from cloud_adapter.queue.base import UNREADABLE, UNREADABLE_S, Buried, Claim, Depth
from cloud_adapter.queue.blobs import Blobs
from cloud_adapter.queue.schema import STEPS, jobs
from cloud_adapter.queue.settings import EmbeddedQueue
from cloud_adapter.records import Job
from vision.delivery.rows import clean

_log = logging.getLogger("sightline.cloud.queue")
POLL_S = 0.5  # how long a job put by another process may lie unseen
ORPHAN_S = 3600.0
_BATCH = 500
_FULL = 0.8  # of max_picture_bytes: from here on, pictures of ended jobs go early


class EmbeddedJobQueue:
    """`JobQueue` on `CloudDatabase` and a folder."""

    def __init__(
        self, db: CloudDatabase, pictures: Path, settings: EmbeddedQueue | None = None, *, now: Callable[[], float]
    ) -> None:
        self._db, self._now = db, now
        self._settings = settings or EmbeddedQueue()
        self.max_tries, self.lease_s = self._settings.max_tries, self._settings.lease_s
        self._blobs = Blobs(pictures)
        self._came = asyncio.Event()
        db.prepare("queue", STEPS)

    async def put(self, job: Job, picture: bytes | None) -> bool:
        """Keep picture and job durably."""
        new = await asyncio.to_thread(self._put, job, picture)
        if new:
            self._came.set()
        return new

    def _put(self, job: Job, picture: bytes | None) -> bool:
        with self._db.reading() as db:
            if db.execute(sa.select(jobs.c.number).where(jobs.c.id == job.id)).first():
                return False
        key = job.picture if picture is not None else None
        row = {
            "id": job.id,
            "state": "waiting",
            "priority": job.priority,
            "queued": self._now(),
            "due": 0.0,
            "tries": 0,
            "picture": key,
            "bytes": len(picture or b""),
            "document": clean(job.model_dump_json()),
        }
        while True:
            if key is not None and picture is not None:
                self._blobs.keep(key, picture)
            with self._db.writing() as db:
                if key is not None and not self._blobs.there(key):
                    continue  # `tidy` took it for an orphan just now
                if db.execute(sa.select(jobs.c.number).where(jobs.c.id == job.id)).first():
                    return False  # the same upload over two connections
                db.execute(sa.insert(jobs).values(row))
                return True

    async def picture(self, key: str) -> bytes:
        """A job's picture."""
        return await asyncio.to_thread(self._blobs.read, key)

    async def take(self, wait_s: float) -> Claim | None:
        """The next job."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while True:
            self._came.clear()
            claim = await asyncio.to_thread(self._take)
            left = until - loop.time()
            if claim is not None or left <= 0:
                return claim
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, POLL_S)):
                    await self._came.wait()

    def _take(self) -> Claim | None:
        now = self._now()
        waits = jobs.c.state == "waiting"
        back = sa.and_(jobs.c.state.in_(("delayed", "taken")), jobs.c.due <= now)
        with self._db.reading() as db:  # looking costs no lock
            if not db.execute(sa.select(sa.exists().where(waits) | sa.exists().where(back))).scalar():
                return None
        with self._db.writing() as db:
            db.execute(sa.update(jobs).where(back).values(state="waiting", token=None))
            order = (jobs.c.priority, jobs.c.queued, jobs.c.number)
            while (row := db.execute(sa.select(jobs).where(waits).order_by(*order).limit(1)).first()) is not None:
                this = sa.update(jobs).where(jobs.c.number == row.number)
                try:
                    job = Job.model_validate_json(row.document)
                except ValueError:
                    _log.error("%s", UNREADABLE.format(row.id))
                    db.execute(this.values(state="delayed", due=now + UNREADABLE_S))
                    continue
                token = uuid.uuid4().hex
                values = {"state": "taken", "tries": row.tries + 1, "due": now + self.lease_s, "token": token}
                db.execute(this.values(values))
                return Claim(job, row.tries + 1, (row.number, token))
        return None  # another process was faster

    async def touch(self, claim: Claim) -> None:
        """Renew the lease."""
        await self._change(claim, due=self._now() + self.lease_s)

    async def done(self, claim: Claim) -> None:
        """The job has ended well, whoever has it in hand by now."""
        number, _ = claim.handle
        values = {"state": "done", "ended": self._now(), "token": None, "reason": None}
        alive = jobs.c.state.in_(("waiting", "delayed", "taken"))
        await self._write(sa.update(jobs).where(jobs.c.number == number, alive).values(values))

    async def retry(self, claim: Claim, delay_s: float, reason: str) -> None:
        """Give it back."""
        if claim.tries >= self.max_tries:
            return await self.bury(claim, reason)
        return await self._change(claim, state="delayed", due=self._now() + delay_s, token=None, reason=clean(reason))

    async def hold(self, claim: Claim, until: float, reason: str) -> None:
        """Put it aside; this try does not count."""
        values = {"state": "delayed", "due": until, "token": None, "reason": clean(reason), "tries": claim.tries - 1}
        await self._change(claim, **values)

    async def bury(self, claim: Claim, reason: str) -> None:
        """Into the dead letter."""
        await self._change(claim, state="dead", ended=self._now(), token=None, reason=clean(reason))

    async def dead(self, limit: int = 100) -> Sequence[Buried]:
        """The dead letter, newest first."""

        def read() -> list[Buried]:
            newest = sa.select(jobs).where(jobs.c.state == "dead").order_by(jobs.c.ended.desc(), jobs.c.number.desc())
            with self._db.reading() as db:
                return [
                    Buried(Job.model_validate_json(row.document), row.reason or "", row.tries, row.ended)
                    for row in db.execute(newest.limit(limit))
                ]

        return await asyncio.to_thread(read)

    async def revive(self, job_id: str) -> bool:
        """From the dead letter back to the end of the queue."""
        values = {"state": "waiting", "tries": 0, "queued": self._now(), "due": 0.0, "ended": None, "reason": None}
        found = await self._write(sa.update(jobs).where(jobs.c.id == job_id, jobs.c.state == "dead").values(values))
        self._came.set()
        return found > 0

    async def depth(self) -> Depth:
        """How much waits."""

        def read() -> Depth:
            states = ("waiting", "delayed", "taken", "dead")
            sums = sa.select(jobs.c.state, sa.func.count(), sa.func.sum(jobs.c.bytes)).where(jobs.c.state.in_(states))
            with self._db.reading() as db:
                found = {state: (int(n), int(size)) for state, n, size in db.execute(sums.group_by(jobs.c.state))}
            (waiting, a), (delayed, b), (taken, c), (dead, _) = (found.get(state, (0, 0)) for state in states)
            return Depth(waiting + delayed, taken, dead, a + b + c)

        return await asyncio.to_thread(read)

    async def tidy(self) -> None:
        """Remove what has had its time: pictures of ended jobs, ids, dead letters, files that belong to no job."""
        await asyncio.to_thread(self._tidy)

    async def close(self) -> None:
        """Nothing to let go: the database belongs to whoever opened it."""

    def _tidy(self) -> None:
        now, settings = self._now(), self._settings
        ended = jobs.c.ended <= now - settings.keep_s
        forgotten = jobs.c.ended <= now - settings.remember_s
        while self._drop_pictures(sa.and_(jobs.c.state == "done", ended) | forgotten):
            pass
        while self._kept() > settings.max_picture_bytes * _FULL and self._drop_pictures(jobs.c.state == "done"):
            pass
        with self._db.writing() as db:
            db.execute(sa.delete(jobs).where(forgotten))
        for key in self._blobs.older(ORPHAN_S):
            with self._db.writing() as db:  # under the lock: `put` looks for its file under it, too
                if not db.execute(sa.select(jobs.c.number).where(jobs.c.picture == key, jobs.c.bytes > 0)).first():
                    self._blobs.remove(key)

    def _kept(self) -> int:
        with self._db.reading() as db:
            return int(db.execute(sa.select(sa.func.sum(jobs.c.bytes)).where(jobs.c.bytes > 0)).scalar() or 0)

    def _drop_pictures(self, which: sa.ColumnElement[bool]) -> int:
        """Remove pictures of ended jobs, oldest first, a batch at a time; how many."""
        oldest = sa.select(jobs.c.number, jobs.c.picture).where(jobs.c.ended.is_not(None), jobs.c.bytes > 0, which)
        with self._db.writing() as db:
            rows = db.execute(oldest.order_by(jobs.c.ended).limit(_BATCH)).all()
            numbers = [row.number for row in rows]
            db.execute(sa.update(jobs).where(jobs.c.number.in_(numbers)).values(bytes=0))
            for row in rows:
                if not db.execute(
                    sa.select(jobs.c.number).where(jobs.c.picture == row.picture, jobs.c.bytes > 0)
                ).first():
                    self._blobs.remove(row.picture)
        return len(rows)

    async def _change(self, claim: Claim, **values: Any) -> None:
        """Change a job that is still in this worker's hand; one that another took over is left to it."""
        number, token = claim.handle
        mine = sa.and_(jobs.c.number == number, jobs.c.state == "taken", jobs.c.token == token)
        await self._write(sa.update(jobs).where(mine).values(values))

    async def _write(self, statement: sa.Update) -> int:
        def write() -> int:
            with self._db.writing() as db:
                return int(db.execute(statement).rowcount)

        return await asyncio.to_thread(write)
