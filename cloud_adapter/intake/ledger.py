"""What the intake must remember over a restart: nonces within their window, and which frames were taken.

The way of a frame: `admit` (its nonce is used up) → `claim` (the id belongs to this content from now on) → the queue has
it → `stored`. A crash anywhere between leaves a claim that the same frame, sent again, picks up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa

from cloud_adapter.database import CloudDatabase
from cloud_adapter.intake import captures, schema
from cloud_adapter.intake.refusals import Refusal
from vision.wire.messages import CaptureRequest, FrameMeta

_T = TypeVar("_T")
_FRAMES, _NONCES = schema.frames, schema.nonces
_THREADS = 4  # SQLite has one writer at a time; more would only wait


@dataclass(frozen=True, slots=True)
class Known:
    """A frame id that was seen before: of which content, and whether the queue has it."""

    sha256: str
    stored: bool


class Ledger:
    """The intake's memory, for use from coroutines. All calls may raise `StoreError`."""

    def __init__(self, db: CloudDatabase) -> None:
        self._db = db
        db.prepare(schema.ROOM, schema.STEPS)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="intake-ledger")

    async def admit(self, key_id: str, nonce: str, expires: float) -> None:
        """Use up a nonce. Raises `Refusal` where it was used before."""

        def work(db: sa.Connection) -> bool:
            place = (_NONCES.c.key_id == key_id) & (_NONCES.c.nonce == nonce)
            if db.execute(sa.select(_NONCES.c.nonce).where(place)).first() is not None:
                return False
            db.execute(sa.insert(_NONCES).values(key_id=key_id, nonce=nonce, expires=expires))
            return True

        if not await self._writing(work):
            raise Refusal(409, "replayed", "this request was seen before; sign anew with another nonce")

    async def known(self, device: str, frame: str) -> Known | None:
        """What is known of a frame id."""
        return await self._run(lambda: self._known(device, frame))

    async def claim(self, device: str, frame: str, sha256: str, now: float) -> None:
        """The id stands for this content from now on. Raises `Refusal` where it stands for another."""

        def work(db: sa.Connection) -> bool:
            known = _known(db, device, frame)
            if known is None:
                values = {"device": device, "frame": frame, "sha256": sha256, "received": now, "stored": 0}
                db.execute(sa.insert(_FRAMES).values(values))
            return known is None or known.sha256 == sha256

        if not await self._writing(work):
            raise conflict()

    async def stored(self, device: str, frame: str, meta: FrameMeta | None, now: float) -> tuple[CaptureRequest, ...]:
        """The queue has it: what it answers is answered. Returns the requests that are open for this device."""

        def work(db: sa.Connection) -> tuple[CaptureRequest, ...]:
            db.execute(sa.update(_FRAMES).where(_row(device, frame)).values(stored=1))
            if meta is not None:
                captures.fulfil(db, device, meta)
            return captures.open_requests(db, device, now)

        return await self._writing(work)

    async def requests(self, device: str, now: float) -> tuple[CaptureRequest, ...]:
        """The requests that are open for this device."""

        def work() -> tuple[CaptureRequest, ...]:
            with self._db.reading() as db:
                return captures.open_requests(db, device, now)

        return await self._run(work)

    async def forget(self, now: float, keep_s: float) -> None:
        """Drop nonces whose window is past, and frames and requests older than `keep_s`."""

        def work(db: sa.Connection) -> None:
            db.execute(sa.delete(_NONCES).where(_NONCES.c.expires < now))
            db.execute(sa.delete(_FRAMES).where(_FRAMES.c.received < now - keep_s))
            captures.forget(db, now - keep_s)

        await self._writing(work)

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=True)

    def _known(self, device: str, frame: str) -> Known | None:
        with self._db.reading() as db:
            return _known(db, device, frame)

    async def _writing(self, work: Callable[[sa.Connection], _T]) -> _T:
        def transaction() -> _T:
            with self._db.writing() as db:
                return work(db)

        return await self._run(transaction)

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def conflict() -> Refusal:
    """The id stands for another content."""
    return Refusal(409, "other_content", "this id was used for another content; give the new one an id of its own")


def _row(device: str, frame: str) -> sa.ColumnElement[bool]:
    return (_FRAMES.c.device == device) & (_FRAMES.c.frame == frame)


def _known(db: sa.Connection, device: str, frame: str) -> Known | None:
    row = db.execute(sa.select(_FRAMES.c.sha256, _FRAMES.c.stored).where(_row(device, frame))).one_or_none()
    return None if row is None else Known(row.sha256, bool(row.stored))
