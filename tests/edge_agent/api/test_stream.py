"""The event stream: what is told, filters, heartbeat, coming back, being too slow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from edge_agent.api.context import Limits
from tests.edge_agent.api.fake_agent import FakeAgent, FakeStore, event
from tests.edge_agent.api.serving import Served, serving, stuck
from vision.delivery.records import StoredEvent

PATH = "/v1/events/stream"


async def read(answer: aiohttp.ClientResponse, count: int) -> list[dict[str, Any]]:
    """So many messages; comments are kept under `comment`."""
    found: list[dict[str, Any]] = []
    message: dict[str, Any] = {}
    async with asyncio.timeout(10):
        while len(found) < count:
            line = (await answer.content.readline()).decode().rstrip("\n")
            if line.startswith(":"):
                found.append({"comment": line[1:].strip()})
            elif line:
                name, _, value = line.partition(": ")
                message[name] = value
            elif "data" in message:
                found.append(message | {"data": json.loads(message["data"])})
                message = {}
    return found


async def listened(served: Served) -> None:
    async with asyncio.timeout(5):
        while not served.agent.listeners:
            await asyncio.sleep(0.01)


def test_events_as_they_come() -> None:
    async def run() -> None:
        async with serving() as served, served.client.get(PATH) as answer:
            assert answer.content_type == "text/event-stream"
            await listened(served)
            for stage in ("opened", "updated", "described", "closed"):
                served.agent.tell(stage, event(3))
            hello, *found = await read(answer, 5)
            assert hello == {"comment": "sightline"}
            assert [one["event"] for one in found] == ["opened", "updated", "described", "closed"]
            assert all(one["data"] == json.loads(json.dumps(event(3).to_dict())) for one in found)
            assert all(one["id"].endswith(event(3).id) for one in found)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [0, 1, 2, 3]),
        ("camera=gate", [1, 3]),
        ("type=fall", [2]),
        ("min_severity=warning", [1, 2]),
        ("camera=yard&min_severity=alert", [2]),
    ],
)
def test_filters(query: str, numbers: list[int]) -> None:
    async def run() -> None:
        async with serving() as served, served.client.get(f"{PATH}?{query}") as answer:
            await listened(served)
            for n in range(4):
                served.agent.tell("opened", event(n, camera=("yard", "gate")[n % 2]))
            _, *found = await read(answer, 1 + len(numbers))
            assert [one["data"]["id"] for one in found] == [event(n).id for n in numbers]

    asyncio.run(run())


def test_heartbeat() -> None:
    async def run() -> None:
        limits = Limits(heartbeat_s=0.05)
        async with serving(limits=limits) as served, served.client.get(PATH) as answer:
            assert await read(answer, 3) == [{"comment": "sightline"}] + [{"comment": "still here"}] * 2

    asyncio.run(run())


def store(changes: Mapping[int, tuple[float, float]]) -> FakeStore:
    """Events by number with the times they were recorded and changed at."""
    made = FakeStore()
    made.kept = [StoredEvent(event(n), recorded, changed) for n, (recorded, changed) in changes.items()]
    return made


@pytest.mark.parametrize("way", ["header", "address"])
def test_coming_back(way: str) -> None:
    async def run() -> None:
        now = event(0).start
        kept = store(
            {
                0: (now + 6, now + 6),  # began meanwhile, still open
                1: (now - 60, now + 3),  # ended meanwhile
                2: (now - 120, now - 100),  # nothing new
                3: (now + 1, now + 9),  # came and went meanwhile
                4: (now - 240, now - 1.5),  # just before: told again rather than not at all
            }
        )
        last = f"{round(now * 1000)}-{event(4).id}"
        options = {"headers": {"Last-Event-ID": last}} if way == "header" else {"params": {"last_event_id": last}}
        agent = FakeAgent(store=kept)
        async with serving(agent=agent) as served, served.client.get(PATH, **options) as answer:  # type: ignore[arg-type]
            await listened(served)
            _, *found = await read(answer, 5)
            told = [(one["event"], one["data"]["id"]) for one in found]
            expected = [("closed", 4), ("closed", 1), ("opened", 0), ("closed", 3)]
            assert told == [(stage, event(n).id) for stage, n in expected]
            served.agent.tell("updated", event(0))
            assert (await read(answer, 1))[0]["event"] == "updated"

    asyncio.run(run())


@pytest.mark.parametrize("last", ["x", "-", "12", f"{'9' * 16}-A", "١-A", "1-A B"])
def test_coming_back_with_nonsense(last: str) -> None:
    async def run() -> None:
        async with serving() as served, served.client.get(PATH, params={"last_event_id": last}) as answer:
            assert answer.status == 400
            assert not served.agent.listeners

    asyncio.run(run())


def test_listeners_leave_with_their_clients() -> None:
    async def run() -> None:
        async with serving() as served:
            for _ in range(5):
                answer = await served.client.get(PATH)
                await read(answer, 1)
                answer.close()
            async with asyncio.timeout(5):
                while not all(listener.closed for listener in served.agent.listeners):
                    served.agent.tell("opened", event(1))  # a client that is gone shows at the next write
                    await asyncio.sleep(0.02)
            assert len(served.agent.listeners) == 5

    asyncio.run(run())


def test_a_slow_client_is_cut_off_and_holds_nobody_up() -> None:
    async def run() -> None:
        big = event(1, facts={"text": "x" * 60_000})
        async with serving(limits=Limits(backlog=20)) as served, served.client.get(PATH) as quick:
            await listened(served)
            await read(quick, 1)
            async with stuck(served.server.port, PATH), asyncio.timeout(10):
                while len(served.agent.listeners) < 2:
                    await asyncio.sleep(0.01)
                sent = 0
                while not served.agent.listeners[1].closed:
                    served.agent.tell("updated", big)
                    sent += 1
                    await read(quick, 1)  # the quick one gets each at once
            assert sent > 20
            assert not served.agent.listeners[0].closed

    asyncio.run(run())


def test_places_are_counted() -> None:
    async def run() -> None:
        async with serving(limits=Limits(sse=1)) as served, served.client.get(PATH) as first:
            await read(first, 1)
            async with served.client.get(PATH) as second:
                assert second.status == 503
            assert len(served.agent.listeners) == 1

    asyncio.run(run())
