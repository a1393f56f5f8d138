"""Pictures that the cloud asks for: handed out with every acknowledgement until one has come or its time is past."""

from __future__ import annotations

import secrets

import sqlalchemy as sa

from cloud_adapter.database import CloudDatabase
from cloud_adapter.intake import schema
from vision.wire.messages import CaptureRequest, FrameMeta

_MOST = 32  # in one acknowledgement
_SLACK_S = 60.0  # a device's clock may be a little behind: a picture from just before `after` still answers
_TABLE = schema.captures


class Captures:
    """The requests of all devices; safe from any thread or process. All calls may raise `StoreError`."""

    def __init__(self, db: CloudDatabase) -> None:
        self._db = db
        db.prepare(schema.ROOM, schema.STEPS)

    def request_capture(
        self,
        *,
        device: str,
        camera: str,
        profile: str,
        after: float,
        until: float,
        follows: str | None = None,
        reason: str = "",
        request_id: str | None = None,
    ) -> CaptureRequest:
        """Ask for one more picture, between two moments (epoch seconds UTC).

        `follows`: the frame that the new one answers to. With a `request_id` (8 to 64 of A-Za-z0-9_-) asking twice is
        asking once. Sync: from a coroutine, through `asyncio.to_thread`.
        """
        wanted = CaptureRequest(
            id=request_id or secrets.token_hex(12),
            camera=camera,
            profile=profile,
            after=after,
            until=until,
            follows=follows,
            reason=reason[:200],
        )
        with self._db.writing() as db:
            known = db.execute(sa.select(_TABLE).where(_TABLE.c.id == wanted.id)).one_or_none()
            if known is not None:
                return _request(known)
            db.execute(sa.insert(_TABLE).values(device=device, **wanted.model_dump()))
        return wanted

    def open_requests(self, device: str, now: float) -> tuple[CaptureRequest, ...]:
        """What this device is still to take, the most urgent first."""
        with self._db.reading() as db:
            return open_requests(db, device, now)

    def answered_by(self, request_id: str) -> str | None:
        """The frame that came for a request; None: none yet, or there is no such request."""
        with self._db.reading() as db:
            return db.execute(sa.select(_TABLE.c.frame).where(_TABLE.c.id == request_id)).scalar()


def open_requests(db: sa.Connection, device: str, now: float) -> tuple[CaptureRequest, ...]:
    """Requests of a device that nothing has answered and whose time is not past."""
    rows = db.execute(_open(device).where(_TABLE.c.until >= now).order_by(_TABLE.c.until, _TABLE.c.id).limit(_MOST))
    return tuple(_request(row) for row in rows)


def fulfil(db: sa.Connection, device: str, meta: FrameMeta) -> str | None:
    """Close the oldest request that this frame answers; its id, or None.

    A frame answers where camera and profile are the same, it was taken in the wanted time, and it follows the wanted
    frame (or names the request itself in `follows`).
    """
    for row in db.execute(_open(device).order_by(_TABLE.c.after, _TABLE.c.id)):
        named = meta.follows is not None and meta.follows in {row.follows, row.id}
        asked = row.follows is None and meta.follows is None and meta.trigger == "follow_up"
        in_time = row.after - _SLACK_S <= meta.captured <= row.until + _SLACK_S
        if (named or asked) and in_time and (row.camera, row.profile) == (meta.camera, meta.profile):
            db.execute(sa.update(_TABLE).where(_TABLE.c.id == row.id).values(frame=meta.frame))
            return str(row.id)
    return None


def forget(db: sa.Connection, before: float) -> None:
    """Drop requests whose time was over before a moment."""
    db.execute(sa.delete(_TABLE).where(_TABLE.c.until < before))


def _open(device: str) -> sa.Select[tuple[object, ...]]:
    return sa.select(_TABLE).where(_TABLE.c.device == device, _TABLE.c.frame.is_(None))


def _request(row: sa.Row[tuple[object, ...]]) -> CaptureRequest:
    values = row._mapping  # noqa: SLF001  # SQLAlchemy's public name
    return CaptureRequest.model_validate({name: values[name] for name in CaptureRequest.model_fields})
