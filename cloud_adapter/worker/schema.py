"""Tables of the worker: how jobs ended, what was told, which endpoints are closed."""

from __future__ import annotations

import sqlalchemy as sa

from cloud_adapter.database import Step, metadata
from vision.delivery.migrations import run
from vision.delivery.schema import Key, Number

# One row per job that has ended. `buried` is the other end of a job: its row keeps a late worker from adding a diagnosis.
ends = sa.Table(
    "cloud_diagnoses",
    metadata,
    sa.Column("job", Key, primary_key=True),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("device", Key, nullable=False),
    sa.Column("camera", sa.Text, nullable=False),
    sa.Column("site", sa.Text, nullable=False),
    sa.Column("profile", sa.Text, nullable=False),
    sa.Column("captured", sa.Double, nullable=False),
    sa.Column("decided", sa.Double, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("microusd", Number, nullable=False),
    sa.Column("document", sa.Text, nullable=False),  # the diagnosis as JSON; of a buried job the reason
)
notices = sa.Table(
    "cloud_notices",
    metadata,
    sa.Column("key", Key, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
)
closed = sa.Table(
    "cloud_endpoints_closed",
    metadata,
    sa.Column("model", Key, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)


def m001_worker(db: sa.Connection) -> None:
    """Diagnoses, notices, closed endpoints."""
    run(
        db,
        """CREATE TABLE cloud_diagnoses (
            job {KEY} PRIMARY KEY NOT NULL,
            outcome TEXT NOT NULL,
            device {KEY} NOT NULL,
            camera TEXT NOT NULL,
            site TEXT NOT NULL,
            profile TEXT NOT NULL,
            captured DOUBLE PRECISION NOT NULL,
            decided DOUBLE PRECISION NOT NULL,
            label TEXT NOT NULL,
            microusd BIGINT NOT NULL,
            document TEXT NOT NULL
        )""",
        "CREATE INDEX cloud_diagnoses_decided ON cloud_diagnoses (decided, job)",
        "CREATE INDEX cloud_diagnoses_device ON cloud_diagnoses (device, camera, captured)",
        "CREATE INDEX cloud_diagnoses_outcome ON cloud_diagnoses (outcome, decided)",
        "CREATE TABLE cloud_notices (key {KEY} PRIMARY KEY NOT NULL, at DOUBLE PRECISION NOT NULL)",
        """CREATE TABLE cloud_endpoints_closed (
            model {KEY} PRIMARY KEY NOT NULL,
            reason TEXT NOT NULL,
            at DOUBLE PRECISION NOT NULL
        )""",
    )


STEPS: list[Step] = [m001_worker]
