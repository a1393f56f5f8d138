"""Who is let in: tokens, names, headers, errors in one form."""

from __future__ import annotations

import asyncio
import json
import logging
import stat
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from edge_agent.api import load_token
from edge_agent.api.routes import ROUTES
from tests.edge_agent.api.fake_agent import FakeAgent, event
from tests.edge_agent.api.serving import BEARER, TOKEN, serving
from vision.errors import ConfigError, OutsideError, StoreError

EVENT = event(1).id
# route, method, status: without a token / with ?token= / with a wrong one / with the header
MATRIX = [
    ("/", "GET", 200, 200, 200, 200),  # a page that holds nothing
    ("/healthz", "GET", 200, 200, 200, 200),  # for a supervisor, which has no token
    ("/readyz", "GET", 200, 200, 200, 200),
    ("/metrics", "GET", 401, 401, 401, 200),  # a scraper sends headers
    ("/v1/openapi.json", "GET", 401, 401, 401, 200),
    ("/v1/status", "GET", 401, 401, 401, 200),  # an address with a token in it is for pictures and streams alone
    ("/v1/reload", "POST", 401, 401, 401, 200),  # changes something: a page of a stranger must never be able to
    ("/v1/cameras", "GET", 401, 401, 401, 200),
    ("/v1/cameras/yard", "GET", 401, 401, 401, 200),
    ("/v1/cameras/nobody", "GET", 401, 401, 401, 404),  # who has no token learns no names
    ("/v1/cameras/yard/snapshot.jpg", "GET", 401, 200, 401, 200),  # <img>
    ("/v1/cameras/yard/stream.mjpeg", "GET", 401, 200, 401, 200),  # <img>
    ("/v1/events", "GET", 401, 401, 401, 200),
    ("/v1/events/stream", "GET", 401, 200, 401, 200),  # EventSource
    (f"/v1/events/{EVENT}", "GET", 401, 401, 401, 200),
    (f"/v1/events/{EVENT}/redeliver", "POST", 401, 401, 401, 200),
    ("/v1/inspection", "GET", 401, 401, 401, 404),  # the fake agent inspects nothing
    ("/v1/inspection/trigger", "POST", 401, 401, 401, 404),  # rejects parts: a page of a stranger must never be able to
    ("/v1/inspection/readings", "POST", 401, 401, 401, 404),
    ("/v1/inspection/review", "GET", 401, 401, 401, 200),
    (f"/v1/inspection/review/{EVENT}/picture", "GET", 401, 404, 401, 404),  # <img>
    (f"/v1/inspection/review/{EVENT}", "POST", 401, 401, 401, 400),  # no body
    ("/evidence/snapshots/1.jpg", "GET", 401, 200, 401, 200),  # <img>, <video>
    ("/evidence/snapshots/none.jpg", "GET", 401, 404, 401, 404),
    ("/v1/status", "POST", 405, 405, 405, 405),  # the same for everybody
    ("/v1/reload", "GET", 405, 405, 405, 405),
    ("/nowhere", "GET", 404, 404, 404, 404),
]


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots/1.jpg").write_bytes(b"\xff\xd8\xff")
    return tmp_path


def test_matrix(evidence: Path) -> None:
    async def run() -> None:
        async with serving(evidence) as served, aiohttp.ClientSession(served.server.url) as bare:
            for path, method, without, in_address, wrong, in_header in MATRIX:
                ways: list[tuple[int, dict[str, Any]]] = [
                    (without, {}),
                    (in_address, {"params": {"token": TOKEN}}),
                    (wrong, {"params": {"token": TOKEN[:-1]}, "headers": {"Authorization": "Bearer " + TOKEN + "x"}}),
                    (in_header, {"headers": BEARER}),
                ]
                for status, options in ways:
                    async with bare.request(method, path, **options) as answer:
                        assert answer.status == status, (method, path, options)
                        assert TOKEN not in str(answer.headers)
                        if status == 401:
                            assert answer.headers["WWW-Authenticate"] == "Bearer"

    asyncio.run(run())


def test_the_matrix_has_every_route() -> None:
    covered = {(method, path) for path, method, *_ in MATRIX}
    for route in ROUTES:
        path = route.place.replace("{name}", "yard").replace("{id}", EVENT).replace("{path}", "snapshots/1.jpg")
        assert (route.method, path) in covered


@pytest.mark.parametrize(
    "header",
    [
        f"Basic {TOKEN}",  # another scheme
        f"bearer  {TOKEN}\t",  # the scheme in any case, spaces: let in
        "Bearer",  # nothing
        "Bearer \udcff",  # not even text
        f"Bearer {TOKEN.upper()}",
    ],
)
def test_header(header: str) -> None:
    async def run() -> int:
        async with serving() as served, aiohttp.ClientSession(served.server.url) as bare:
            raw = header.encode("utf-8", "surrogateescape").decode("latin-1")
            async with bare.get("v1/status", headers={"Authorization": raw.strip()}) as answer:
                return answer.status

    assert asyncio.run(run()) == (200 if header.startswith("bearer") else 401)


