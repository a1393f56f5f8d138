"""`/metrics` of the cloud adapter: what Prometheus reads is what happened, also when a part cannot be reached."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from pathlib import Path

import aiohttp
import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from cloud_adapter.budget.budget import Budget
from cloud_adapter.budget.settings import BudgetSettings
from cloud_adapter.config import load_cloud
from cloud_adapter.demo.leaves import render_leaf
from cloud_adapter.demo.node import Node
from cloud_adapter.intake.app import INTAKE, build_intake
from cloud_adapter.metrics import Sources, read, telling, text_of
from cloud_adapter.metrics_settings import MetricsSettings
from cloud_adapter.queue.base import Depth
from cloud_adapter.records import Usage
from cloud_adapter.service import Parts, open_parts
from tests.cloud_adapter.paying import FlatPrices
from tests.cloud_adapter.test_service import served, variables, written  # noqa: F401  # variables: a fixture
from tests.peers.rtsp import free_port
from vision.errors import OutsideError, StoreError

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def figures(page: bytes) -> Figures:
    families = parse_text(page.decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


@pytest.fixture
def parts(tmp_path: Path, variables: None) -> Parts:  # noqa: F811
    return open_parts(load_cloud(written(tmp_path, "http://127.0.0.1:9/v1", "http://127.0.0.1:9/")))


def sources(parts: Parts) -> Sources:
    cloud = parts.config.cloud
    app = build_intake(
        cloud.intake, db=parts.database, queue=parts.queue, devices=parts.devices, profiles=cloud.profiles
    )
    return Sources(parts.database, parts.queue, parts.store, parts.diagnoses, BudgetSettings(), app[INTAKE])


def test_what_has_happened_is_told(parts: Parts) -> None:
    async def play() -> Figures:
        found = sources(parts)
        found.intake.counters.pictures = 3
        found.intake.counters.refused["too_large"] = 2
        parts.diagnoses.close_endpoint("b", "401")
        paid(parts)
        page, kind = text_of(await read(found))
        assert kind.startswith("text/plain")
        await parts.close()
        return figures(page)

    told = asyncio.run(play())
    expected = {
        ("sightline_cloud_pictures_total", ()): 3,
        ("sightline_cloud_refused_total", (("code", "too_large"),)): 2,
        ("sightline_cloud_jobs", (("state", "waiting"),)): 0,
        ("sightline_cloud_jobs", (("state", "dead"),)): 0,
        ("sightline_cloud_queue_up", ()): 1,
        ("sightline_cloud_database_up", ()): 1,
        ("sightline_cloud_day_calls", (("model", "a"),)): 1,
        ("sightline_cloud_day_usd", (("model", "a"),)): 0.002,
        ("sightline_cloud_month_usd", ()): 0.002,
        ("sightline_cloud_cap_usd", (("period", "day"),)): 5,
        ("sightline_cloud_endpoint_closed", (("model", "b"),)): 1,
    }
    assert {name: told.get(name) for name in expected} == expected


def paid(parts: Parts) -> None:
    """One call of 2,000 micro-dollars."""
    budget = Budget(parts.database, BudgetSettings(), FlatPrices(), now=time.time)
    held = budget.reserve(job="j", device="node", model="a", prompt="p", worst=Usage(input_tokens=9000), alarm=False)
    budget.settle(held, Usage(input_tokens=1990, output_tokens=10), latency_s=0.1, bytes_up=700)


@dataclasses.dataclass
class Away:
    """A queue that cannot be reached."""

    async def depth(self) -> Depth:
        raise StoreError("the queue is away")


def test_what_cannot_be_reached_is_told_as_that(parts: Parts) -> None:
    async def play() -> Figures:
        found = dataclasses.replace(sources(parts), queue=Away())  # type: ignore[arg-type]  # all that is asked of it
        page, _ = text_of(await read(found))
        await parts.close()
        return figures(page)

    told = asyncio.run(play())
    assert told["sightline_cloud_queue_up", ()] == 0
    assert told["sightline_cloud_database_up", ()] == 1
    assert not [name for name, _ in told if name == "sightline_cloud_jobs"]  # no number is made up


def test_prometheus_and_openmetrics_over_http(parts: Parts) -> None:
    async def play() -> None:
        async with telling(MetricsSettings(port=0), sources(parts)) as address, aiohttp.ClientSession() as client:
            assert address is not None
            async with client.get(address) as answer:
                assert figures(await answer.read())["sightline_cloud_uploads", ()] == 0
            async with client.get(address, headers={"Accept": "application/openmetrics-text; version=1.0.0"}) as answer:
                assert answer.content_type == "application/openmetrics-text"
                assert list(parse_openmetrics(await answer.text()))
            taken = MetricsSettings(port=int(address.split(":")[2].split("/")[0]))
            with pytest.raises(OutsideError, match=r"cloud\.metrics: cannot listen on 127\.0\.0\.1:\d+ \(.*in use"):
                async with telling(taken, sources(parts)):
                    pass
        await parts.close()

    asyncio.run(play())


def test_the_service_tells_them(tmp_path: Path, variables: None) -> None:  # noqa: F811
    port = free_port()
    path = written(tmp_path, "http://127.0.0.1:9/v1", "http://127.0.0.1:9/")
    raw = yaml.safe_load(path.read_text())
    raw["cloud"]["metrics"] = {"port": port}
    path.write_text(yaml.safe_dump(raw))

    async def during(_: Parts, node: Node) -> None:
        async with aiohttp.ClientSession() as client:
            await node.picture("field-1", "potato", render_leaf("healthy", 1), time.time())
            async with client.get(f"http://127.0.0.1:{port}/metrics") as answer:
                assert figures(await answer.read())["sightline_cloud_pictures_total", ()] == 1

    asyncio.run(served(path, during))
