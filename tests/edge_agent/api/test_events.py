"""Events and their alerts, out of a real store and out of a fake one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.edge_agent.api.fake_agent import NOW, PASSWORD, FakeAgent, FakeStore, delivery, event
from tests.edge_agent.api.serving import serving
from vision.delivery.records import NewDelivery
from vision.delivery.store import Store
from vision.events import Event


@pytest.fixture(params=["fake", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Six events a minute apart, newest number 0; the second has a sent and a dead alert."""
    events = [event(n, camera=("yard", "gate")[n % 2]) for n in range(6)]
    if request.param == "fake":
        dead = delivery(2, events[1], target="mqtt", state="dead")
        yield FakeStore(events, [delivery(1, events[1]), dead])
        return
    kept = Store(f"sqlite:///{tmp_path}/events.db")
    for one in events:
        kept.record(one, [], one.start)
    messages = [new("a", events[1], "webhook"), new("b", events[1], "mqtt")]
    kept.record(events[1], messages, events[1].start)
    kept.sent(kept.deliveries(target="webhook")[0].number, NOW)
    kept.give_up(kept.deliveries(target="mqtt")[0].number, "no route", expired=False)
    yield kept
    kept.close()


def new(name: str, of: Event, target: str) -> NewDelivery:
    return NewDelivery(name, target, "opened", {"secret": PASSWORD}, of.start, of.start + 3600)


def ask(store: Store, path: str, method: str = "GET", **options: Any) -> tuple[int, Any]:
    async def run() -> tuple[int, Any]:
        agent = FakeAgent(store=store)
        async with serving(agent=agent) as served, served.client.request(method, path, **options) as answer:
            assert PASSWORD not in await answer.text()
            return answer.status, await answer.json(content_type=None)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [0, 1, 2, 3, 4, 5]),  # newest first
        ("limit=2", [0, 1]),
        ("camera=gate", [1, 3, 5]),
        ("camera=gate&camera=yard", [0, 1, 2, 3, 4, 5]),
        ("camera=gate,yard&limit=1", [0]),
        ("camera=nobody", []),
        ("type=fall", [2, 5]),
        ("type=fall&camera=gate", [5]),
        ("state=open", [0]),
        ("state=closed&limit=1", [1]),
        ("min_severity=alert", [2, 5]),
        ("min_severity=warning", [1, 2, 4, 5]),
        (f"since={NOW - 120}", [0, 1, 2]),  # from this moment on
        (f"until={NOW - 240}", [5]),  # before this moment
        ("since=2026-05-28T20:24:40Z", [0, 1, 2]),
        ("since=2026-05-29T04:24:40%2B08:00", [0, 1, 2]),
        ("since=2026-05-29T04:24:40+08:00", [0, 1, 2]),  # a + that nobody escaped
        ("since=2026-05-29T04:24:40.5 0800", [0, 1]),
        ("until=1000d", []),  # long ago
    ],
)
def test_filters(store: Store, query: str, numbers: list[int]) -> None:
    status, body = ask(store, f"/v1/events?{query}")
    assert status == 200
    assert [one["id"] for one in body["events"]] == [event(n).id for n in numbers]
    if body["events"]:
        assert {"summary", "evidence", "box", "recorded", "changed"} <= set(body["events"][0])


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=ten",
        "since=tomorrow",
        "since=2026-05-28T25:24:40",
        "since=nan",
        "since=1e30",
        "until=" + "9" * 41,
        "state=ajar",
        "min_severity=high",
        "kamera=yard",  # misspelt: not silently all events
        "camera=" + "x" * 201,
        "&".join(["camera=x"] * 65),
        "token=abc",
        "after=none",
    ],
)
def test_wrong_filters(query: str) -> None:
    status, problem = ask(FakeStore(), f"/v1/events?{query}")
    assert status == (404 if query == "after=none" else 400)
    assert problem["fix"]


def test_pages(store: Store) -> None:
    found, after = [], ""
    for _ in range(3):
        _, body = ask(store, f"/v1/events?limit=2{after}")
        found += [one["id"] for one in body["events"]]
        after = f"&after={body['next']}"
    assert found == [event(n).id for n in range(6)]
    assert body["next"] is None


def test_one_event_with_its_alerts(store: Store) -> None:
    wanted = event(1).id
    status, body = ask(store, f"/v1/events/{wanted}")
    assert status == 200
    assert body["id"] == wanted
    assert [(one["target"], one["state"]) for one in body["deliveries"]] == [("webhook", "sent"), ("mqtt", "dead")]
    for spelling in (wanted[:-1], wanted.lower()):
        assert ask(store, f"/v1/events/{spelling}")[1]["id"] == wanted


@pytest.mark.parametrize(
    "name", ["nothing", "0", "%25", "%27%20OR%201", "..%2f..", "x" * 65, "%00", "%E4%BA%8B"]
)  # 0 begins several
def test_no_such_event(store: Store, name: str) -> None:
    assert ask(store, f"/v1/events/{name}")[0] == 404


@pytest.mark.parametrize(
    ("query", "count", "states"),
    [
        ("", 1, {"webhook": "sent", "mqtt": "pending"}),  # what was given up
        ("?all=1", 2, {"webhook": "pending", "mqtt": "pending"}),
        ("?target=webhook", 0, {"webhook": "sent", "mqtt": "dead"}),  # was sent already
        ("?target=webhook&all=1", 1, {"webhook": "pending", "mqtt": "dead"}),
    ],
)
def test_redeliver(store: Store, query: str, count: int, states: dict[str, str]) -> None:
    path = f"/v1/events/{event(1).id}"
    assert ask(store, f"{path}/redeliver{query}", "POST") == (200, {"event": event(1).id, "redelivered": count})
    after = {one["target"]: one["state"] for one in ask(store, path)[1]["deliveries"]}
    assert after == states


@pytest.mark.parametrize(
    ("query", "options", "status"),
    [
        ("?target=nobody", {}, 404),
        ("?every=1", {}, 400),
        ("", {"json": {"all": True}}, 400),  # a body is not read, so it must not look as if it was
        ("", {"data": b"{"}, 400),
        ("", {"json": {}}, 200),
        ("", {"data": b"x" * 20_000}, 400),
    ],
)
def test_redeliver_wrongly(query: str, options: dict[str, Any], status: int) -> None:
    store = FakeStore([event(1)], [delivery(1, event(1), state="dead")])
    assert ask(store, f"/v1/events/{event(1).id}/redeliver{query}", "POST", **options)[0] == status
