"""Peers that speak OpenAI's chat completions: a real multimodal server, and one that fails on demand.

with vision_server(shared_data) as address: …          # llama.cpp with the tiny model of the repository
async with FaultServer() as server:                     # in the test's own event loop
    server.then("429 after", "ok")                      # what the next requests get; the last one stays
    …  # talk to server.url
    server.uploads                                      # what came in: bodies, headers, bytes
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from cloud_adapter.providers.settings import ModelEntry
from tests.language_peers import llama_server, tiny_pair

KEY = "sk-test-0123456789abcdef"
USAGE = {
    "prompt_tokens": 900,
    "completion_tokens": 30,
    "total_tokens": 930,
    "prompt_tokens_details": {"cached_tokens": 100},
}


@contextmanager
def vision_server(shared_data: Path, key: str = KEY) -> Iterator[str]:
    """llama.cpp's own server with eyes, on a free port; gives the address, with /v1."""
    model, mmproj = tiny_pair(shared_data)
    with llama_server(model, mmproj, key) as address:
        yield address


def entry(url: str, **more: Any) -> ModelEntry:
    """A catalogue entry for a peer; priced at 1 and 5 dollars a million tokens."""
    source = {"said": "a test", "read": "2026-11-23"}
    price = {"since": "2026-01-01", "input": 1, "cached": "0.1", "output": 5, "source": source}
    values = {
        "family": "server",
        "model": "tiny",
        "base_url": url,
        "key": "${VISION_TEST_KEY}",
        "modes": ["native", "tool", "json"],
        "image_tokens": {"kind": "fixed", "tokens": 1500},
        "prices": [price],
    }
    return ModelEntry.model_validate(values | more)


@dataclass(frozen=True)
class Upload:
    """A request that came in."""

    path: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    size: int

    @property
    def pictures(self) -> int:
        """How many pictures it held."""
        return json.dumps(self.body).count("data:image/")


Answer = Callable[[web.Request, Mapping[str, Any]], Any]


def first_options(body: Mapping[str, Any]) -> dict[str, Any]:
    """An answer that fits: the first option of every field, in whichever form it was asked for."""
    schema = schema_of(body)
    return {name: one["enum"][0] for name, one in schema["properties"].items()}


def schema_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The schema that a request holds its answer to."""
    held = body.get("response_format", {})
    found: dict[str, Any]
    if body.get("tools"):
        found = body["tools"][0]["function"]["parameters"]
    elif held.get("type") == "json_schema":
        found = held["json_schema"]["schema"]
    else:
        system = body["messages"][0]["content"]
        found = json.loads(system[system.index("{") :])
    return found


@dataclass
class FaultServer:
    """The server. `answer` makes the values of a good answer from the request's body."""

    answer: Callable[[Mapping[str, Any]], Mapping[str, Any]] = first_options
    uploads: list[Upload] = field(default_factory=list)
    url: str = ""
    _next: deque[str] = field(default_factory=lambda: deque(["ok"]))
    _runner: web.AppRunner | None = None

    def then(self, *faults: str) -> None:
        """What the next requests get, one after the other; the last one stays. See `_FAULTS`."""
        for fault in faults:
            assert fault == "ok" or fault in _FAULTS, fault
        self._next = deque(faults)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw)
        self.uploads.append(Upload(request.path, body, dict(request.headers), len(raw)))
        fault = self._next.popleft() if len(self._next) > 1 else self._next[0]
        values = dict(self.answer(body)) if fault in {"ok", "fenced", "thinking", "outside"} else {}
        if fault == "ok":
            return completion(body, values)
        made = _FAULTS[fault](request, {**body, "values": values})
        return await made if asyncio.iscoroutine(made) else made


def completion(
    body: Mapping[str, Any], values: Mapping[str, Any] | str, *, finish: str = "stop", **message: Any
) -> web.Response:
    """A chat completion as OpenAI sends it; `values` as text, or in the tool call that was asked for."""
    text = values if isinstance(values, str) else json.dumps(values)
    said: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None, **message}
    if body.get("tools") and not message:
        call = {"id": "call_1", "type": "function", "function": {"name": "answer", "arguments": text}}
        said |= {"content": None, "tool_calls": [call]}
        finish = "tool_calls"
    choice = {"index": 0, "message": said, "finish_reason": finish, "logprobs": None}
    whole = {"id": "c1", "object": "chat.completion", "created": 1_800_000_000, "model": "fault-1", "choices": [choice]}
    return web.json_response({**whole, "usage": USAGE})


