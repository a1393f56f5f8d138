"""What the cloud adapter must not forget: one database (`cloud.db`, or PostgreSQL), in which each room keeps its own tables.

A room writes its tables once as frozen steps, and looks at them through `sqlalchemy` as it likes:

STEPS: list[Step] = []
…
db.prepare("queue", STEPS)            # runs what this database lacks; each step once, in one transaction
with db.writing() as connection: …    # sync: from a coroutine, `await asyncio.to_thread(…)`

Steps speak both dialects through `vision.delivery.migrations.run` (`{KEY}`, `{COUNTER}`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import sqlalchemy as sa

from vision.delivery.database import Connections, newer_schema
from vision.errors import StoreError

Step = Callable[[sa.Connection], None]
FILE = "cloud.db"

metadata = sa.MetaData()
rooms = sa.Table(
    "cloud_rooms",
    metadata,
    sa.Column("room", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)


def address_in(folder: Path) -> str:
    """The address of the embedded database in a data folder."""
    return f"sqlite:///{folder / FILE}"


class CloudDatabase(Connections):
    """Connections to the cloud adapter's database; safe from any thread. Raises `StoreError`."""

    lost = "jobs, diagnoses and the ledger begin anew"

    def prepare(self, room: str, steps: Sequence[Step]) -> None:
        """Bring the tables of a room to their newest form. Raises `StoreError` where a newer version wrote them."""
        with self.reading() as db:
            version = _version(db, room)
        if version == len(steps):
            return
        with self.writing() as db:
            rooms.create(db, checkfirst=True)
            version = _version(db, room)  # another process may have been here in the meantime
            if version > len(steps):
                raise StoreError(newer_schema(self, f"{room} {version}", len(steps)))
            for step in steps[version:]:
                step(db)
            db.execute(sa.delete(rooms).where(rooms.c.room == room))
            db.execute(sa.insert(rooms).values(room=room, version=len(steps)))


def _version(db: sa.Connection, room: str) -> int:
    if not sa.inspect(db).has_table(rooms.name):
        return 0
    return db.execute(sa.select(rooms.c.version).where(rooms.c.room == room)).scalar() or 0
