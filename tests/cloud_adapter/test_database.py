"""One database, tables of several rooms."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from cloud_adapter.budget import schema as budget
from cloud_adapter.database import CloudDatabase, Step, address_in, rooms
from cloud_adapter.queue import schema as queue
from cloud_adapter.worker import schema as worker
from tests.peers.postgres import Postgres, postgres
from vision.delivery.migrations import run
from vision.errors import StoreError

__all__ = ["postgres"]


def first(db: sa.Connection) -> None:
    run(db, "CREATE TABLE room_a (number {COUNTER} NOT NULL, name {KEY} NOT NULL)")


def second(db: sa.Connection) -> None:
    run(db, "ALTER TABLE room_a ADD COLUMN more TEXT")


def test_each_step_runs_once(tmp_path: Path) -> None:
    db = CloudDatabase(address_in(tmp_path))
    db.prepare("a", [first])
    db.prepare("a", [first])
    db.prepare("a", [first, second])
    with db.reading() as connection:
        assert [c["name"] for c in sa.inspect(connection).get_columns("room_a")] == ["number", "name", "more"]
        assert connection.execute(sa.select(rooms.c.room, rooms.c.version)).all() == [("a", 2)]
    db.close()


def test_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    db = CloudDatabase(address_in(tmp_path))
    db.prepare("a", [first, second])
    with pytest.raises(StoreError, match="newer Sightline"):
        db.prepare("a", [first])
    db.close()


def test_a_step_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def breaks(db: sa.Connection) -> None:
        run(db, "CREATE TABLE half (x TEXT)", "no statement at all")

    db = CloudDatabase(address_in(tmp_path))
    with pytest.raises(StoreError):
        db.prepare("a", [first, breaks])
    db.prepare("a", [first])
    with db.reading() as connection:
        assert not sa.inspect(connection).has_table("half")
    db.close()


def test_processes_that_start_at_once_prepare_once(tmp_path: Path) -> None:
    databases = [CloudDatabase(address_in(tmp_path)) for _ in range(4)]
    failures: list[BaseException] = []

    def prepare(db: CloudDatabase) -> None:
        try:
            for name, steps in (("queue", queue.STEPS), ("budget", budget.STEPS), ("worker", worker.STEPS)):
                db.prepare(name, steps)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=prepare, args=(db,)) for db in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for db in databases:
        db.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    ("name", "steps", "tables"),
    [
        ("queue", queue.STEPS, [queue.jobs]),
        ("budget", budget.STEPS, [budget.reservations, budget.ledger, budget.spent, budget.answers]),
        ("worker", worker.STEPS, [worker.ends, worker.notices, worker.closed]),
    ],
)
def test_the_steps_make_the_tables_that_the_code_knows(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, name: str, steps: Sequence[Step], tables: list[sa.Table]
) -> None:
    if kind == "sqlite":
        url = address_in(tmp_path)
    else:
        server: Postgres = request.getfixturevalue("postgres")
        url = server.fresh()
    db = CloudDatabase(url)
    db.prepare(name, steps)
    with db.reading() as connection:
        for table in tables:
            made = {c["name"]: c["nullable"] for c in sa.inspect(connection).get_columns(table.name)}
            assert made == {column.name: bool(column.nullable) for column in table.columns}, table.name
    db.close()
