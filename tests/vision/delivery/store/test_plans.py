"""With many events and messages, what is asked often runs along an index: seen in the query plans, not timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event as sa_event

from tests.vision.delivery.store.samples import T0, event, message
from vision.delivery import rows
from vision.delivery.records import EventFilter
from vision.delivery.store import Store

EVENTS = 50_000
NUMBERS = "WITH RECURSIVE numbers (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < :n) "
_MESSAGE = (
    "INSERT INTO sightline_deliveries (id, event_id, target, stage, state, head, bundle, created, next_at, expires, "
    "attempts, sent_at, payload) SELECT i || '-{0}', 'E' || (100000 + i), '{0}', 'opened', 'sent', 0, 'g', :t0 + i, "
    ":t0, :t0, 1, :t0, :document FROM numbers"
)
_EVENTS = (
    "INSERT INTO sightline_events (id, camera, type, severity, state, started, opened, recorded, changed, document) "
    "SELECT 'E' || (100000 + i), 'c' || (i % 9), 'fall', 'info', 'closed', :t0 + i, :t0 + i, :t0, :t0, :document "
    "FROM numbers"
)
FILL = (_EVENTS, _MESSAGE.format("hook"), _MESSAGE.format("broker"))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """50,000 closed events with two messages each that are sent, and a few that are not."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('full') / 'x.db'}"
    else:
        url = request.getfixturevalue("postgres").fresh()
    store = Store(url)
    with store._database.writing() as db:
        for statement in FILL:
            db.execute(
                sa.text(NUMBERS + statement), {"n": EVENTS, "t0": T0, "document": rows.to_json(event(0).model_dump())}
            )
        if not store._database.address.sqlite:
            db.exec_driver_sql("ANALYZE")
    for n in range(3):
        store.record(event(n), [message(event(n)), message(event(n), "closed")], T0)
        held = message(event(n), target="log", held=True, group="h", not_before=T0 + 60)
        store.record(event(n), [held], T0)
    yield store
    store.close()


CALLS: list[tuple[str, Callable[[Store], Any]]] = [
    ("due", lambda store: store.due(T0)),
    ("due of a target", lambda store: store.due(T0, target="hook")),
    ("next_due", lambda store: store.next_due()),
    ("next_due of a target", lambda store: store.next_due("hook")),
    ("group", lambda store: store.group("h")),
    ("groups_due", lambda store: store.groups_due(T0 + 99)),
    ("last_in_group", lambda store: store.last_in_group("g")),
    ("newest_in_group", lambda store: store.newest_in_group("g")),
    ("event", lambda store: store.event("E100123")),
    ("messages of an event", lambda store: store.deliveries(event_id="E100123")),
    ("dead letters", lambda store: store.deliveries(states=("dead", "expired"))),
    ("newest", lambda store: store.events(EventFilter(), limit=50, newest_first=True)),
    ("of a camera", lambda store: store.events(EventFilter(cameras=("c3",)), limit=50, newest_first=True)),
    ("of a day", lambda store: store.events(EventFilter(since=T0 + 100, until=T0 + 200))),
    ("open ones", lambda store: store.events(EventFilter(states=("open",)))),
    ("record", lambda store: store.record(event(1), [message(event(1), "described")], T0)),
    ("sent", lambda store: store.sent(store.due(T0)[0].number, T0)),
    ("retry", lambda store: store.retry(store.due(T0)[0].number, T0 - 1, "down")),
    ("release", lambda store: store.release("hook", T0 - 2)),
]


@contextmanager
def statements(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """What is asked of the database meanwhile."""
    seen: list[tuple[str, Any]] = []

    def listen(_: Any, __: Any, statement: str, parameters: Any, *rest: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")) and "advisory" not in statement:
            seen.append((statement, parameters))

    sa_event.listen(store._database._engine, "before_cursor_execute", listen)
    try:
        yield seen
    finally:
        sa_event.remove(store._database._engine, "before_cursor_execute", listen)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "call"), CALLS, ids=[name for name, _ in CALLS])
def test_no_walk_over_a_whole_table(full: Store, name: str, call: Callable[[Store], Any]) -> None:
    with statements(full) as seen:
        call(full)
    assert seen
    for statement, parameters in seen:
        plan = explained(full, statement, parameters)
        if full._database.address.sqlite:
            walks = [line for line in plan if line.startswith("SCAN") and "INDEX" not in line]
            sorts = [line for line in plan if "TEMP B-TREE" in line] if name in {"newest", "of a camera"} else []
        else:
            walks = [line for line in plan if "Seq Scan" in line]
            sorts = [line for line in plan if "Sort" in line] if name in {"newest", "of a camera"} else []
        assert not walks + sorts, f"{statement}\n" + "\n".join(plan)


@pytest.mark.slow
def test_small_indexes_are_used_for_the_outbox(full: Store) -> None:
    """The index of what is to be sent holds only that, and `due` uses it."""
    for call in (lambda: full.due(T0), lambda: full.next_due("hook")):
        with statements(full) as seen:
            call()
        plan = "\n".join(explained(full, *seen[0]))
        assert "sightline_deliveries_due" in plan, plan


@pytest.mark.slow
def test_figures_of_the_outbox_come_from_an_index(full: Store) -> None:
    with statements(full) as seen:
        stats = full.stats(T0)
    assert stats.depth["broker", "sent"] == EVENTS
    if full._database.address.sqlite:  # PostgreSQL may well prefer to read a small table whole
        assert "COVERING INDEX sightline_deliveries_state" in "\n".join(explained(full, *seen[0]))
    assert "sightline_deliveries_unsent" in "\n".join(explained(full, *seen[1]))


def explained(store: Store, statement: str, parameters: Any) -> list[str]:
    sqlite = store._database.address.sqlite
    with store._database._engine.connect() as db:
        found = db.exec_driver_sql(f"{'EXPLAIN QUERY PLAN' if sqlite else 'EXPLAIN'} {statement}", parameters)
        return [str(row[-1]) for row in found]
