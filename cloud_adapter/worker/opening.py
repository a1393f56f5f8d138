"""A worker from the settings."""

from __future__ import annotations

from cloud_adapter.budget.base import Prices
from cloud_adapter.budget.budget import Budget
from cloud_adapter.budget.settings import BudgetSettings
from cloud_adapter.database import CloudDatabase
from cloud_adapter.diagnosis.base import Diagnoser
from cloud_adapter.queue.base import JobQueue
from cloud_adapter.worker.diagnoses import Diagnoses
from cloud_adapter.worker.settings import WorkerSettings
from cloud_adapter.worker.worker import Around, Worker

_MARGIN_S = 30.0


def build_worker(
    db: CloudDatabase,
    queue: JobQueue,
    diagnoser: Diagnoser,
    prices: Prices,
    *,
    budget: BudgetSettings,
    settings: WorkerSettings,
    around: Around,
) -> Worker:
    """A worker on its budget; a reservation ends when its call's deadline is over. May raise `StoreError`."""
    purse = Budget(db, budget, prices, now=around.now, lease_s=settings.call_seconds + _MARGIN_S)
    return Worker(queue, purse, Diagnoses(db, now=around.now), diagnoser, settings, around)