def _error(status: int, message: str, code: str | None = None, after: str | None = None, kind: str = "error") -> Answer:
    def answer(request: web.Request, body: Mapping[str, Any]) -> web.Response:
        headers = {} if after is None else {"Retry-After": after}
        error = {"message": message, "type": kind, "param": None, "code": code}
        return web.json_response({"error": error}, status=status, headers=headers)

    return answer


async def _hang(request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
    await asyncio.sleep(3600)
    raise AssertionError


async def _cut(request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _cut_inside(request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "5000"})
    await response.prepare(request)
    await response.write(b'{"id": "c1", "choices": [')
    assert request.transport is not None
    request.transport.abort()
    return response


async def _drip(request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    while True:  # each byte comes in time for any limit between two bytes
        await response.write(b" ")
        await asyncio.sleep(0.02)


async def _flood(request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for _ in range(64):
        await response.write(b" " * 65536)
    return response


def _plain(body: bytes, kind: str = "application/json", status: int = 200) -> Answer:
    return lambda request, asked: web.Response(body=body, content_type=kind, status=status)


def _outside(request: web.Request, body: Mapping[str, Any]) -> web.Response:
    name = next(iter(body["values"]))
    return completion(body, {**body["values"], name: "something else"})


_FAULTS: dict[str, Answer] = {
    "429": _error(429, "Rate limit reached", "rate_limit_exceeded"),
    "429 after": _error(429, "Rate limit reached", "rate_limit_exceeded", "7"),
    "429 after nonsense": _error(429, "Rate limit reached", "rate_limit_exceeded", "soon"),
    "500": _error(500, "The server had an error"),
    "502": _plain(b"<html>Bad gateway</html>", "text/html", 502),
    "503 after": _error(503, "Loading model", None, "3"),
    "504": _plain(b"<html>Gateway time-out</html>", "text/html", 504),
    "529": _error(529, "Overloaded", None, None, "overloaded_error"),
    "hang": _hang,
    "cut": _cut,
    "cut inside": _cut_inside,
    "drip": _drip,
    "flood": _flood,
    "no json": _plain(b"<html>hello</html>", "text/html"),
    "half json": _plain(b'{"id": "c1", "choices": ['),
    "other json": _plain(b'{"status": "fine"}'),
    "null choices": _plain(b'{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":null}'),
    "no choices": _plain(b'{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[]}'),
    "error as 200": _plain(b'{"error": {"message": "upstream failed", "code": 502}}'),
    "list": _plain(b"[1, 2]"),
    "deep": _plain(b"[" * 100_000),
    "malformed": lambda request, body: completion(body, '{"health": "hea'),
    "prose": lambda request, body: completion(body, "The leaf looks healthy to me."),
    "empty": lambda request, body: completion(body, ""),
    "cut off": lambda request, body: completion(body, '{"health": "hea', finish="length"),
    "fenced": lambda request, body: completion(body, "```json\n" + json.dumps(body["values"]) + "\n```"),
    "thinking": lambda request, body: completion(body, "<think>A leaf…</think>\n" + json.dumps(body["values"])),
    "outside": _outside,
    "extra": lambda request, body: completion(body, {**first_options(body), "open_valve": "yes"}),
    "missing": lambda request, body: completion(body, dict(list(first_options(body).items())[1:])),
    "refusal": lambda request, body: completion(body, "", content=None, refusal="I cannot help with that."),
    "filtered": lambda request, body: completion(body, "", finish="content_filter", content=""),
    "filtered 400": _error(400, "Input data may contain inappropriate content.", "data_inspection_failed"),
    "quota": _error(429, "You exceeded your current quota", "insufficient_quota", "20", "insufficient_quota"),
    "quota 402": _error(402, "Insufficient Balance"),
    "arrearage": _error(400, "Access denied, please make sure your account is in good standing.", "Arrearage"),
    "zhipu 1113": _error(429, "您的账户已欠费，请充值后重试。", "1113"),
    "401": _error(401, f"Incorrect API key provided: {KEY}. Find yours …", "invalid_api_key"),
    "403": _error(403, "Forbidden"),
    "404": _error(404, "The model does not exist", "model_not_found"),
    "400": _error(400, "response_format is not supported"),
    "413": _error(413, "Request Entity Too Large"),
    "redirect": lambda request, body: web.Response(status=307, headers={"Location": "/v1/elsewhere"}),
}
