"""Events as they happen: Server-Sent Events that resume where a client left off.

An id is `<milliseconds>-<event id>`, the time at which the agent told of the change. A client that comes back with
`Last-Event-ID` first gets, from the store, every event that changed since, once, as it is by then; around the gap an
event may come twice. A client too slow for its backlog is cut off, and catches up in the same way.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque

from aiohttp import web

from edge_agent.api import query
from edge_agent.api.context import API, Api
from edge_agent.api.events import FILTERS
from edge_agent.api.problems import Problem
from edge_agent.live.status import Subscription
from vision.delivery.records import EventFilter, StoredEvent
from vision.events import SEVERITIES, Event

_MARGIN_S = 2.0  # from the commit of a change to the moment it is told
_LONGEST_S = 2 * 86400.0  # events that began earlier than this are not looked for when a client comes back
_ID = re.compile(r"([0-9]{1,15})-[0-9A-Za-z]{1,64}", re.ASCII)
_TAKEN = ("camera", "type", "min_severity")
PARAMS = (
    *((name, line) for name, line in FILTERS if name in _TAKEN),
    ("last_event_id", "resume after this id, as the header Last-Event-ID does"),
)


async def events(request: web.Request) -> web.StreamResponse:
    """`event:` is opened, updated, described or closed; `data:` the event in its wire form."""
    query.known(request, ("token", *(name for name, _ in PARAMS)))
    api = request.app[API]
    wanted = query.event_filter(request, api.clock())
    since = _since(request)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    with api.streams.place("sse"):
        subscription = api.view.subscribe()  # before the store is read: nothing falls between
        try:
            await response.prepare(request)
            await api.streams.run(request, _tell(api, response, subscription, wanted, since))
        finally:
            subscription.close()
    return response


class _Backlog:
    """What is still to be sent to one client."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[bytes] = deque()
        self._came = asyncio.Event()

    def put(self, message: bytes) -> None:
        """Keep it for the client. Raises `ConnectionAbortedError` where there is too much already."""
        if len(self._waiting) >= self._most:
            raise ConnectionAbortedError("the client is too slow")
        self._waiting.append(message)
        self._came.set()

    async def get(self) -> bytes:
        """The next one."""
        while not self._waiting:
            self._came.clear()
            await self._came.wait()
        return self._waiting.popleft()


async def _tell(
    api: Api, response: web.StreamResponse, subscription: Subscription, wanted: EventFilter, since: float | None
) -> None:
    """Listen and send until one of the two fails; a client too slow to be sent to must not stop the listening."""
    backlog = _Backlog(api.limits.backlog)
    tasks = {
        asyncio.create_task(_listen(api, subscription, wanted, backlog)),
        asyncio.create_task(_send(api, response, backlog, wanted, since)),
    }
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _listen(api: Api, subscription: Subscription, wanted: EventFilter, backlog: _Backlog) -> None:
    """Take what the agent tells, at once, so that the time in the id is that of the change."""
    while True:
        stage, event = await subscription.get()
        if _fits(event, wanted):
            backlog.put(_message(api.clock(), stage, event))


async def _send(
    api: Api, response: web.StreamResponse, backlog: _Backlog, wanted: EventFilter, since: float | None
) -> None:
    await _write(api, response, b"retry: 3000\n: sightline\n\n")
    if since is not None:
        for stored in await asyncio.to_thread(_changed, api, wanted, since):
            await _write(api, response, _message(stored.changed, _stage(stored, since), stored.event))
    while True:
        try:
            async with asyncio.timeout(api.limits.heartbeat_s):
                message = await backlog.get()
        except TimeoutError:
            message = b": still here\n\n"
        await _write(api, response, message)


async def _write(api: Api, response: web.StreamResponse, message: bytes) -> None:
    async with asyncio.timeout(api.limits.write_s):
        await response.write(message)


def _message(t: float, stage: str, event: Event) -> bytes:
    data = json.dumps(event.to_dict(), ensure_ascii=False, separators=(",", ":"))
    return f"id: {round(t * 1000)}-{event.id}\nevent: {stage}\ndata: {data}\n\n".encode()


def _changed(api: Api, wanted: EventFilter, since: float) -> list[StoredEvent]:
    """Events that changed after `since`, in the order of their changes."""
    early = EventFilter(
        since=since - _LONGEST_S, cameras=wanted.cameras, types=wanted.types, min_severity=wanted.min_severity
    )
    found = api.view.store.events(early, limit=2 * api.limits.events, newest_first=True)
    return sorted((one for one in found if one.changed > since - _MARGIN_S), key=lambda one: one.changed)


def _stage(stored: StoredEvent, since: float) -> str:
    if stored.event.state == "closed":
        return "closed"
    return "opened" if stored.recorded > since else "updated"


def _fits(event: Event, wanted: EventFilter) -> bool:
    return (
        (not wanted.cameras or event.camera in wanted.cameras)
        and (not wanted.types or event.type in wanted.types)
        and (wanted.min_severity is None or SEVERITIES.index(event.severity) >= SEVERITIES.index(wanted.min_severity))
    )


def _since(request: web.Request) -> float | None:
    text = request.headers.get("Last-Event-ID") or request.query.get("last_event_id")
    if not text:
        return None
    found = _ID.fullmatch(text)
    if found is None:
        raise Problem(400, "Last-Event-ID is none that this stream gave", "leave it out to listen from now on")
    return int(found[1]) / 1000
