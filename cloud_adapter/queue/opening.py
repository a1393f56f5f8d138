"""From the config to a queue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cloud_adapter.database import CloudDatabase
from cloud_adapter.queue.base import JobQueue
from cloud_adapter.queue.settings import EmbeddedQueue, QueueSettings


def open_queue(settings: QueueSettings, db: CloudDatabase, data_dir: Path, *, now: Callable[[], float]) -> JobQueue:
    """The queue that the config asks for. Raises `StoreError`, `InputError` where a package is missing."""
    if isinstance(settings, EmbeddedQueue):
        from cloud_adapter.queue.embedded import EmbeddedJobQueue

        return EmbeddedJobQueue(db, data_dir / "pictures", settings, now=now)
    from cloud_adapter.queue.jetstream import JetStreamJobQueue

    return JetStreamJobQueue(settings, now=now)
