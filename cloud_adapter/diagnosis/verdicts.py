"""What people said a picture shows, one verdict for each job: the truth that models are measured and calibrated against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from cloud_adapter.database import CloudDatabase, Step, metadata
from cloud_adapter.diagnosis.settings import CoverProfile, LeafProfile
from cloud_adapter.records import Diagnosis
from vision.delivery.migrations import run
from vision.delivery.rows import clean
from vision.delivery.schema import Key
from vision.errors import InputError

UNSURE = "unsure"  # a person cannot tell either
_STATES = ("in_place", "displaced", "damaged", "missing")

verdicts = sa.Table(
    "cloud_verdicts",
    metadata,
    sa.Column("job", Key, primary_key=True),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("said_by", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)


def m001_verdicts(db: sa.Connection) -> None:
    """One row for each job that a person has looked at."""
    run(
        db,
        """CREATE TABLE cloud_verdicts (
            job {KEY} PRIMARY KEY NOT NULL,
            label TEXT NOT NULL,
            said_by TEXT NOT NULL,
            at DOUBLE PRECISION NOT NULL
        )""",
    )


STEPS: list[Step] = [m001_verdicts]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`label`: one of the profile's, `healthy`, or `unsure`; `at` epoch seconds."""

    label: str
    by: str
    at: float


def labels_of(profile: LeafProfile | CoverProfile) -> tuple[str, ...]:
    """What a person may say of this profile's pictures."""
    return ("healthy", *profile.labels, UNSURE) if isinstance(profile, LeafProfile) else (*_STATES, UNSURE)


class Verdicts:
    """The verdicts of one deployment; safe from any thread. May raise `StoreError`."""

    def __init__(self, db: CloudDatabase, *, now: Callable[[], float]) -> None:
        self._db, self._now = db, now
        db.prepare("verdicts", STEPS)

    def keep(self, diagnosis: Diagnosis, profile: LeafProfile | CoverProfile, label: str, by: str) -> None:
        """Store what a person sees; a later verdict replaces an earlier one. Raises `InputError` for another label."""
        allowed = labels_of(profile)
        if label not in allowed:
            raise InputError(f"{label}: no label of profile {diagnosis.profile}; write one of: {', '.join(allowed)}")
        with self._db.writing() as db:
            db.execute(sa.delete(verdicts).where(verdicts.c.job == diagnosis.job))
            db.execute(sa.insert(verdicts).values(job=diagnosis.job, label=label, said_by=clean(by), at=self._now()))

    def all(self) -> dict[str, Verdict]:
        """Job -> verdict."""
        with self._db.reading() as db:
            return {row.job: Verdict(row.label, row.said_by, row.at) for row in db.execute(sa.select(verdicts))}
