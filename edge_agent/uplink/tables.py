"""The spool's tables. The files hold the pictures: a database of another version is made anew from them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from vision.delivery.database import Connections

VERSION = 1
metadata = sa.MetaData()

frames = sa.Table(
    "frames",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),  # waiting, held (for the day's floor), aside (refused by the server)
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("captured", sa.Double, nullable=False),
    sa.Column("added", sa.Double, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("camera", sa.Text, nullable=False),
    sa.Column("day", sa.Text),
    sa.Column("score", sa.Double, nullable=False, default=0.0),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("next_at", sa.Double, nullable=False, default=0.0),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Index("frames_order", "state", "priority", "captured"),
)
sent = sa.Table(
    "sent",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("t", sa.Double, nullable=False),
)
days = sa.Table(  # pictures of a camera's day that went on their way
    "days",
    metadata,
    sa.Column("camera", sa.Text, primary_key=True),
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
)
moments = sa.Table(  # the last moment of a camera's schedule that was dealt with
    "moments",
    metadata,
    sa.Column("camera", sa.Text, primary_key=True),
    sa.Column("t", sa.Double, nullable=False),
)
requests = sa.Table(
    "requests",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # open, done, gone
)
counters = sa.Table(
    "counters",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Integer, nullable=False),
)


class SpoolDatabase(Connections):
    """The database beside the pictures; `fresh` where its tables had to be made. Raises `StoreError`."""

    lost = "the pictures themselves are files and are taken in again"

    def __init__(self, path: Path) -> None:
        super().__init__(f"sqlite:///{path}")
        try:
            with self.writing() as db:
                self.fresh = db.exec_driver_sql("PRAGMA user_version").scalar() != VERSION
                if self.fresh:
                    metadata.drop_all(db)
                    metadata.create_all(db)
                    db.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
        except BaseException:
            self.close()
            raise


def sound(path: Path) -> bool:
    """Whether the database in a file can be worked with (one that is not there can)."""
    if not path.exists():
        return True
    try:
        with closing(sqlite3.connect(path)) as db:
            return bool(db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.DatabaseError as error:
        return getattr(error, "sqlite_errorcode", 0) & 0xFF not in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def add(db: sa.Connection, table: sa.Table, by: int = 1, **key: Any) -> None:
    """Count up the row with this key; its number is the column that is no key."""
    number = next(column for column in table.columns if not column.primary_key)
    where = sa.and_(*(table.c[name] == value for name, value in key.items()))
    if not db.execute(sa.update(table).where(where).values({number.name: number + by})).rowcount:
        db.execute(sa.insert(table).values({**key, number.name: by}))
