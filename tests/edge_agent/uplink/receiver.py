"""A receiver that speaks the wire contract and does what a test tells it to; not the intake: that has its own tests."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from vision.wire import signing
from vision.wire.headers import read_meta
from vision.wire.messages import Ack, CaptureRequest

KEY = signing.Key("field-3/k1", "s" * 40)

# What a scripted answer is made of: status, JSON or text, headers; "cut": the connection goes before an answer.
Scripted = tuple[int, Any, dict[str, str]] | str


@dataclass
class Receiver:
    """Every picture by id, in the order of arrival; `script` answers the first requests."""

    clock: Callable[[], float]
    script: list[Scripted] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)
    metas: dict[str, Any] = field(default_factory=dict)
    requests: Sequence[CaptureRequest] = ()
    bodies: int = 0
    asked: int = 0
    url: str = ""

    async def put(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        planned: Scripted | None = self.script.pop(0) if self.script else None
        if planned == "cut":
            await request.content.readany()
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if isinstance(planned, tuple):
            status, body, headers = planned
            text = isinstance(body, str)
            await request.read()
            return (
                web.Response(status=status, text=body, headers=headers)
                if text
                else web.json_response(body, status=status, headers=headers)
            )
        signed = signing.read(request.headers.items())
        signing.check(signed, KEY.secret, method="PUT", target=request.path_qs)
        try:
            signing.check_time(signed, self.clock())
        except signing.ClockSkewError as error:
            return web.json_response(
                {"error": error.code, "told": str(error), "server_time": error.server_time}, status=401
            )
        body = await request.read()
        self.bodies += 1
        signing.check_body(signed, hashlib.sha256(body).digest())
        meta = read_meta(request.headers[signing.META])
        assert meta.frame == request.match_info["id"]
        assert meta.sha256 == hashlib.sha256(body).hexdigest()
        known = self.pictures.get(meta.frame)
        if known is not None and known != body:
            return web.json_response({"error": "conflict", "told": "another picture has this id"}, status=409)
        if known is None:
            self.arrived.append(meta.frame)
            self.pictures[meta.frame], self.metas[meta.frame] = body, meta
        ack = Ack(id=meta.frame, stored="new" if known is None else "known", requests=tuple(self.requests))
        if planned == "lost":  # it is stored, and the answer never arrives
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.json_response(ack.model_dump(mode="json"), status=201 if known is None else 200)

    async def get(self, request: web.Request) -> web.Response:
        signed = signing.read(request.headers.items())
        try:
            signing.check(signed, KEY.secret, method="GET", target=request.path_qs)
            signing.check_time(signed, self.clock())
        except signing.SignatureError as error:
            more = {"server_time": error.server_time} if isinstance(error, signing.ClockSkewError) else {}
            return web.json_response({"error": error.code, "told": str(error)} | more, status=401)
        return web.json_response({"requests": [one.model_dump(mode="json") for one in self.requests]})


@asynccontextmanager
async def receiving(
    clock: Callable[[], float], *, port: int = 0, into: Receiver | None = None
) -> AsyncIterator[Receiver]:
    """A receiver on a free port of 127.0.0.1."""
    receiver = into or Receiver(clock)
    app = web.Application(client_max_size=1 << 24)
    app.router.add_put("/v1/frames/{id}", receiver.put)
    app.router.add_get("/v1/requests", receiver.get)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    sockets: Any = site._server
    receiver.url = f"http://127.0.0.1:{sockets.sockets[0].getsockname()[1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()
        await asyncio.sleep(0)
