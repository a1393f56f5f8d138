"""Databases of older and newer versions."""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.vision.delivery.store.samples import T0, event, message
from vision.delivery import migrations, schema
from vision.delivery.database import Database
from vision.delivery.records import EventFilter
from vision.delivery.store import Store
from vision.errors import StoreError

# A database as version 1 wrote it, with an event and its messages; never changed again.
VERSION_1 = Path(__file__).with_name("version_1.sql")


def test_the_steps_add_up_to_the_schema(url: str) -> None:
    database = Database(url)
    try:
        with database.reading() as db:
            looked = sa.inspect(db)
            for table in schema.metadata.sorted_tables:
                found = {column["name"]: column for column in looked.get_columns(table.name)}
                assert list(found) == [column.name for column in table.columns]
                for column in table.columns:
                    assert found[column.name]["nullable"] == column.nullable, column
                    assert _kind(found[column.name]["type"]) == _kind(column.type), column
                names = {index["name"]: index["column_names"] for index in looked.get_indexes(table.name)}
                for index in table.indexes:
                    assert names[index.name] == [column.name for column in index.columns], index
    finally:
        database.close()


def _kind(kind: Any) -> str:
    """Text, number or float, in which both databases spell their types."""
    return "text" if isinstance(kind, sa.Text) else "float" if isinstance(kind, sa.Float) else "integer"


def test_a_database_of_version_1_is_read_and_worked_on(tmp_path: Path) -> None:
    path = tmp_path / "sightline.db"
    connection = sqlite3.connect(path)
    connection.executescript(VERSION_1.read_text(encoding="utf-8"))
    connection.close()
    store = Store(f"sqlite:///{path}")
    try:
        (found,) = store.events(EventFilter())
        assert found.event == event(1)
        first, second = store.deliveries()
        assert (first.state, first.attempts, first.error) == ("pending", 2, "HTTP 503")
        assert [d.number for d in store.due(first.next_at)] == [first.number]
        store.sent(first.number, T0)
        assert [d.number for d in store.due(T0)] == [second.number]
        store.record(event(2), [message(event(2))], T0)
    finally:
        store.close()


def test_a_step_is_run_once_and_keeps_the_data(
    url: str, opened: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = opened()
    old.record(event(1), [message(event(1))], T0)
    old.close()
    ran = []

    def step(db: sa.Connection) -> None:
        ran.append(1)
        db.exec_driver_sql("ALTER TABLE sightline_events ADD COLUMN note TEXT")
        db.exec_driver_sql("UPDATE sightline_events SET note = camera")

    monkeypatch.setattr(migrations, "STEPS", [*migrations.STEPS, step])
    for _ in range(2):
        new = opened()
        assert [found.event for found in new.events(EventFilter())] == [event(1)]
        new.close()
    assert ran == [1]
    monkeypatch.undo()
    with pytest.raises(
        StoreError, match=r"written by a newer Sightline \(schema 2, this one knows 1\); update"
    ) as caught:
        Store(url)
    assert "\n" not in str(caught.value)


def test_a_step_that_fails_leaves_the_old_database(
    opened: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened().record(event(1), [], T0)

    def step(db: sa.Connection) -> None:
        db.exec_driver_sql("ALTER TABLE sightline_events ADD COLUMN note TEXT")
        db.exec_driver_sql("UPDATE sightline_events SET nothing = 1")

    monkeypatch.setattr(migrations, "STEPS", [*migrations.STEPS, step])
    with pytest.raises(StoreError):
        opened()
    monkeypatch.undo()
    assert len(opened().events(EventFilter())) == 1


def _open_and_write(url: str, n: int, gate: Any) -> None:
    gate.wait(20)
    store = Store(url)
    store.record(event(n), [message(event(n))], T0)
    store.close()


def test_several_processes_start_on_an_empty_database(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(4)
    workers = [context.Process(target=_open_and_write, args=(url, n, gate)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    store = Store(url)
    assert len(store.due(T0)) == 4
    store.close()
