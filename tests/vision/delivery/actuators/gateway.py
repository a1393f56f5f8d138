"""A gateway in a few lines, at the other end of every kind of wire."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from standardwebhooks.webhooks import Webhook

from tests.peers.mosquitto import Broker
from vision.delivery.actuators.base import Command
from vision.delivery.mqtt_connection import Connection, Incoming, open_connection
from vision.delivery.mqtt_settings import Settings

SECRET = "whsec_UXVpbmNlLUhlZGdlaG9nLTkwLVF1aW5jZS1IZWRnZWhvZy05MA=="


def command(identity: str = "cmd-1", open_s: float = 0.2, **more: Any) -> Command:
    now = time.time()
    values = {
        "target": "valve",
        "issued": now,
        "expires": now + 60,
        "amount": 4.0,
        "unit": "ml",
        "reason": "late_blight",
    }
    return Command(id=identity, open_s=open_s, **(values | more))


@asynccontextmanager
async def http_gateway(answer: Any) -> AsyncIterator[tuple[str, list[tuple[str, dict[str, Any]]]]]:
    """Address and what it was told; `answer` is a status, a JSON value, or a coroutine function of the request."""
    heard: list[tuple[str, dict[str, Any]]] = []

    async def take(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if body:
            Webhook(SECRET).verify(body, dict(request.headers))  # the published library judges the signature
            heard.append((request.method, json.loads(body)))
        if callable(answer):
            made: web.StreamResponse = await answer(request)
            return made
        return web.Response(status=answer) if isinstance(answer, int) else web.json_response(answer)

    app = web.Application()
    app.router.add_route("*", "/valves", take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/valves", heard
    finally:
        await runner.cleanup()


@asynccontextmanager
async def mqtt_gateway(broker: Broker, answer: dict[str, Any] | None) -> AsyncIterator[list[dict[str, Any]]]:
    """What it was told; `answer` is published with the command's id, preceded by words that are not meant for us."""
    heard: list[dict[str, Any]] = []
    queue: asyncio.Queue[Incoming] = asyncio.Queue()
    connection: Connection = await open_connection(Settings(broker.host, broker.port, "gateway"), "5", queue.put_nowait)
    await connection.subscribe(["farm/command"])

    async def work() -> None:
        while True:
            told = json.loads((await queue.get()).payload)
            heard.append(told)
            for payload in (b"not json", b"[]", b'{"id": "another"}'):
                await connection.publish("farm/ack", payload)
            if answer is not None:
                await connection.publish("farm/ack", json.dumps({"id": told["id"], **answer}).encode())

    worker = asyncio.create_task(work())
    try:
        yield heard
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        await connection.close()
