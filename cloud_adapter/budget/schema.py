"""Tables of the budget.

Open reservations are rows of `cloud_reservations`; settling moves one into the ledger, in one transaction with the answer.
`cloud_spent` holds for each scope and period what is reserved and what is spent together, so that a cap is one comparison;
`Budget.leak` holds it against the sums of the other two.
"""

from __future__ import annotations

import sqlalchemy as sa

from cloud_adapter.database import Step, metadata
from vision.delivery.migrations import run
from vision.delivery.schema import Key, Number

reservations = sa.Table(
    "cloud_reservations",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("job", Key, nullable=False),
    sa.Column("device", Key, nullable=False),
    sa.Column("model", Key, nullable=False),
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("microusd", Number, nullable=False),
    sa.Column("day", Key, nullable=False),
    sa.Column("month", Key, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("expires", sa.Double, nullable=False),
    sa.Column("pictures", sa.Text, nullable=False),
)

ledger = sa.Table(
    "cloud_ledger",
    metadata,
    sa.Column("number", Number, sa.Identity(), primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("day", Key, nullable=False),
    sa.Column("month", Key, nullable=False),
    sa.Column("job", Key, nullable=False),
    sa.Column("device", Key, nullable=False),
    sa.Column("model", Key, nullable=False),
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),  # answered, cached, lost, or the provider's fault
    sa.Column("known", sa.Integer, nullable=False),  # 0: the provider did not say, the reservation was charged
    sa.Column("input", Number, nullable=False),
    sa.Column("cached", Number, nullable=False),
    sa.Column("output", Number, nullable=False),
    sa.Column("microusd", Number, nullable=False),
    sa.Column("bytes_up", Number, nullable=False),
    sa.Column("latency_s", sa.Double, nullable=False),
    sa.Column("pictures", sa.Text, nullable=False),  # [[width, height], …] as JSON: for the dry run
)

spent = sa.Table(
    "cloud_spent",
    metadata,
    sa.Column("scope", Key, primary_key=True),  # "fleet", or "device:NAME"
    sa.Column("period", Key, primary_key=True),  # 2026-11-23 or 2026-11
    sa.Column("microusd", Number, nullable=False),
)

answers = sa.Table(
    "cloud_answers",
    metadata,
    sa.Column("key", Key, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)


def m001_budget(db: sa.Connection) -> None:
    """Reservations, the ledger, sums for the caps, and answers that were paid for."""
    call = """
            job {KEY} NOT NULL,
            device {KEY} NOT NULL,
            model {KEY} NOT NULL,
            prompt TEXT NOT NULL,
            microusd BIGINT NOT NULL,
            day {KEY} NOT NULL,
            month {KEY} NOT NULL,
            at DOUBLE PRECISION NOT NULL,
            pictures TEXT NOT NULL,"""
    run(
        db,
        f"""CREATE TABLE cloud_reservations (
            id {{KEY}} PRIMARY KEY NOT NULL, {call}
            expires DOUBLE PRECISION NOT NULL
        )""",
        f"""CREATE TABLE cloud_ledger (
            number {{COUNTER}} NOT NULL, {call}
            outcome TEXT NOT NULL,
            known INTEGER NOT NULL,
            input BIGINT NOT NULL,
            cached BIGINT NOT NULL,
            output BIGINT NOT NULL,
            bytes_up BIGINT NOT NULL,
            latency_s DOUBLE PRECISION NOT NULL
        )""",
        "CREATE INDEX cloud_ledger_day ON cloud_ledger (day, model, device)",
        "CREATE INDEX cloud_ledger_job ON cloud_ledger (job)",
        """CREATE TABLE cloud_spent (
            scope {KEY} NOT NULL,
            period {KEY} NOT NULL,
            microusd BIGINT NOT NULL,
            PRIMARY KEY (scope, period)
        )""",
        """CREATE TABLE cloud_answers (
            key {KEY} PRIMARY KEY NOT NULL,
            at DOUBLE PRECISION NOT NULL,
            document TEXT NOT NULL
        )""",
        "CREATE INDEX cloud_answers_at ON cloud_answers (at)",
    )


STEPS: list[Step] = [m001_budget]
