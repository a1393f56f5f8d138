"""One process of the cloud tier, for tests that kill it: the real intake, or a real worker whose model is a fake provider.

python -m tests.e2e.cloud_process intake|worker SPEC      (SPEC: JSON of `Spec`)
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from cloud_adapter.budget.budget import Budget
from cloud_adapter.budget.settings import BudgetSettings
from cloud_adapter.database import CloudDatabase, address_in
from cloud_adapter.intake.app import build_intake
from cloud_adapter.intake.devices import Devices
from cloud_adapter.intake.server import IntakeServer
from cloud_adapter.intake.settings import IntakeSettings
from cloud_adapter.providers.base import BackendError, Question, Reply
from cloud_adapter.queue.base import JobQueue
from cloud_adapter.queue.opening import open_queue
from cloud_adapter.queue.settings import EmbeddedQueue, JetStreamQueue
from cloud_adapter.records import Diagnosis, Picture, Usage
from cloud_adapter.worker.diagnoses import Diagnoses, Notice
from cloud_adapter.worker.settings import WorkerSettings
from cloud_adapter.worker.worker import Around, Worker
from tests.cloud_adapter.paying import REAL, WORST, FlatPrices, OneQuestion, Seen
from vision.delivery.env import AddressText

MASTER = b"m" * 32
PROFILES = ("potato",)
CALL_S = 3.0  # with the worker's own 5 s of grace it ends before the lease of its reservation
LEASE_S = 10.0


@dataclass(frozen=True, slots=True)
class Spec:
    """What a process needs to know; `nats` is None for the embedded queue."""

    folder: str
    port: int
    provider: str
    nats: str | None = None
    workers: int = 4
    decoders: int = 1


def queue_of(spec: Spec, db: CloudDatabase) -> JobQueue:
    """A queue with a short lease, so that the jobs of the killed come back soon."""
    common = {"lease_s": LEASE_S, "max_tries": 20}
    settings = (
        EmbeddedQueue.model_validate(common)
        if spec.nats is None
        else JetStreamQueue.model_validate(common | {"type": "jetstream", "servers": [AddressText(spec.nats)]})
    )
    return open_queue(settings, db, Path(spec.folder), now=time.time)


class HttpModel:
    """Asks the fake provider, which keeps the bill."""

    name = "tiny"

    def __init__(self, url: str) -> None:
        self._url = url
        self._http: aiohttp.ClientSession | None = None

    async def ask(self, question: Question, pictures: Sequence[Picture], *, deadline_s: float) -> Reply:
        self._http = self._http or aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=deadline_s))
        begun = time.monotonic()
        picture = pictures[0]
        try:
            async with self._http.post(f"{self._url}/{picture.sha256}", data=picture.data) as response:
                if response.status == 503:
                    raise BackendError("overloaded", "503")
                if response.status == 400:
                    raise BackendError("bad_request", "a picture that the endpoint does not take")
                label = (await response.json())["label"]
        except TimeoutError:
            raise BackendError("timeout", "no answer") from None
        except aiohttp.ClientError as error:
            raise BackendError("cut", f"{type(error).__name__}") from None
        return Reply(Seen.model_validate({"label": label}), REAL, time.monotonic() - begun, "tiny-2026", "native")

    def worst_case(self, question: Question, pictures: Sequence[Picture]) -> Usage:
        return WORST

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()


async def intake(spec: Spec, stop: asyncio.Event) -> None:
    db = CloudDatabase(address_in(Path(spec.folder)))
    many = {"requests_per_minute": 10_000, "requests_burst": 10_000, "bytes_per_minute": 1e12, "bytes_burst": 10**12}
    settings = IntakeSettings.model_validate(
        {"port": spec.port, "rates": many | {"uploads": 100}, "pictures": {"decoders": spec.decoders}}
    )
    devices, queue = Devices(db, MASTER, (), time.time), queue_of(spec, db)
    server = IntakeServer(build_intake(settings, db=db, queue=queue, devices=devices, profiles=PROFILES), settings)
    await server.start()
    await stop.wait()
    await server.stop()
    await queue.close()
    db.close()


async def worker(spec: Spec, stop: asyncio.Event) -> None:
    db = CloudDatabase(address_in(Path(spec.folder)))
    told = (Path(spec.folder) / "concluded.jsonl").open("a", buffering=1)

    async def concluded(diagnosis: Diagnosis) -> None:
        told.write(diagnosis.model_dump_json() + "\n")

    async def noticed(notice: Notice) -> None: ...

    queue, model = queue_of(spec, db), HttpModel(spec.provider)
    budget = Budget(
        db,
        BudgetSettings(device_day_usd=1000, fleet_day_usd=1000, fleet_month_usd=1000),
        FlatPrices(),
        now=time.time,
        lease_s=LEASE_S,
    )
    settings = WorkerSettings(
        workers=spec.workers, call_seconds=CALL_S, backoff_seconds=0.5, backoff_max_seconds=5, circuit_seconds=1
    )
    around = Around(time.time, random.random, concluded, noticed)
    diagnoser = OneQuestion([model], time.time)
    await Worker(queue, budget, Diagnoses(db, now=time.time), diagnoser, settings, around).run(stop)
    await model.close()
    await queue.close()
    db.close()


async def main(kind: str, spec: Spec) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await {"intake": intake, "worker": worker}[kind](spec, stop)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Spec(**json.loads(sys.argv[2]))))
