"""The cloud adapter as a running service: intake, workers, actions and alerts, put together from a config.

`serve` takes pictures in, sends alerts and commands, and works jobs off itself unless told not to; `worker` only works
jobs off: any number of them may run beside one `serve`, each may be killed at any moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from cloud_adapter.actions.audit import AuditLog
from cloud_adapter.actions.commands import CommandRow
from cloud_adapter.actions.history import StoredHistory
from cloud_adapter.actions.service import Actions
from cloud_adapter.config import CloudFile
from cloud_adapter.database import CloudDatabase, address_in
from cloud_adapter.diagnosis.diagnoser import open_diagnoser
from cloud_adapter.diagnosis.models import Models, models_of
from cloud_adapter.diagnosis.settings import LeafProfile
from cloud_adapter.diagnosis.verdicts import Verdicts
from cloud_adapter.events import GOOD, action_event, diagnosis_event, notice_event
from cloud_adapter.intake.app import INTAKE, build_intake
from cloud_adapter.intake.captures import Captures
from cloud_adapter.intake.devices import Devices, master_key
from cloud_adapter.intake.server import IntakeServer
from cloud_adapter.metrics import Sources, telling
from cloud_adapter.providers.catalogue import catalogue
from cloud_adapter.providers.prices import Prices
from cloud_adapter.queue.base import JobQueue, MissingPictureError
from cloud_adapter.queue.opening import open_queue
from cloud_adapter.records import Diagnosis
from cloud_adapter.worker.diagnoses import Diagnoses, Notice
from cloud_adapter.worker.opening import build_worker
from cloud_adapter.worker.worker import Around, Worker
from vision.delivery.actuators.base import build_actuator
from vision.delivery.outbox import Outbox, build_senders
from vision.delivery.policy import Policy, record
from vision.delivery.senders.base import SenderContext, target_names
from vision.delivery.store import Store, open_store
from vision.events import Event, event_id
from vision.wire.messages import CaptureRequest

logger = logging.getLogger("sightline.cloud")

_WAKE_S = 2.0  # how often the outbox looks for what other processes have committed
SNAPSHOTS = "snapshots"


@dataclass(frozen=True, slots=True)
class Parts:
    """What a config makes; several processes may each have their own over the same data."""

    config: CloudFile
    database: CloudDatabase
    queue: JobQueue
    store: Store
    diagnoses: Diagnoses
    verdicts: Verdicts
    devices: Devices
    captures: Captures
    audit: AuditLog
    actions: Actions
    prices: Prices
    tell: Tell

    async def close(self) -> None:
        """Let everything go."""
        await self.queue.close()
        self.store.close()
        self.database.close()


class Tell:
    """Commits events with their messages, one after the other, and wakes the outbox."""

    def __init__(self, config: CloudFile, store: Store, queue: JobQueue, clock: Callable[[], float]) -> None:
        self._config, self._store, self._queue, self._clock = config, store, queue, clock
        targets = target_names(config.alerts)
        self._policy = Policy(tuple(zip(targets, config.alerts, strict=True)))
        self._one = asyncio.Lock()
        self.outbox: Outbox | None = None
        self.loop: asyncio.AbstractEventLoop | None = None

    async def diagnosis(self, diagnosis: Diagnosis) -> None:
        """An event, where it is one; the second time changes nothing."""
        if diagnosis.outcome == "diagnosed" and diagnosis.label in GOOD:
            return
        profile = self._config.cloud.profiles.get(diagnosis.profile)
        locale = profile.locale if isinstance(profile, LeafProfile) else "en"
        event = diagnosis_event(diagnosis, snapshot=await self._snapshot(diagnosis), locale=locale)
        if event is not None:
            await self._record(event)

    async def notice(self, notice: Notice) -> None:
        """Something about the service itself."""
        await self._record(notice_event(notice))

    def command(self, command: CommandRow) -> None:
        """A command that has changed; called from a thread."""
        event = action_event(command, locale="en")
        if event is None:
            return
        if self.loop is not None and self.loop.is_running():
            asyncio.run_coroutine_threadsafe(self._record(event), self.loop).result(30)
        else:
            record(self._store, self._policy, event, "opened", True, self._clock())

    async def _record(self, event: Event) -> None:
        async with self._one:
            await asyncio.to_thread(self._commit, event)
        if self.outbox is not None:
            self.outbox.wake()

    def _commit(self, event: Event) -> None:
        if self._store.event(event.id) is None:
            record(self._store, self._policy, event, "opened", True, self._clock())

    async def _snapshot(self, diagnosis: Diagnosis) -> str | None:
        """The picture as evidence of the event: pictures of the queue do not stay for ever."""
        if diagnosis.picture is None:
            return None
        try:
            data = await self._queue.picture(diagnosis.picture)
        except MissingPictureError:
            return None
        name = f"{SNAPSHOTS}/{event_id(diagnosis.captured, 'diagnosis', diagnosis.job)}.jpg"
        await asyncio.to_thread(_kept, self._config.data_dir / name, data)
        return name


def _kept(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)


def open_parts(config: CloudFile, *, clock: Callable[[], float] = time.time) -> Parts:
    """Everything that a config names, opened. Raises `SightlineError` where something cannot be."""
    cloud, folder = config.cloud, config.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    database = CloudDatabase(address_in(folder) if cloud.database is None else cloud.database.filled_in())
    queue = open_queue(cloud.queue, database, folder, now=clock)
    store = open_store(config.store_url, folder)
    key = None if cloud.audit_key is None else cloud.audit_key.filled_in().encode()
    audit = AuditLog(database, key)
    tell = Tell(config, store, queue, clock)
    captures = Captures(database)
    actuators = {rule.name: build_actuator(rule.actuator, clock) for rule in cloud.actions.rules}
    actions = Actions(
        cloud.actions, database, StoredHistory(database), actuators, clock,
        audit=audit, told=tell.command, ask_again=lambda device, wanted: _ask_again(captures, device, wanted),
    )  # fmt: skip
    return Parts(
        config=config,
        database=database,
        queue=queue,
        store=store,
        diagnoses=Diagnoses(database, now=clock),
        verdicts=Verdicts(database, now=clock),
        devices=Devices(database, master_key(cloud.intake, folder), cloud.devices, clock),
        captures=captures,
        audit=audit,
        actions=actions,
        prices=Prices(catalogue(cloud.models)),
        tell=tell,
    )


def _ask_again(captures: Captures, device: str, wanted: CaptureRequest) -> None:
    values = wanted.model_dump(exclude={"id"})
    captures.request_capture(device=device, request_id=wanted.id, **values)


@contextlib.asynccontextmanager
async def _worker(parts: Parts, clock: Callable[[], float] = time.time) -> AsyncIterator[Worker]:
    """A worker on these parts, with its models open: each diagnosis is told, and may ask for an action."""

    async def concluded(diagnosis: Diagnosis) -> None:
        await parts.tell.diagnosis(diagnosis)
        await asyncio.to_thread(parts.actions.concluded, diagnosis)

    cloud = parts.config.cloud
    models = Models.open(models_of(cloud.profiles), parts.prices.catalogue, parts.config.data_dir)
    try:
        yield build_worker(
            parts.database,
            parts.queue,
            open_diagnoser(cloud.profiles, models, now=clock),
            parts.prices,
            budget=cloud.budget,
            settings=cloud.worker,
            around=Around(clock, random.random, concluded, parts.tell.notice),
        )
    finally:
        await models.close()


async def work(parts: Parts, stop: asyncio.Event) -> None:
    """Work jobs off until `stop`."""
    parts.tell.loop = asyncio.get_running_loop()
    async with _worker(parts) as worker:
        await worker.run(stop)


async def serve(
    parts: Parts, stop: asyncio.Event, *, workers: bool = True, ready: Callable[[IntakeServer], None] | None = None
) -> None:
    """Take pictures in, send alerts and commands, and (with `workers`) work jobs off, until `stop`."""
    parts.tell.loop = asyncio.get_running_loop()
    cloud = parts.config.cloud
    app = build_intake(
        cloud.intake, db=parts.database, queue=parts.queue, devices=parts.devices, profiles=cloud.profiles
    )
    server = IntakeServer(app, cloud.intake)
    sources = Sources(parts.database, parts.queue, parts.store, parts.diagnoses, cloud.budget, app[INTAKE])
    async with _alerting(parts), telling(cloud.metrics, sources) as figures, asyncio.TaskGroup() as tasks:
        if figures is not None:
            logger.info("telling figures at %s", figures)
        await server.start()
        tasks.create_task(parts.actions.run(stop), name="actions")
        if workers:
            tasks.create_task(work(parts, stop), name="workers")
        if ready is not None:
            ready(server)
        await stop.wait()
        await server.stop()


@contextlib.asynccontextmanager
async def _alerting(parts: Parts) -> AsyncIterator[None]:
    """The outbox runs beside; it also sends what other processes commit."""
    config = parts.config
    context = SenderContext(evidence=config.data_dir, clock=time.time, site=config.site)
    outbox = Outbox(parts.store, build_senders(config.alerts, context), clock=time.time, random=random.random)
    parts.tell.outbox = outbox
    sending = asyncio.create_task(outbox.run(), name="outbox")
    waking = asyncio.create_task(_wake(outbox), name="outbox-wake")
    try:
        yield
    finally:
        waking.cancel()
        await outbox.drain(10)
        await asyncio.gather(sending, waking, return_exceptions=True)


async def _wake(outbox: Outbox) -> None:
    while True:
        await asyncio.sleep(_WAKE_S)
        outbox.wake()
