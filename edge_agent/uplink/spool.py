"""Pictures that wait for the network: on disk, through reboots, within a budget of bytes and days.

put -> waiting --stored by the server--> gone
       |   ^--------------- held: the best refused picture of a day, sent if no better one comes
       |--refused by the server--> aside (kept for a look, first to be evicted)
       |--over the budget--> evicted: the least valuable first, counted and told
       '--too old--> expired

A picture's file is forced to the disk before its row is committed, and its row is deleted before its file: whatever moment
the power goes, a file without a row is nobody's and is removed at the next start, and a row without its file is found
then. Taken out are alarms first, of each kind the newest first.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

import sqlalchemy as sa

from edge_agent.locking import lock_file
from edge_agent.uplink import tables
from edge_agent.uplink.diary import Diary, keep_requests, set_moment
from edge_agent.uplink.parcel import Parcel, read_parcel
from edge_agent.uplink.tables import SpoolDatabase, add, counters, days, frames, requests
from vision.delivery.durable import PART, write_durably
from vision.errors import InputError, OutsideError, StoreError
from vision.wire.messages import CaptureRequest

log = logging.getLogger("sightline.uplink")

_SUFFIX = ".frame"
_REMEMBER_S = 400 * 86400.0  # ids of what was sent, so that a folder that is uploaded again costs nothing
_DAYS_S = 14 * 86400.0
_MAKE_ROOM = 32  # pictures that are evicted for one at most
_DB_ROOM = 1 << 20  # free bytes that the database needs to work at all

Kept = Literal["stored", "known", "worse", "full"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of all pictures, seconds that one is kept, bytes that stay free on the disk."""

    max_bytes: int = 512 << 20
    expire_s: float = 30 * 86400.0
    min_free: int = 64 << 20


@dataclass(frozen=True, slots=True)
class Day:
    """To which day of the camera's schedule a picture counts. `moment`: the schedule's moment that it answers.

    `held` with its score: not to be sent unless it is the best that the day brings.
    """

    day: str
    moment: float | None = None
    held: float | None = None


@dataclass(frozen=True, slots=True)
class SpoolStats:
    """What lies there. `counts` since the spool was made: sent, sent_bytes, aside, evicted, expired, damaged, full."""

    waiting: int
    held: int
    aside: int
    bytes: int
    oldest: float | None
    counts: dict[str, int] = field(default_factory=dict)


