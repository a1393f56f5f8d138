"""The table of the embedded queue."""

from __future__ import annotations

import sqlalchemy as sa

from cloud_adapter.database import Step, metadata
from vision.delivery.migrations import run
from vision.delivery.schema import Key, Number

# States: waiting -> taken -> done | dead; delayed until `due`. Of a taken job `due` is the end of its lease, and `token`
# tells its worker from the one that had it before.
jobs = sa.Table(
    "cloud_jobs",
    metadata,
    sa.Column("number", Number, sa.Identity(), primary_key=True),
    sa.Column("id", Key, nullable=False, unique=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("queued", sa.Double, nullable=False),
    sa.Column("due", sa.Double, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("token", sa.Text),
    sa.Column("picture", Key),
    sa.Column("bytes", Number, nullable=False),  # 0 once the picture is gone
    sa.Column("ended", sa.Double),
    sa.Column("reason", sa.Text),
    sa.Column("document", sa.Text, nullable=False),
)


def m001_jobs(db: sa.Connection) -> None:
    """Jobs in all their states. Ended ones stay a while: an upload that comes twice is known by its row."""
    run(
        db,
        """CREATE TABLE cloud_jobs (
            number {COUNTER} NOT NULL,
            id {KEY} NOT NULL UNIQUE,
            state TEXT NOT NULL,
            priority INTEGER NOT NULL,
            queued DOUBLE PRECISION NOT NULL,
            due DOUBLE PRECISION NOT NULL,
            tries INTEGER NOT NULL,
            token TEXT,
            picture {KEY},
            bytes BIGINT NOT NULL,
            ended DOUBLE PRECISION,
            reason TEXT,
            document TEXT NOT NULL
        )""",
        "CREATE INDEX cloud_jobs_next ON cloud_jobs (state, priority, queued, number)",
        "CREATE INDEX cloud_jobs_due ON cloud_jobs (state, due, bytes)",
        "CREATE INDEX cloud_jobs_ended ON cloud_jobs (ended) WHERE ended IS NOT NULL",
        "CREATE INDEX cloud_jobs_pictures ON cloud_jobs (picture) WHERE picture IS NOT NULL",
        "CREATE INDEX cloud_jobs_bytes ON cloud_jobs (bytes) WHERE bytes > 0",
    )


STEPS: list[Step] = [m001_jobs]
