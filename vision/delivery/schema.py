"""The tables as this version knows them. What an older database lacks is added by `vision.delivery.migrations`."""

from __future__ import annotations

import sqlalchemy as sa

# Bytewise order everywhere: PostgreSQL would sort by the language of the server otherwise.
Key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

metadata = sa.MetaData()

version = sa.Table("sightline_schema", metadata, sa.Column("version", sa.Integer, nullable=False))

# `document` is the whole event as JSON; the other columns repeat what is searched by.
events = sa.Table(
    "sightline_events",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("camera", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("zone", sa.Text),
    sa.Column("started", sa.Double, nullable=False),
    sa.Column("ended", sa.Double),
    sa.Column("opened", sa.Double, nullable=False),
    sa.Column("recorded", sa.Double, nullable=False),
    sa.Column("changed", sa.Double, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)
sa.Index("sightline_events_start", events.c.started, events.c.id)
sa.Index("sightline_events_camera", events.c.camera, events.c.started, events.c.id)
sa.Index("sightline_events_type", events.c.type, events.c.started, events.c.id)
sa.Index("sightline_events_state", events.c.state, events.c.started, events.c.id)

# The small indexes begin with `state`, although their rows have hardly more than one: SQLite would take the larger
# index of all states for the better one otherwise.
# `head` is 1 for the oldest unsent delivery of its event and target: only that one may be sent. It is kept by the
# store (`Store._reorder`), so that `due` is a walk along one small index, however many messages wait behind others.
deliveries = sa.Table(
    "sightline_deliveries",
    metadata,
    sa.Column("number", Number, sa.Identity(), primary_key=True),
    sa.Column("id", Key, nullable=False, unique=True),
    sa.Column("event_id", Key, sa.ForeignKey(events.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("head", sa.Integer, nullable=False),
    sa.Column("bundle", sa.Text),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("next_at", sa.Double, nullable=False),
    sa.Column("expires", sa.Double, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("sent_at", sa.Double),
    sa.Column("error", sa.Text),
    sa.Column("payload", sa.Text, nullable=False),
    sqlite_autoincrement=True,  # a number that was deleted never comes back
)
sa.Index("sightline_deliveries_event", deliveries.c.event_id, deliveries.c.target)
sa.Index("sightline_deliveries_state", deliveries.c.state, deliveries.c.target)
sa.Index("sightline_deliveries_bundle", deliveries.c.bundle, deliveries.c.created, deliveries.c.number)


def one_of(column: sa.ColumnElement[str], *values: str) -> sa.ColumnElement[bool]:
    """`column` is one of `values`, written out: a partial index is only used where the text says its condition."""
    literals = [sa.literal(value, literal_execute=True) for value in values]
    return column == literals[0] if len(literals) == 1 else column.in_(literals)


def partial(name: str, condition: str, *columns: sa.Column[object]) -> None:
    """An index of the few rows that meet the condition."""
    sa.Index(name, *columns, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))


partial(
    "sightline_deliveries_due",
    "state = 'pending' AND head = 1",
    deliveries.c.state,
    deliveries.c.target,
    deliveries.c.next_at,
    deliveries.c.number,
)
partial("sightline_deliveries_held", "state = 'held'", deliveries.c.bundle, deliveries.c.number)
partial("sightline_deliveries_windows", "state = 'held'", deliveries.c.target, deliveries.c.next_at)
partial(
    "sightline_deliveries_unsent",
    "state IN ('pending', 'held')",
    deliveries.c.state,
    deliveries.c.target,
    deliveries.c.created,
)
