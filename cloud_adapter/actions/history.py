"""Earlier diagnoses of a camera, for the guard."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from cloud_adapter.database import CloudDatabase
from cloud_adapter.records import READINGS, Diagnosis
from cloud_adapter.worker.schema import ends


class StoredHistory:
    """Reads what the workers stored; safe from any thread."""

    def __init__(self, database: CloudDatabase) -> None:
        self._database = database

    def recent(self, *, device: str, camera: str, profile: str, limit: int) -> Sequence[Diagnosis]:
        """Those of one camera and profile, newest capture first."""
        which = sa.and_(
            ends.c.device == device,
            ends.c.camera == camera,
            ends.c.profile == profile,
            ends.c.outcome != "buried",
            ends.c.label != READINGS,
        )
        query = sa.select(ends.c.document).where(which).order_by(ends.c.captured.desc(), ends.c.job).limit(limit)
        with self._database.reading() as db:
            return [Diagnosis.model_validate_json(row.document) for row in db.execute(query)]
