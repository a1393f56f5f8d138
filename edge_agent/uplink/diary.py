"""What a device remembers beside its pictures, in the same database: the schedule's moments, the days, the wishes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import sqlalchemy as sa

from edge_agent.uplink.tables import SpoolDatabase, add, days, frames, moments, requests
from vision.wire.messages import CaptureRequest


class Diary:
    """Survives reboots; safe from any thread. All calls may raise `StoreError`."""

    _db: SpoolDatabase

    def done_without(self, camera: str, moment: float) -> None:
        """A moment of the schedule is over without a picture."""
        with self._db.writing() as db:
            set_moment(db, camera, moment)

    def release(self, camera: str, day: str) -> int:
        """The day is over: what is held goes on its way, as it is the best there was. How many."""
        where = (frames.c.camera == camera) & (frames.c.day == day) & (frames.c.state == "held")
        with self._db.writing() as db:
            count = db.execute(sa.update(frames).where(where).values(state="waiting")).rowcount
            if count:
                add(db, days, count, camera=camera, day=day)
        return int(count)

    def moment(self, camera: str) -> float | None:
        """The last moment of a camera's schedule that was dealt with."""
        with self._db.reading() as db:
            found = db.execute(sa.select(moments.c.t).where(moments.c.camera == camera)).scalar()
        return None if found is None else float(found)

    def sent_on(self, camera: str, day: str) -> int:
        """Pictures of a camera's day that went on their way."""
        where = (days.c.camera == camera) & (days.c.day == day)
        with self._db.reading() as db:
            return int(db.execute(sa.select(days.c.count).where(where)).scalar() or 0)

    def held_days(self, camera: str) -> list[str]:
        """Days of which a picture is held, the oldest first."""
        where = (frames.c.camera == camera) & (frames.c.state == "held")
        with self._db.reading() as db:
            return list(db.execute(sa.select(frames.c.day).where(where).distinct().order_by(frames.c.day)).scalars())

    def ask(self, asked: Iterable[CaptureRequest]) -> None:
        """Keep what the server asks for; one that is known, or was dealt with, is not kept again."""
        with self._db.writing() as db:
            keep_requests(db, asked)

    def asked(self) -> list[CaptureRequest]:
        """What the server asked for and is still to be done."""
        with self._db.reading() as db:
            open_ = db.execute(sa.select(requests.c.document).where(requests.c.state == "open")).scalars()
            return [CaptureRequest.model_validate_json(text) for text in open_]

    def answered(self, request: str, state: Literal["done", "gone"]) -> None:
        """A request is dealt with, or its time is over."""
        with self._db.writing() as db:
            db.execute(sa.update(requests).where(requests.c.id == request).values(state=state))


def set_moment(db: sa.Connection, camera: str, t: float) -> None:
    """A moment of the schedule was dealt with."""
    db.execute(sa.insert(moments).prefix_with("OR REPLACE").values(camera=camera, t=t))


def keep_requests(db: sa.Connection, asked: Iterable[CaptureRequest]) -> None:
    """Keep wishes that are not known."""
    for request in asked:
        row = {"document": request.model_dump_json(), "until": request.until, "state": "open"}
        db.execute(sa.insert(requests).prefix_with("OR IGNORE").values(id=request.id, **row))
