"""Figures of the cloud adapter in the text form of Prometheus, read at the moment of the scrape, on an address of their own.

The intake's address is for devices, out in the world; this one is for the operator's own network. Labels are names out of
the config and words out of fixed lists.
"""

from __future__ import annotations

import asyncio
import contextlib
import platform
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import NamedTuple

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from cloud_adapter.budget.calendar import Calendar
from cloud_adapter.budget.costs import CostRow, costs
from cloud_adapter.budget.settings import BudgetSettings
from cloud_adapter.database import CloudDatabase
from cloud_adapter.intake.intake import Intake
from cloud_adapter.metrics_settings import MetricsSettings
from cloud_adapter.queue.base import Depth, JobQueue
from cloud_adapter.worker.diagnoses import Diagnoses
from vision.delivery.figures import outbox_figures
from vision.delivery.records import OutboxStats
from vision.delivery.store import Store
from vision.errors import OutsideError, SightlineError

_P = "sightline_cloud"


@dataclass(frozen=True, slots=True)
class Sources:
    """What the figures are read from; `intake`: of this process."""

    database: CloudDatabase
    queue: JobQueue
    store: Store
    diagnoses: Diagnoses
    budget: BudgetSettings
    intake: Intake
    clock: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that one scrape tells; None where its source cannot be reached."""

    counted: Mapping[str, int]
    uploads: int
    depth: Depth | None
    outbox: OutboxStats | None
    today: tuple[CostRow, ...] | None
    month_usd: float | None
    closed: tuple[str, ...] | None
    budget: BudgetSettings


async def read(sources: Sources) -> Reading:
    """The figures of this moment."""
    calendar = Calendar(sources.budget.timezone, sources.budget.batch_at)
    day = calendar.day(sources.clock())
    depth = None
    with contextlib.suppress(SightlineError):
        depth = await sources.queue.depth()
    stored = await asyncio.to_thread(_stored, sources, day)
    return Reading(
        counted=sources.intake.counters.snapshot(),
        uploads=sources.intake.slots.uploads,
        depth=depth,
        outbox=stored[0],
        today=stored[1],
        month_usd=stored[2],
        closed=stored[3],
        budget=sources.budget,
    )


_Stored = tuple[OutboxStats | None, tuple[CostRow, ...] | None, float | None, tuple[str, ...] | None]


def _stored(sources: Sources, day: str) -> _Stored:
    """What the databases know: outbox, costs of the day by model, of the month, endpoints that are closed."""
    outbox = today = month = closed = None
    with contextlib.suppress(SightlineError):
        outbox = sources.store.stats(sources.clock())
    with contextlib.suppress(SightlineError):
        today = tuple(costs(sources.database, day, day, by=("model",)))
        month = sum(row.usd for row in costs(sources.database, f"{day[:7]}-01", day, by=("month",)))
        closed = tuple(sorted(sources.diagnoses.closed_endpoints()))
    return outbox, today, month, closed


class _Collected(Collector):
    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def collect(self) -> Iterator[Metric]:
        now = self._reading
        build = GaugeMetricFamily("sightline_build_info", "Version of the service.", labels=["version", "python"])
        build.add_metric([version("sightline"), platform.python_version()], 1)
        yield build
        yield from _intake(now)
        yield from _queue(now)
        yield from _money(now)
        if now.outbox is not None:
            yield from outbox_figures(now.outbox)


def _intake(now: Reading) -> Iterator[Metric]:
    for name, text in (
        ("pictures", "Pictures taken in."),
        ("readings", "Sensor readings taken in."),
        ("known", "Uploads that had been taken in before."),
        ("plain", "Pictures taken in unsigned."),
        ("bytes_received", "Bytes of whole bodies."),
        ("bytes_kept", "Bytes of pictures after they were encoded anew."),
    ):
        yield CounterMetricFamily(f"{_P}_{name}", text, value=now.counted[name])
    refused = CounterMetricFamily(f"{_P}_refused", "Uploads refused, by reason.", labels=["code"])
    for name, count in now.counted.items():
        if name.startswith("refused."):
            refused.add_metric([name.removeprefix("refused.")], count)
    yield refused
    yield GaugeMetricFamily(f"{_P}_uploads", "Uploads under way.", value=now.uploads)


def _queue(now: Reading) -> Iterator[Metric]:
    yield _flag("queue_up", "1 while the queue can be reached.", now.depth is not None)
    if now.depth is None:
        return
    jobs = GaugeMetricFamily(f"{_P}_jobs", "Jobs by state; dead ones wait for a person.", labels=["state"])
    for state in ("waiting", "taken", "dead"):
        jobs.add_metric([state], getattr(now.depth, state))
    yield jobs
    yield GaugeMetricFamily(f"{_P}_waiting_bytes", "Bytes of pictures that wait.", value=now.depth.picture_bytes)


class _Today(NamedTuple):
    """A figure of this day with one value for each model."""

    name: str
    text: str
    value: Callable[[CostRow], float]


_TODAY = (
    _Today("calls", "Calls to models today.", lambda row: row.calls),
    _Today("cached", "Answers from the cache today.", lambda row: row.cached),
    _Today("bytes_up", "Bytes sent to models today.", lambda row: row.bytes_up),
    _Today("usd", "What models have cost today.", lambda row: row.usd),
)


def _money(now: Reading) -> Iterator[Metric]:
    yield _flag("database_up", "1 while the database can be reached.", now.today is not None)
    if now.today is None or now.month_usd is None or now.closed is None:
        return
    for today in _TODAY:
        gauge = GaugeMetricFamily(f"{_P}_day_{today.name}", today.text, labels=["model"])
        for row in now.today:
            gauge.add_metric([row.model], today.value(row))
        yield gauge
    yield GaugeMetricFamily(f"{_P}_month_usd", "What models have cost this month.", value=now.month_usd)
    caps = GaugeMetricFamily(f"{_P}_cap_usd", "What all devices may cost.", labels=["period"])
    caps.add_metric(["day"], now.budget.fleet_day_usd)
    caps.add_metric(["month"], now.budget.fleet_month_usd)
    yield caps
    closed = GaugeMetricFamily(
        f"{_P}_endpoint_closed", "1: this model is not asked until somebody looks.", labels=["model"]
    )
    for model in now.closed:
        closed.add_metric([model], 1)
    yield closed


def _flag(name: str, text: str, value: bool) -> Metric:
    return GaugeMetricFamily(f"{_P}_{name}", text, value=float(value))


def text_of(reading: Reading, accept: str = "") -> tuple[bytes, str]:
    """The page and its content type: OpenMetrics where `accept` asks for it, else Prometheus' own form."""
    encode, kind = choose_encoder(accept)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(reading))
    return encode(registry), kind


@contextlib.asynccontextmanager
async def telling(settings: MetricsSettings | None, sources: Sources) -> AsyncIterator[str | None]:
    """`/metrics` is served meanwhile; gives its address, None without settings. Raises `OutsideError`."""
    if settings is None:
        yield None
        return

    one = asyncio.Lock()  # two scrapers at a time must not ask twice

    async def answer(request: web.Request) -> web.Response:
        async with one:
            page, kind = text_of(await read(sources), request.headers.get("Accept", ""))
        return web.Response(body=page, headers={"Content-Type": kind})

    app = web.Application()
    app.router.add_get("/metrics", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        try:
            await site.start()
        except OSError as error:
            raise OutsideError(
                f"cloud.metrics: cannot listen on {settings.host}:{settings.port} ({error.strerror}); choose another port"
            ) from None
        port = runner.addresses[0][1]
        yield f"http://{settings.host}:{port}/metrics"
    finally:
        await runner.cleanup()
