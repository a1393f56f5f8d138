"""Starting, stopping with clients that hold on, reload, and the description of the interface."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from edge_agent.api import ApiServer
from edge_agent.api.routes import ROUTES
from edge_agent.live.status import Reloaded
from tests.edge_agent.api.fake_agent import FakeAgent, event
from tests.edge_agent.api.serving import BEARER, server, serving, stuck
from vision.errors import OutsideError


def test_stops_within_three_seconds_whoever_holds_on() -> None:
    async def run() -> float:
        agent = FakeAgent()
        agent.padding = 2_000_000
        async with serving(agent=agent) as served:
            port = served.server.port
            streams = [
                await served.client.get(path)
                for path in ("/v1/events/stream", "/v1/cameras/yard/stream.mjpeg?width=64", "/v1/events/stream")
            ]
            async with stuck(port, "/v1/cameras/yard/stream.mjpeg?fps=15"), stuck(port, "/v1/events/stream"):
                async with asyncio.timeout(10):
                    while len(agent.listeners) < 3 or len(agent.asked) < 2:
                        await asyncio.sleep(0.02)
                begun = time.monotonic()
                await served.server.stop()
                took = time.monotonic() - begun
            for stream in streams:
                stream.close()
            assert all(listener.closed for listener in agent.listeners)
            with pytest.raises(OSError, match="onnect"):
                await asyncio.open_connection("127.0.0.1", port)
            assert served.server.port == 0
            await served.server.stop()  # a second time does nothing
            return took

    assert asyncio.run(run()) < 3


@pytest.mark.parametrize(
    ("host", "port", "says"),
    [
        ("127.0.0.1", None, r"api\.port: another program listens on 127\.0\.0\.1:\d+; .*another port"),
        ("192.0.2.1", 0, r"api\.host: cannot listen on 192\.0\.2\.1:0 .*use 127\.0\.0\.1"),  # not of this machine
        ("no.such.host.invalid", 0, r"api\.host: cannot listen"),
        ("x" * 300, 0, r"api\.host: cannot listen"),
    ],
)
def test_address_that_cannot_be_had(host: str, port: int | None, says: str, tmp_path: Path) -> None:
    async def run(port: int) -> None:
        api = server(FakeAgent(), tmp_path)
        with pytest.raises(OutsideError, match=says) as caught:
            await ApiServer(api._app, host, port).start()
        assert "\n" not in str(caught.value)

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        asyncio.run(run(taken.getsockname()[1] if port is None else port))


def test_starts_again_on_the_port_it_left() -> None:
    async def run() -> None:
        async with serving() as served:
            port = served.server.port
            stream = await served.client.get("/v1/events/stream")
        async with serving() as served:
            again = ApiServer(server(FakeAgent(), Path())._app, "127.0.0.1", port)
            await again.start()
            assert again.url == f"http://127.0.0.1:{port}/"
            await again.stop()
        stream.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("done", "status"),
    [
        (Reloaded(ok=True, started=("gate",), restarted=("yard",)), 200),
        (Reloaded(ok=False, error="edge.yaml:12: cameras[0].fsp: unknown key; did you mean fps?"), 409),
        (Reloaded(ok=False), 409),
    ],
)
def test_reload(done: Reloaded, status: int) -> None:
    async def run() -> tuple[int, Any]:
        agent = FakeAgent()
        agent.reloaded = done
        async with serving(agent=agent) as served, served.client.post("/v1/reload") as answer:
            return answer.status, await answer.json(content_type=None)

    got, body = asyncio.run(run())
    assert got == status
    if done.ok:
        assert body == {
            "ok": True, "error": None, "started": ["gate"], "stopped": [], "restarted": ["yard"], "changed": [],
        }  # fmt: skip
    else:
        assert (done.error or "refused") in body["detail"]


def test_the_description_has_every_route_and_says_how_to_get_in() -> None:
    async def run() -> Any:
        async with serving() as served:
            return (await served.get("/v1/openapi.json"))[1]

    document = asyncio.run(run())
    assert document["openapi"].startswith("3.1")
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(route.method, route.place) for route in ROUTES}
    names = set()
    for route in ROUTES:
        operation = document["paths"][route.place][route.method.lower()]
        names.add(operation["operationId"])
        assert ({"bearer": []} in operation["security"]) == (route.access != "open")
        assert ({"query": []} in operation["security"]) == (route.access in {"query", "signed"})
        given = {one["name"] for one in operation["parameters"]}
        assert given >= {name for name, _ in route.params if name != "token"}
        assert all(f"{{{one['name']}}}" in route.place for one in operation["parameters"] if one["in"] == "path")
    assert len(names) == len(ROUTES)
    assert {"Event", "Evidence", "Summary", "Problem"} <= set(document["components"]["schemas"])


def test_long_requests_are_refused() -> None:
    async def run() -> None:
        async with serving() as served:
            for options in ({"params": {"x": "y" * 9000}}, {"headers": {"X-Long": "y" * 9000}}):
                async with served.client.get("/v1/events", **options) as answer:
                    assert answer.status == 400
            assert (await served.get("/healthz"))[0] == 200

    asyncio.run(run())


def test_the_guide_names_every_address(root: Path) -> None:
    text = (root / "docs/api.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(GET|POST) (/[^`]*)` \|", text, re.MULTILINE))
    assert named == {(route.method, route.place) for route in ROUTES}


def test_a_body_that_never_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> bytes:
        async with serving() as served:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.server.port)
            head = f"POST /v1/events/{event(2).id}/redeliver HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
            writer.write(f"{head}Authorization: {BEARER['Authorization']}\r\n\r\n".encode())
            async with asyncio.timeout(5):
                line = await reader.readline()
            writer.close()
            return line

    monkeypatch.setattr("edge_agent.api.events._BODY_S", 0.1)
    assert asyncio.run(run()).startswith(b"HTTP/1.1 408")


def test_a_reload_goes_on_without_the_client_that_asked() -> None:
    class Slow(FakeAgent):
        done = False

        async def reload(self) -> Reloaded:
            await asyncio.sleep(0.3)
            self.done = True
            return self.reloaded

    async def run() -> None:
        agent = Slow()
        async with serving(agent=agent) as served:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await served.client.post("/v1/reload")
            async with asyncio.timeout(5):
                while not agent.done:
                    await asyncio.sleep(0.02)

    asyncio.run(run())


def test_nothing_is_left_of_clients_that_have_gone() -> None:
    async def run() -> tuple[int, int]:
        async with serving() as served:
            before = len(asyncio.all_tasks())
            for _ in range(100):
                streams = [await served.client.get("/v1/events/stream"), await served.client.get(MJPEG)]
                for stream in streams:
                    assert stream.status == 200, "the place of one that has gone is free at once"
                    await stream.content.readany()
                    stream.close()
            async with asyncio.timeout(10):
                while len(asyncio.all_tasks()) > before or not all(one.closed for one in served.agent.listeners):
                    await asyncio.sleep(0.05)
            return before, len(asyncio.all_tasks())

    before, after = asyncio.run(run())
    assert after <= before


MJPEG = "/v1/cameras/yard/stream.mjpeg?fps=15&width=64"
