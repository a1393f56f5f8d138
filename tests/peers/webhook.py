"""A real receiver of webhooks: an HTTP server in a thread of its own that judges what it gets with published libraries.

    with Receiver(secret="whsec_…") as receiver:
        …  # send to receiver.url
        receiver.wait(3)
        receiver.fail("500")        # and other kinds, see `Fault`
        receiver.heal()

Signatures are verified by `standardwebhooks`, bodies are parsed by `cloudevents`; what does not pass is answered 401 or 400
and kept in `rejected`. All methods are safe from any thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import web
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

Fault = Literal[
    "down", "500", "429", "503", "410", "404", "400", "hang", "redirect", "drop", "lost answer", "half answer", "slow"
]
_STATUS: dict[str, int] = {"500": 500, "429": 429, "503": 503, "410": 410, "404": 404, "400": 400}


@dataclass(frozen=True)
class Received:
    """A message that was taken (answered 204, or with `lost answer` taken without one).

    `id` is the `webhook-id`; `at` is the monotonic moment, `wall` epoch seconds; `event` is `data["event"]`.
    """

    id: str
    type: str
    stage: str
    subject: str
    source: str
    data: Mapping[str, Any]
    headers: Mapping[str, str]
    size: int
    at: float
    wall: float

    @property
    def event(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.data["event"]
        return found


@dataclass(frozen=True)
class _Mood:
    fault: Fault | None = None
    left: int | None = None  # so many requests fail, then all is well; None: until healed
    retry_after: str | None = None
    location: str = "/elsewhere"
    seconds: float = 0.5


@dataclass
class _Log:
    taken: list[Received] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    requests: list[tuple[float, str]] = field(default_factory=list)  # moment, webhook-id
    others: list[str] = field(default_factory=list)  # "GET /elsewhere": requests that are no webhook


class Receiver:
    """The server; `secret` as the sender has it, bytes for a key that is no base64, None: signatures are not asked for."""

    def __init__(
        self,
        secret: str | bytes | None = None,
        *,
        port: int = 0,
        path: str = "/hook",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._verifier = None if secret is None else Webhook(secret)
        self._path, self._tls = path, tls
        self._log, self._mood = _Log(), _Mood()
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="webhook-receiver", daemon=True)
        self._runner: web.AppRunner | None = None
        self._door: socket.socket | None = None
        self._released = asyncio.Event()
        self.port = port

    # -- life

    def start(self) -> Self:
        self._thread.start()
        self._call(self._open())
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._call(self._shut())
            self._call(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
        if not self._loop.is_closed() and not self._loop.is_running():
            self._loop.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self.port}{self._path}"

    # -- moods

    def fail(
        self,
        fault: Fault,
        *,
        times: int | None = None,
        retry_after: str | None = None,
        location: str = "/elsewhere",
        seconds: float = 0.5,
    ) -> None:
        """Behave badly from now on, or for so many requests.

        `down`: the port is closed and connections are cut. `hang`: no answer until healed. `redirect`: 307 to `location`.
        `drop`: the connection is cut before an answer, the message is not taken; `lost answer`: the same, but it is
        taken. `half answer`: taken, and cut within the body of a 200. `slow`: taken, answered after `seconds`.
        """
        if fault == "down":
            self._call(self._shut())
        with self._changed:
            self._mood = _Mood(fault, times, retry_after, location, seconds)

    def heal(self) -> None:
        """All is well from now on."""
        with self._changed:
            self._mood = _Mood()
        self._call(self._open())

    # -- what came

    @property
    def requests(self) -> int:
        """POSTs to the hook, whatever became of them."""
        with self._changed:
            return len(self._log.requests)

    @property
    def attempts(self) -> list[tuple[float, str]]:
        """(monotonic moment, webhook-id) of each POST to the hook."""
        with self._changed:
            return list(self._log.requests)

    @property
    def others(self) -> list[str]:
        """Requests that were no POST to the hook."""
        with self._changed:
            return list(self._log.others)

    @property
    def rejected(self) -> list[str]:
        """Why messages were not taken: a wrong signature, no CloudEvent."""
        with self._changed:
            return list(self._log.rejected)

    @property
    def taken(self) -> list[Received]:
        """Every message that was taken, repetitions too, in order."""
        with self._changed:
            return list(self._log.taken)

    @property
    def messages(self) -> list[Received]:
        """The messages that were taken, by `webhook-id` only the first, in order: what a careful receiver acts on."""
        return list({m.id: m for m in reversed(self.taken)}.values())[::-1]

    def of(self, subject: str) -> list[Received]:
        """The messages about one event, in order."""
        return [message for message in self.messages if message.subject == subject]

    def doubled(self) -> dict[tuple[str, str], set[str]]:
        """(subject, stage) that came under more than one id, with the ids; merged messages of one subject may be many."""
        ids: dict[tuple[str, str], set[str]] = {}
        for message in self.taken:
            if message.stage != "merged":
                ids.setdefault((message.subject, message.stage), set()).add(message.id)
        return {key: found for key, found in ids.items() if len(found) > 1}

    def clear(self) -> None:
        """Forget what came."""
        with self._changed:
            self._log = _Log()

    def wait(self, count: int, timeout: float = 20.0) -> list[Received]:
        """The messages, once there are so many different ones. Raises AssertionError when that takes too long."""
        self.until(lambda: len(self.messages) >= count, timeout, f"{count} messages")
        return self.messages

    def until(self, met: Callable[[], bool], timeout: float = 20.0, what: str = "that") -> None:
        """Wait for anything that a request changes. Raises AssertionError when it takes too long."""
        end = time.monotonic() + timeout
        with self._changed:
            while not met():
                left = end - time.monotonic()
                assert left > 0, f"waited {timeout:g} s for {what}; got {len(self.messages)}, {self.requests} requests"
                self._changed.wait(min(left, 0.25))

    # -- inside, in the server's loop

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _call(self, work: Awaitable[None]) -> None:
        async def awaited() -> None:
            await work

        asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(20)

    async def _open(self) -> None:
        self._released.set()  # whoever hangs may go
        self._released = asyncio.Event()
        if self._runner is not None:
            return
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post(self._path, self._hook)
        app.router.add_route("*", "/{anything:.*}", self._other)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        self._door = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = int(self._door.getsockname()[1])  # the same one after `down`
        await web.SockSite(self._runner, self._door, ssl_context=self._tls).start()

    async def _shut(self) -> None:
        runner, self._runner = self._runner, None
        self._released.set()
        if runner is not None:
            assert self._door is not None
            self._loop.remove_reader(self._door)
            await asyncio.sleep(0.02)  # who was let in at the last moment becomes known, and is closed too
            await runner.cleanup()
            await asyncio.sleep(0.01)  # what was cut is closed in the loop's next turns

    async def _end(self) -> None:
        """Nothing may be left in the loop."""
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0)

    async def _other(self, request: web.Request) -> web.Response:
        with self._changed:
            self._log.others.append(f"{request.method} {request.path}")
            self._changed.notify_all()
        return web.Response(status=404)

    def _next_mood(self) -> _Mood:
        mood = self._mood
        if mood.left is not None:
            left = mood.left - 1
            self._mood = (
                _Mood() if left <= 0 else _Mood(mood.fault, left, mood.retry_after, mood.location, mood.seconds)
            )
        return mood

    async def _hook(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        with self._changed:
            self._log.requests.append((time.monotonic(), request.headers.get("webhook-id", "")))
            mood = self._next_mood()
            self._changed.notify_all()
        if mood.fault in _STATUS:
            headers = {} if mood.retry_after is None else {"Retry-After": mood.retry_after}
            return web.Response(status=_STATUS[mood.fault], headers=headers, text="not now")
        if mood.fault == "redirect":
            return web.Response(status=307, headers={"Location": mood.location})
        if mood.fault == "hang":
            await self._released.wait()
            return web.Response(status=503)
        if mood.fault == "drop":
            _cut(request)
            return web.Response(status=500)
        if mood.fault == "slow":
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._released.wait(), mood.seconds)
        answer = self._judge(request, body)
        if mood.fault == "lost answer":
            _cut(request)
        if mood.fault == "half answer":
            answer = web.StreamResponse(headers={"Content-Length": "1000"})
            await answer.prepare(request)
            await answer.write(b"half an ans")
            _cut(request)
        return answer

    def _judge(self, request: web.Request, body: bytes) -> web.StreamResponse:
        headers = {key.lower(): value for key, value in request.headers.items()}
        try:
            if self._verifier is not None:
                self._verifier.verify(body, headers)
        except WebhookVerificationError as error:
            return self._reject(401, f"signature: {error}")
        try:
            parsed = from_structured_event(HTTPMessage(headers=headers, body=body))
            message = _received(parsed.get_attributes(), parsed.get_data(), headers, len(body))
        except Exception as error:  # noqa: BLE001  # the library raises many kinds, each is a bad message
            return self._reject(400, f"no CloudEvent: {type(error).__name__} {error}")
        if message.id != headers.get("webhook-id"):
            return self._reject(400, f"id {message.id} under webhook-id {headers.get('webhook-id')}")
        with self._changed:
            self._log.taken.append(message)
            self._changed.notify_all()
        return web.Response(status=204)

    def _reject(self, status: int, reason: str) -> web.Response:
        with self._changed:
            self._log.rejected.append(reason)
            self._changed.notify_all()
        return web.Response(status=status, text=reason)


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _received(attributes: Mapping[str, Any], data: Any, headers: Mapping[str, str], size: int) -> Received:
    if not isinstance(data, Mapping) or "event" not in data or "stage" not in data:
        raise ValueError("data without event and stage")
    return Received(
        id=str(attributes["id"]),
        type=str(attributes["type"]),
        stage=str(data["stage"]),
        subject=str(attributes["subject"]),
        source=str(attributes["source"]),
        data=data,
        headers=headers,
        size=size,
        at=time.monotonic(),
        wall=time.time(),
    )