class Spool(Diary):
    """The spool in one folder; one process at a time, safe from any thread; all calls may block on the disk.

    Raises `InputError` where another process has it, `StoreError` or `OutsideError` where the disk fails.
    """

    def __init__(self, folder: Path, limits: Limits | None = None, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._limits, self._clock = folder, limits or Limits(), clock
        self._pictures = folder / "frames"
        self._full_told = False
        try:
            self._pictures.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / "spool.lock").open("a+", encoding="ascii")
        except OSError as error:
            raise OutsideError(f"{folder}: {error.strerror}; make it a folder that this user may write") from None
        if not lock_file(self._lock):
            self._lock.close()
            raise InputError(f"{folder}: another program works with this spool; stop it first")
        try:
            self._db = self._opened(folder / "spool.db")
            self._look_through()
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let it go."""
        self._db.close()
        self._lock.close()

    # -- in -----------------------------------------------------------------------------------------------------------

    def put(self, parcel: Parcel, day: Day | None = None) -> Kept:
        """Keep a picture: durable once this returns `stored`.

        `known`: it waits or was sent already; `worse`: the day has a better one; `full`: all that lies there is worth
        more, or the disk is full. Raises `StoreError` where it cannot be kept for another reason.
        """
        raw = parcel.packed()
        if (known := self._known(parcel, day)) is not None:
            return known
        freed = 0
        for _ in range(_MAKE_ROOM):
            if not self._fits(len(raw), freed):
                gone = self._evict(parcel, day)
                if not gone:
                    break
                freed += gone
                continue
            try:
                return self._keep(parcel, raw, day)
            except (OSError, StoreError) as error:
                self._remove_files([parcel.id])
                if not self._disk_full(len(raw)):
                    cause = getattr(error, "strerror", None) or error
                    raise StoreError(f"{self._folder}: a picture cannot be kept: {cause}") from None
                if not self._evict(parcel, day):
                    break
        return self._no_room(parcel)

    # -- out ----------------------------------------------------------------------------------------------------------

    def next(self, now: float) -> Parcel | None:
        """The picture that is to go up first; None where none is due. Damaged ones are given up on the way."""
        where = (frames.c.state == "waiting") & (frames.c.next_at <= now)
        order = sa.select(frames.c.id).where(where).order_by(frames.c.priority, frames.c.captured.desc(), frames.c.id)
        while True:
            with self._db.reading() as db:
                found = db.execute(order.limit(1)).scalar()
            if found is None:
                return None
            parcel = read_parcel(self._path(found))
            if parcel is not None and parcel.id == found:
                return parcel
            self._forget([found], "damaged")
            log.error("a picture of the spool is damaged and cannot be sent: %s", found)

    def waits(self, frame: str) -> bool:
        """Whether this picture is on its way."""
        with self._db.reading() as db:
            return db.execute(sa.select(frames.c.id).where(frames.c.id == frame)).first() is not None

    def next_at(self) -> float | None:
        """When the next picture is due; None where none waits."""
        with self._db.reading() as db:
            due = db.execute(sa.select(sa.func.min(frames.c.next_at)).where(frames.c.state == "waiting")).scalar()
        return None if due is None else float(due)

    def sent(self, parcel: Parcel, asked: Iterable[CaptureRequest] = ()) -> None:
        """The server has it: forget it, and keep what the server asks for, in one step."""
        now = self._clock()
        with self._db.writing() as db:
            db.execute(sa.delete(frames).where(frames.c.id == parcel.id))
            db.execute(sa.insert(tables.sent).prefix_with("OR REPLACE").values(id=parcel.id, t=now))
            keep_requests(db, asked)
            add(db, counters, name="sent")
            add(db, counters, len(parcel.data), name="sent_bytes")
        self._remove_files([parcel.id])

    def aside(self, frame: str, reason: str) -> None:
        """The server will never take it; it is kept for a look as long as there is room."""
        with self._db.writing() as db:
            row = sa.update(frames).where(frames.c.id == frame)
            db.execute(row.values(state="aside", reason=reason[:200], attempts=frames.c.attempts + 1))
            add(db, counters, name="aside")

    def later(self, frame: str, next_at: float, reason: str) -> None:
        """It failed: try it again then."""
        row = sa.update(frames).where(frames.c.id == frame)
        with self._db.writing() as db:
            db.execute(row.values(next_at=next_at, reason=reason[:200], attempts=frames.c.attempts + 1))

    def attempts(self, frame: str) -> int:
        """How many times it has failed."""
        with self._db.reading() as db:
            return int(db.execute(sa.select(frames.c.attempts).where(frames.c.id == frame)).scalar() or 0)

    def expire(self) -> int:
        """Give up what is too old, and forget what nobody asks for any more; how many pictures were given up."""
        now = self._clock()
        with self._db.writing() as db:
            db.execute(sa.delete(tables.sent).where(tables.sent.c.t < now - _REMEMBER_S))
            db.execute(sa.delete(requests).where(requests.c.until < now - _DAYS_S))
            old = sa.select(frames.c.id).where(frames.c.added < now - self._limits.expire_s)
            gone = list(db.execute(old).scalars())
        if gone:
            self._forget(gone, "expired")
            days_ = self._limits.expire_s / 86400
            log.error("%d pictures could not be sent for %g days and were given up", len(gone), days_)
        return len(gone)

    def stats(self) -> SpoolStats:
        """How it stands."""
        by_state = sa.select(frames.c.state, sa.func.count(), sa.func.sum(frames.c.size)).group_by(frames.c.state)
        oldest = sa.select(sa.func.min(frames.c.captured)).where(frames.c.state == "waiting")
        with self._db.reading() as db:
            found = {state: (int(n), int(size)) for state, n, size in db.execute(by_state)}
            first = db.execute(oldest).scalar()
            counts = {str(name): int(value) for name, value in db.execute(sa.select(counters))}
        number = {state: found.get(state, (0, 0))[0] for state in ("waiting", "held", "aside")}
        return SpoolStats(**number, bytes=sum(size for _, size in found.values()), oldest=first, counts=counts)

    # -- room ---------------------------------------------------------------------------------------------------------

    def _known(self, parcel: Parcel, day: Day | None) -> Kept | None:
        """Why the picture need not be kept."""
        with self._db.reading() as db:
            for table in (frames, tables.sent):
                if db.execute(sa.select(table.c.id).where(table.c.id == parcel.id)).first() is not None:
                    return "known"
            if day is None or day.held is None:
                return None
            best = sa.select(sa.func.max(frames.c.score)).where(_of_day(parcel, day), frames.c.state == "held")
            score = db.execute(best).scalar()
        if not self.sent_on(parcel.meta.camera, day.day) and (score is None or score < day.held):
            return None
        if day.moment is not None:
            self.done_without(parcel.meta.camera, day.moment)
        return "worse"

    def _keep(self, parcel: Parcel, raw: bytes, day: Day | None) -> Kept:
        """File and row; what it takes the place of goes after them."""
        write_durably(self._path(parcel.id), raw)
        meta, replaced = parcel.meta, list[str]()
        with self._db.writing() as db:
            row = self._row(parcel, len(raw))
            if day is not None:
                held = sa.select(frames.c.id).where(_of_day(parcel, day), frames.c.state == "held")
                replaced = list(db.execute(held).scalars())
                db.execute(sa.delete(frames).where(frames.c.id.in_(replaced)))
                row |= {"day": day.day, "score": day.held or 0.0, "state": "waiting" if day.held is None else "held"}
                if day.held is None:
                    add(db, days, camera=meta.camera, day=day.day)
                if day.moment is not None:
                    set_moment(db, meta.camera, day.moment)
            db.execute(sa.insert(frames).values(row))
        self._remove_files(replaced)
        return "stored"

    def _row(self, parcel: Parcel, size: int) -> dict[str, object]:
        meta = parcel.meta
        row: dict[str, object] = {"id": parcel.id, "state": "waiting", "priority": meta.priority}
        return row | {"captured": meta.captured, "added": self._clock(), "size": size, "camera": meta.camera}

    def _fits(self, size: int, freed: int) -> bool:
        """Whether there is room; on a disk that others fill, a picture takes the place of others, and no more of them go."""
        with self._db.reading() as db:
            used = db.execute(sa.select(sa.func.sum(frames.c.size))).scalar() or 0
        free = shutil.disk_usage(self._folder).free
        roomy = free - size >= self._limits.min_free or freed >= size
        return bool(used + size <= self._limits.max_bytes and roomy)

    def _disk_full(self, size: int) -> bool:
        return shutil.disk_usage(self._folder).free < size + _DB_ROOM

    def _evict(self, parcel: Parcel, day: Day | None) -> int:
        """Give up the least valuable picture, if it is worth less than this one: its file first, that makes room.

        The bytes that it had; 0 where this one is worth the least.
        """
        if len(parcel.data) > self._limits.max_bytes:
            return 0
        aside, held = frames.c.state == "aside", frames.c.state == "held"
        order = (aside.desc(), held.desc(), frames.c.priority.desc(), frames.c.captured, frames.c.id)
        columns = (frames.c.id, frames.c.state, frames.c.priority, frames.c.captured, frames.c.size)
        with self._db.reading() as db:
            least = db.execute(sa.select(*columns).order_by(*order).limit(1)).first()
        if least is None:
            return 0
        mine = (0, 0 if day is not None and day.held is not None else 1, -parcel.meta.priority, parcel.meta.captured)
        its = (-1 if least.state == "aside" else 0, 0 if least.state == "held" else 1, -least.priority, least.captured)
        if its >= mine:
            return 0
        self._remove_files([least.id])
        self._forget([least.id], "evicted")
        if not self._full_told:
            log.warning("the spool is full: the least valuable pictures are given up (uplink.spool_mb, expire_days)")
        self._full_told = True
        return int(least.size)

    def _no_room(self, parcel: Parcel) -> Kept:
        log.error("a picture of %s finds no room in the spool and is lost", parcel.meta.camera)
        try:
            with self._db.writing() as db:
                add(db, counters, name="full")
        except StoreError:  # on a full disk not even that can be written
            pass
        return "full"

    # -- files --------------------------------------------------------------------------------------------------------

    def _path(self, frame: str) -> Path:
        return self._pictures / f"{frame}{_SUFFIX}"

    def _remove_files(self, ids: Sequence[str]) -> None:
        for frame in ids:
            self._path(frame).unlink(missing_ok=True)

    def _forget(self, ids: Sequence[str], why: str) -> None:
        with self._db.writing() as db:
            db.execute(sa.delete(frames).where(frames.c.id.in_(ids)))
            add(db, counters, len(ids), name=why)
        self._remove_files(ids)

    def _opened(self, path: Path) -> SpoolDatabase:
        """The database; a damaged one is put aside, and what it knew of the pictures is read from their files."""
        if not tables.sound(path):
            for file in self._folder.glob("spool.db*"):
                file.replace(file.with_name(f"damaged-{file.name}"))
            log.error("%s is damaged: put aside as damaged-%s, the pictures are taken in again", path, path.name)
        return SpoolDatabase(path)

    def _look_through(self) -> None:
        """At the start: half-written files go, files and rows are held against each other, damaged pictures are told."""
        files = {}
        for path in self._pictures.iterdir():
            if path.name.endswith(PART):
                path.unlink(missing_ok=True)
            elif path.suffix == _SUFFIX:
                files[path.stem] = path
        if self._db.fresh:
            self._take_in(files)
        with self._db.reading() as db:
            rows = set(db.execute(sa.select(frames.c.id)).scalars())
        self._remove_files([frame for frame in files if frame not in rows])
        damaged = [frame for frame in rows if read_parcel(self._path(frame)) is None]
        if damaged:
            self._forget(damaged, "damaged")
            log.error("%d pictures of the spool are damaged and cannot be sent", len(damaged))

    def _take_in(self, files: dict[str, Path]) -> None:
        """Pictures whose database is lost."""
        parcels = ((read_parcel(path), path) for path in files.values())
        with self._db.writing() as db:
            for parcel, path in parcels:
                if parcel is not None and parcel.id == path.stem:
                    db.execute(sa.insert(frames).values(self._row(parcel, path.stat().st_size)))


def _of_day(parcel: Parcel, day: Day) -> sa.ColumnElement[bool]:
    return (frames.c.camera == parcel.meta.camera) & (frames.c.day == day.day)