@pytest.mark.parametrize(
    ("config", "host", "status"),
    [
        ({}, "127.0.0.1:8650", 200),
        ({}, "localhost", 200),
        ({}, "LOCALHOST:1", 200),  # names have no case
        ({}, "[::1]:8650", 200),
        ({}, "127.0.0.2", 200),  # the whole network is loopback
        ({}, "evil.example", 421),  # DNS rebinding: the stranger's page keeps the stranger's name
        ({}, "evil.example:8650", 421),
        ({}, "127.0.0.1.evil.example", 421),
        ({}, "localhost.evil.example", 421),
        ({}, "192.0.2.1", 421),  # an address of this machine that nothing listens on
        ({}, "", 421),
        ({}, "[", 421),  # no name at all
        ({"public_url": "https://cams.example/x"}, "cams.example", 200),  # behind a proxy that keeps the name
        ({"public_url": "https://cams.example"}, "evil.example", 421),
        ({"host": "0.0.0.0"}, "anything.example", 200),  # on a network, names are many; the token guards
    ],
)
def test_host_names(config: dict[str, Any], host: str, status: int) -> None:
    async def run() -> int:
        async with serving(**config) as served, served.client.get("/healthz", headers={"Host": host}) as answer:
            return answer.status

    assert asyncio.run(run()) == status


def test_every_answer_has_the_headers_and_errors_have_one_form(evidence: Path) -> None:
    async def run() -> None:
        async with serving(evidence) as served:
            paths = ("/", "/healthz", "/nowhere", "/v1/status?x=1", "/evidence/snapshots/1.jpg", "/v1/events/stream")
            for path in paths:
                async with served.client.get(path) as answer:
                    assert answer.headers["X-Content-Type-Options"] == "nosniff"
                    assert answer.headers["X-Frame-Options"] == "DENY"
                    assert answer.headers["Referrer-Policy"] == "no-referrer"
                    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
                    assert "Access-Control-Allow-Origin" not in answer.headers
                    assert answer.headers["Server"] == "sightline"
                    if answer.status >= 400:
                        assert answer.content_type == "application/problem+json"
                        problem = await answer.json(content_type=None)
                        assert problem["status"] == answer.status
                        assert problem["detail"]
                        assert problem["fix"]

    asyncio.run(run())


class Broken(FakeAgent):
    """Fails in both ways: as the store says it, and as nobody foresaw."""

    def status(self) -> Any:
        raise ValueError("rtsp://user:secret@host")

    def ready(self) -> list[str]:
        raise StoreError("the disk is full; make room")


def test_failures_tell_nothing_of_the_inside(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with serving(agent=Broken()) as served:
            for _ in range(3):
                status, problem = await served.get("/v1/cameras")
                assert status == 500
                assert "secret" not in json.dumps(problem)
            assert (await served.get("/readyz"))[1]["detail"] == "the disk is full; make room"

    with caplog.at_level(logging.ERROR, "sightline.api"):
        asyncio.run(run())
    assert [record.message for record in caplog.records] == ["a request failed"], "once, not thrice"


def test_readyz_names_what_is_missing_to_those_who_know_the_token() -> None:
    async def run() -> None:
        agent = FakeAgent()
        agent.missing = ["camera yard: offline"]
        async with serving(agent=agent) as served, aiohttp.ClientSession(served.server.url) as bare:
            status, problem = await served.get("/readyz")
            assert (status, problem["missing"]) == (503, ["camera yard: offline"])
            async with bare.get("readyz") as answer:
                assert answer.status == 503
                assert "yard" not in await answer.text()

    asyncio.run(run())


def test_token_is_made_once_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    made = load_token(None, folder)
    assert len(made) >= 32
    assert load_token(None, folder) == made
    path = folder / "api.token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)  # somebody restored a backup
    assert load_token(None, folder) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_token("given-in-the-config-1", folder) == "given-in-the-config-1"


@pytest.mark.parametrize(
    "token",
    [
        "short",  # can be guessed
        "x" * 600,  # does not fit into a line
        "with a space in the middle",
        "not-ascii-ключ-12345",
        "line\nbreak-0123456789",
    ],
)
def test_tokens_that_cannot_be_used(token: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"api\.token") as caught:
        load_token(token, tmp_path)
    assert token not in str(caught.value)
    (tmp_path / "api.token").write_text(token, encoding="utf-8")
    with pytest.raises(OutsideError, match="delete the file"):
        load_token(None, tmp_path)


def test_token_file_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutsideError, match=r"api\.token.*writable"):
        load_token(None, tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
