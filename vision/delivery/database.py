"""The engine under the store: addresses, connections, locks, and errors of two databases told in one way.

SQLite: WAL, so that `sightline events` reads beside a running agent; `synchronous=FULL`, because boxes in the field
lose power: with NORMAL the last commits before the cut can be gone although their alert went out, and an alert that
was promised would be forgotten. Every write takes the write lock at its start (`BEGIN IMMEDIATE`): a transaction that
first reads and then wants to write would fail at once where another process wrote in between.
https://sqlite.org/wal.html, https://sqlite.org/pragma.html#pragma_synchronous
"""

from __future__ import annotations

import importlib.util
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

import sqlalchemy as sa
from sqlalchemy import event as sa_event
from sqlalchemy import exc

from vision.delivery import migrations
from vision.errors import ConfigError, InputError, StoreError

LOCK_WAIT_S = 30
_ADVISORY = 0x5167687B  # one number that all programs of this store agree upon
_POSTGRES = {"postgresql", "postgres", "postgresql+psycopg"}
_NEEDS_QUOTING = frozenset("@/?#: ")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is; `shown` is what people may see, without the password."""

    url: sa.URL = field(repr=False)
    shown: str
    lost: str = ""  # what begins anew when a damaged file is moved away

    @property
    def sqlite(self) -> bool:
        """Whether it is a file."""
        return self.url.drivername == "sqlite"

    @property
    def path(self) -> Path:
        """The file of an SQLite database."""
        return Path(self.url.database or "")


def address(url: str) -> Address:
    """What `sqlite:///PATH` or `postgresql://user:password@host:port/base` means. Raises `ConfigError`.

    A password may be given as it is: one with `@`, `/` and so on need not be percent-encoded.
    """
    scheme, found, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return Address(sa.URL.create("sqlite", database=rest[1:]), rest[1:])
    if not found or scheme not in _POSTGRES:
        what = f"{scheme}://…" if found and scheme.isidentifier() else "the address"
        raise ConfigError(f"store: {what} is no database for events; write postgresql://user:${{NAME}}@host/base")
    login, _, place = rest.rpartition("@")
    user, _, password = login.partition(":")
    try:
        url_ = sa.make_url(f"postgresql+psycopg://{place}")
    except (exc.ArgumentError, ValueError):
        raise ConfigError("store: the address cannot be read; write postgresql://user:${NAME}@host/base") from None
    raw = bool(_NEEDS_QUOTING & set(password))
    if user:
        url_ = url_.set(username=unquote(user), password=(password if raw else unquote(password)) or None)
    if not url_.database:
        raise ConfigError("store: the address names no database; write postgresql://user:${NAME}@host/base")
    shown = sa.URL.create("postgresql", url_.username, None, url_.host, url_.port, url_.database)
    return Address(url_, shown.render_as_string())


class Connections:
    """Connections to one database, as yet without tables; safe from any thread.

    `check`: look an SQLite file over that was not closed in order (reads all of it). Raises `StoreError`.
    """

    lost: ClassVar[str] = "what was in it is gone"

    def __init__(self, url: str, *, check: bool = True) -> None:
        self.address = replace(address(url), lost=self.lost)
        self._lock = threading.Lock()
        self._closed = False
        unclean = check and self.address.sqlite and _left_open(self.address.path)
        self._engine = _engine(self.address)
        self._writer = self._engine.execution_options(sightline_writes=True)
        try:
            if unclean:
                self._look_over()
        except BaseException:
            self.close()
            raise

    def __str__(self) -> str:
        return self.address.shown

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that only reads."""
        with self._translated(), self._engine.begin() as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that nobody else writes beside, in this process or another."""
        with self._translated(), self._lock, self._writer.begin() as db:
            if not self.address.sqlite:
                db.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY)))
            yield db

    def close(self) -> None:
        """Let the connections go."""
        self._closed = True
        self._engine.dispose()

    def _look_over(self) -> None:
        with self.reading() as db:
            found = db.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if found != "ok":
            raise StoreError(_damaged(self.address, "the check after the last crash failed"))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if self._closed:
            raise StoreError(f"{self}: the store is closed")
        try:
            yield
        except exc.SQLAlchemyError as error:
            raise StoreError(self._told(error)) from None
        except sqlite3.Error as error:  # from a handler that runs when a connection is made
            raise StoreError(_sqlite_told(self.address, error)) from None

    def _told(self, error: exc.SQLAlchemyError) -> str:
        cause = getattr(error, "orig", None) or error
        if isinstance(cause, sqlite3.Error):
            return _sqlite_told(self.address, cause)
        return _postgres_told(self.address, cause)


class Database(Connections):
    """The database of events, migrated to the newest schema. Raises `StoreError`."""

    lost = "events begin anew, evidence stays"

    def __init__(self, url: str, *, check: bool = True) -> None:
        super().__init__(url, check=check)
        try:
            with self.reading() as db:
                behind = migrations.pending(db)
            if behind:
                with self.writing() as db:
                    migrations.migrate(db)
        except migrations.NewerSchemaError as error:
            self.close()
            raise StoreError(newer_schema(self, f"{error}", len(migrations.STEPS))) from None
        except BaseException:
            self.close()
            raise


def newer_schema(where: Connections, found: str, known: int) -> str:
    """What to tell when a newer version has written the database."""
    return (
        f"{where}: written by a newer Sightline (schema {found}, this one knows {known}); "
        "update Sightline, or use another data_dir"
    )


def _left_open(path: Path) -> bool:
    """Whether the file was in use when its last program ended, or is in use now: its write-ahead log is still there."""
    try:
        return path.with_name(path.name + "-wal").stat().st_size > 0
    except OSError:
        return False


def _engine(where: Address) -> sa.Engine:
    if where.sqlite:
        engine = sa.create_engine(where.url, pool_size=4, max_overflow=12, connect_args={"timeout": LOCK_WAIT_S})
        sa_event.listen(engine, "connect", _set_up_sqlite)
        sa_event.listen(engine, "begin", _begin_sqlite)
        return engine
    if importlib.util.find_spec("psycopg") is None:
        raise InputError('store: PostgreSQL needs an extra package: pip install "sightline[postgres]"')
    # A peer that fell silent is noticed within 15 s instead of the system's 15 minutes. No prepared statements: they
    # would not survive a connection pooler between here and the server.
    arguments: dict[str, Any] = {
        "connect_timeout": 10,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 15000,
        "application_name": "sightline",
    }
    arguments = {key: value for key, value in arguments.items() if key not in where.url.query}
    engine = sa.create_engine(
        where.url,
        pool_size=4,
        max_overflow=12,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={**arguments, "prepare_threshold": None},
        hide_parameters=True,
    )
    sa_event.listen(engine, "connect", _set_up_postgres)
    return engine


def _set_up_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says so
    connection.execute("PRAGMA foreign_keys=ON")
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA journal_size_limit=16777216")  # the log shrinks again after a burst


def _write_ahead(connection: Any) -> None:
    """Switch to WAL; where two programs open a new file at once, SQLite refuses one of them without waiting."""
    until = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(db: sa.Connection) -> None:
    db.exec_driver_sql("BEGIN IMMEDIATE" if db.get_execution_options().get("sightline_writes") else "BEGIN")


def _set_up_postgres(connection: Any, _: Any) -> None:
    import psycopg

    try:
        connection.execute(f"SET lock_timeout = '{LOCK_WAIT_S}s'")
        connection.commit()
    except psycopg.Error as error:  # cut just now
        raise exc.OperationalError(None, None, error) from None


def _damaged(where: Address, cause: str) -> str:
    return (
        f"{where.shown}: the database is damaged ({cause}); stop the agent and move it away "
        f"(mv {where.path.name}* to another folder): {where.lost}"
    )


def _sqlite_told(where: Address, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    cause = " ".join(str(error).split())
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return _damaged(where, cause)
    advice = {
        sqlite3.SQLITE_FULL: "the disk is full; free some space on it",
        sqlite3.SQLITE_READONLY: "cannot be written; give the file and its folder to the user that runs Sightline",
        sqlite3.SQLITE_CANTOPEN: "cannot be opened; does the folder exist, and may this user write there?",
        sqlite3.SQLITE_BUSY: f"another program has kept it locked for {LOCK_WAIT_S} s",
        sqlite3.SQLITE_IOERR: f"the disk failed or is full ({cause})",
    }
    return f"{where.shown}: {advice.get(code, cause)}"


def _postgres_told(where: Address, error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    cause = lines[0]
    if where.url.password:
        cause = cause.replace(str(where.url.password), "***")
    state = getattr(error, "sqlstate", None)
    advice = {
        "53100": "the disk of the server is full",
        "55P03": f"another program has kept it locked for {LOCK_WAIT_S} s",
        "42501": f"this user may not do that ({cause}); grant it the right to create tables",
    }
    return f"{where.shown}: {advice.get(state or '', cause)}"
