"""What comes over bare connections: heads that never end, too many at once, no HTTP at all, bodies that drip."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import resource
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cloud_adapter.intake.app import INTAKE
from cloud_adapter.intake.server import IntakeServer
from cloud_adapter.intake.settings import IntakeSettings
from tests.cloud_adapter.intake.serving import Serving, jpeg, meta_of, served
from tests.conftest import missing
from vision.errors import ConfigError, OutsideError

WAIT_S = 60.0
MANY = 1000


async def connected(s: Serving) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", s.server.port)


def head(s: Serving, frame: str, body: bytes) -> bytes:
    """The head of a signed `PUT`."""
    target = f"/v1/frames/{frame}"
    headers = s.device.signed("PUT", target, body, meta=meta_of(body, frame))
    lines = [f"PUT {target} HTTP/1.1", "Host: h", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()


def refusal(answer: bytes) -> tuple[int, dict[str, Any]]:
    """Status and JSON of a raw answer."""
    top, _, body = answer.partition(b"\r\n\r\n")
    said = json.loads(body)
    assert body.count(b"\n") == 1, "one line"
    assert said.keys() >= {"error", "told"}
    return int(top.split()[1]), said


def test_a_head_that_does_not_come_ends_the_connection(tmp_path: Path) -> None:
    async def use(s: Serving) -> None:
        silent, other = await connected(s)
        dripping, writer = await connected(s)
        writer.write(b"PUT /v1/frames/frame-001 HTTP/1.1\r\nHost: h\r\nX-A: ")
        for reader in (silent, dripping):
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), WAIT_S) == b""
        while s.server.connections:
            await asyncio.sleep(0.01)
        for one in (writer, other):
            one.close()
        assert (await s.put(jpeg())).status == 201

    served(tmp_path, use, settings={"load": {"header_seconds": 1}})


def test_one_connection_too_many_is_told_so(tmp_path: Path) -> None:
    async def use(s: Serving) -> None:
        held = [await connected(s) for _ in range(3)]
        while s.server.connections < 3:
            await asyncio.sleep(0.01)
        reader, writer = await connected(s)
        status, said = refusal(await asyncio.wait_for(reader.read(), WAIT_S))
        assert (status, said["error"]) == (503, "busy")
        for _, one in [*held, (reader, writer)]:
            one.close()
        while s.server.connections:
            await asyncio.sleep(0.01)
        assert (await s.put(jpeg())).status == 201

    served(tmp_path, use, settings={"load": {"connections": 3}})


NO_REQUESTS = [
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",  # TLS to a port without
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET  /v1/frames HTTP/1.1\r\nHost: h\r\n\r\n",
    b"PUT /v1/frames/frame-001 HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
    b"PUT /v1/frames/frame-001 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"PUT /v1/frames/frame-001 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer sec\0ret-key\r\n\r\n",
    b"PUT /v1/frames/frame-001 HTTP/1.1\r\nHost: h\r\nAuthorization : Bearer secret-key\r\n\r\n",
    b"PUT /v1/frames/frame-001 HTTP/1.1\r\nHost: h\r\nX: " + b"secret-key" * 2000 + b"\r\n\r\n",
    b"PUT /v1/frames/" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
    b"POST /v1/frames HTTP/1.1\r\nHost: h\r\nExpect: secret-key\r\nContent-Length: 3\r\n\r\nabc",
]


def test_what_is_no_request_gets_one_line_and_stays_out_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def use(s: Serving) -> None:
        caplog.set_level(logging.DEBUG)
        for sent in NO_REQUESTS:
            reader, writer = await connected(s)
            writer.write(sent)
            status, said = refusal(await asyncio.wait_for(reader.readuntil(b"}\n"), WAIT_S))
            assert 400 <= status < 500, sent
            writer.close()
            for text in (caplog.text, str(said)):
                assert "secret-key" not in text
                assert "ret-key" not in text
        assert not s.queue.jobs

    served(tmp_path, use)


def test_a_body_that_ends_early_or_drips_is_refused(tmp_path: Path) -> None:
    async def use(s: Serving) -> None:
        picture = jpeg()
        reader, writer = await connected(s)
        writer.write(head(s, "frame-001", picture) + picture[:100])  # and no more
        line = await asyncio.wait_for(reader.readuntil(b"}\n"), WAIT_S)
        assert refusal(line)[1]["error"] == "too_slow"
        writer.close()
        reader, writer = await connected(s)
        writer.write(head(s, "frame-001", picture) + picture[:100])
        await writer.drain()
        writer.close()
        while s.app[INTAKE].slots.uploads:
            await asyncio.sleep(0.01)
        assert not s.queue.jobs
        assert (await s.put(picture)).status == 201

    served(tmp_path, use, settings={"load": {"grace_seconds": 1}})


@pytest.mark.slow
def test_a_thousand_slow_uploads_fill_no_more_memory_than_allowed(tmp_path: Path) -> None:
    """Each announces 120 kB and then sends next to nothing: room for 66 of them, the others are asked to come back."""
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 3 * MANY:
        missing(f"needs {3 * MANY} open files: ulimit -n")
    length, room = 120_000, 8_000_000
    load = {"upload_bytes": room, "grace_seconds": 5, "bytes_per_second": 2000, "header_seconds": 300}
    rates = {"requests_burst": 5000, "requests_per_minute": 5000, "bytes_per_minute": 1e12, "bytes_burst": 10**12}

    async def drip(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x")
            await asyncio.sleep(1)

    async def upload(s: Serving, number: int, errors: list[str]) -> None:
        reader, writer = await connected(s)
        writer.write(head(s, f"frame-{number:04d}", b"x" * length))
        dripping = asyncio.create_task(drip(writer))
        errors.append(refusal(await asyncio.wait_for(reader.readuntil(b"}\n"), 5 * WAIT_S))[1]["error"])
        dripping.cancel()
        writer.close()

    async def use(s: Serving) -> None:
        slots = s.app[INTAKE].slots
        errors: list[str] = []
        peaks: list[int] = []

        async def watch() -> None:
            while True:
                peaks.append(slots.reserved)
                await asyncio.sleep(0.02)

        watching = asyncio.create_task(watch())
        await asyncio.gather(*(upload(s, number, errors) for number in range(MANY)))
        watching.cancel()
        assert len(errors) == MANY, "every one of them was answered"
        assert set(errors) == {"busy", "too_slow"}
        assert 0 < max(peaks) <= room
        assert slots.uploads == slots.reserved == 0
        assert not s.queue.jobs
        assert (await s.put(jpeg())).status == 201, "and whoever sends properly comes through"

    pictures = {"max_bytes": 200_000}
    served(tmp_path, use, settings={"load": load, "rates": rates | {"uploads": 100}, "pictures": pictures})


def test_over_tls(tmp_path: Path) -> None:
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    try:
        subprocess.run([*command, "-keyout", key, "-out", chain], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        missing("no openssl to make a certificate with")

    async def use(s: Serving) -> None:
        trusting = ssl.create_default_context(cafile=str(chain))
        trusting.check_hostname = False
        async with s.http.get(f"{s.url}/healthz", ssl=trusting) as response:
            assert response.status == 200
        assert s.url.startswith("https://")

    served(tmp_path, use, settings={"certificate": str(chain), "certificate_key": str(key)})


def test_where_it_cannot_listen_it_says_why(tmp_path: Path) -> None:
    async def use(s: Serving) -> None:
        for wrong, error, told in [
            ({"port": s.server.port}, OutsideError, "another program"),
            ({"host": "192.0.2.1", "port": 0}, OutsideError, "cannot listen"),
            ({"certificate": str(tmp_path / "no.pem"), "certificate_key": "no"}, ConfigError, "cannot be used"),
        ]:
            from aiohttp import web

            with pytest.raises(error, match=told):
                await IntakeServer(web.Application(), IntakeSettings.model_validate(wrong)).start()

    served(tmp_path, use)
