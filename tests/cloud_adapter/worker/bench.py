"""A worker on a fake queue with a scripted model; time moves only by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cloud_adapter.budget.budget import Budget
from cloud_adapter.budget.schema import ledger, reservations
from cloud_adapter.budget.settings import BudgetSettings
from cloud_adapter.database import CloudDatabase, address_in
from cloud_adapter.diagnosis.base import Diagnoser
from cloud_adapter.queue.fake import FakeQueue
from cloud_adapter.records import Diagnosis
from cloud_adapter.worker.diagnoses import Diagnoses, Notice
from cloud_adapter.worker.settings import WorkerSettings
from cloud_adapter.worker.worker import Around, Worker
from tests.cloud_adapter.making import make_job
from tests.cloud_adapter.paying import FlatPrices, OneQuestion, ScriptedModel

START = 1_795_000_000.0
PICTURE = b"pixels"


class Bench:
    """`work()` takes one job and works at it; `again()` is the worker's process after a restart."""

    def __init__(
        self, folder: Path, *models: ScriptedModel, budget: dict[str, Any] | None = None, **settings: Any
    ) -> None:
        self.t = START
        self.db = CloudDatabase(address_in(folder))
        self.queue = FakeQueue(lambda: self.t, max_tries=3)
        self.model = models[0] if models else ScriptedModel()
        wide = {"device_day_usd": 1.0, "fleet_day_usd": 1.0, "fleet_month_usd": 1.0, "alarm_share": 0.0}
        self.budget_settings = BudgetSettings.model_validate(wide | (budget or {}))
        self.settings = WorkerSettings.model_validate({"backoff_seconds": 8, "circuit_failures": 3} | settings)
        self.diagnoser: Diagnoser = OneQuestion(models or (self.model,), lambda: self.t)
        self.concluded: list[Diagnosis] = []
        self.notices: list[Notice] = []
        self.worker = self.again()

    def again(self) -> Worker:
        self.budget = Budget(self.db, self.budget_settings, FlatPrices(), now=lambda: self.t, lease_s=90)
        self.diagnoses = Diagnoses(self.db, now=lambda: self.t)

        async def concluded(diagnosis: Diagnosis) -> None:
            self.concluded.append(diagnosis)

        async def told(notice: Notice) -> None:
            self.notices.append(notice)

        around = Around(now=lambda: self.t, random=lambda: 0.5, concluded=concluded, told=told)
        self.worker = Worker(self.queue, self.budget, self.diagnoses, self.diagnoser, self.settings, around)
        return self.worker

    async def put(self, frame: str = "frame-0001", *, priority: int = 5, data: bytes | None = PICTURE) -> str:
        job = make_job(frame, priority=priority, data=data)
        await self.queue.put(job, data)
        return job.id

    async def work(self, times: int = 1) -> None:
        """Take and work at as many jobs as are ready, at most so many."""
        for _ in range(times):
            claim = await self.queue.take(0.0)
            if claim is None:
                return
            await self.worker.work(claim)

    async def killed(self) -> None:
        """Work at one job, and be killed while the model is being asked."""
        asked = asyncio.Event()

        async def hang() -> None:
            asked.set()
            await asyncio.Event().wait()

        self.model.script.insert(0, hang)
        claim = await self.queue.take(0.0)
        assert claim is not None
        task = asyncio.create_task(self.worker.work(claim))
        await asked.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self.again()

    def spent(self) -> int:
        with self.db.reading() as db:
            return int(db.execute(sa.select(sa.func.sum(ledger.c.microusd))).scalar() or 0)

    def outcomes(self) -> list[str]:
        """Outcomes in the ledger, in order."""
        with self.db.reading() as db:
            return list(db.execute(sa.select(ledger.c.outcome).order_by(ledger.c.number)).scalars())

    def reserved(self) -> int:
        """Open reservations."""
        with self.db.reading() as db:
            return int(db.execute(sa.select(sa.func.count()).select_from(reservations)).scalar_one())

    def ends(self, jobs: Sequence[str]) -> list[str]:
        """How each job ended: its diagnosis' outcome, `buried`, or `open`."""
        ends = [self.diagnoses.end(job) for job in jobs]
        return ["open" if e is None else e.diagnosis.outcome if e.diagnosis else "buried" for e in ends]

    def close(self) -> None:
        assert self.budget.leak() == {}
        self.db.close()
