"""Events out of the store, and sending their alerts again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from edge_agent.api import query, wire
from edge_agent.api.context import API, Api
from edge_agent.api.problems import Problem
from vision.delivery.records import Delivery, StoredEvent

_EXPIRE_S = 86400.0
_GIVEN_UP = ("dead", "expired")
_BODY_S = 5.0
_ID = 64  # characters; an id has 26

FILTERS = (
    ("since", "only events that begin at or after: epoch seconds, ISO 8601, today, or 2h for two hours ago"),
    ("until", "only events that begin before"),
    ("camera", "only of this camera; may be repeated"),
    ("type", "only of this type; may be repeated"),
    ("state", "open or closed"),
    ("min_severity", "info, warning or alert"),
)
LIST = (*FILTERS, ("limit", "how many, 1 to 500; default 50"), ("after", "id of the last event of the page before"))
REDELIVER = (
    ("target", "only to this alert target; may be repeated"),
    ("all", "1: also what was sent already; default 0: what was given up alone"),
)


async def listing(request: web.Request) -> web.Response:
    """Events, newest first; `next`, where there are older ones that fit, is the `after` of the next page."""
    query.known(request, [name for name, _ in LIST])
    api = request.app[API]
    limit = query.whole(request, "limit", 50, 1, api.limits.events) or 50
    wanted = query.event_filter(request, api.clock())
    last = request.query.get("after")
    before = None if last is None else (await _found(api, last))[0]
    found = await asyncio.to_thread(api.view.store.events, wanted, limit=limit + 1, newest_first=True, after=before)
    shown = found[:limit]
    more = shown[-1].event.id if len(found) > limit else None
    return web.json_response({"events": [wire.event(stored) for stored in shown], "next": more})


async def one(request: web.Request) -> web.Response:
    """One event, by its id or the beginning of it, with its deliveries."""
    query.known(request, ())
    api = request.app[API]
    stored, deliveries = await _found(api, request.match_info["id"])
    return web.json_response(wire.event(stored) | {"deliveries": [wire.delivery(each) for each in deliveries]})


async def redeliver(request: web.Request) -> web.Response:
    """Send again what was given up, or everything; the ids stay, so that a receiver knows what it has."""
    query.known(request, [name for name, _ in REDELIVER])
    await _empty(request)
    api = request.app[API]
    targets, everything = query.many(request, "target"), query.flag(request, "all", default=False)
    stored, deliveries = await _found(api, request.match_info["id"])
    names = {each.target for each in deliveries}
    if wrong := [target for target in targets if target not in names]:
        raise Problem(404, f"no delivery to {wrong[0][:60]!r}", f"this event has: {', '.join(sorted(names)) or 'none'}")
    chosen = [
        each.number
        for each in deliveries
        if (not targets or each.target in targets) and each.state in ((*_GIVEN_UP, "sent") if everything else _GIVEN_UP)
    ]
    count = 0
    if chosen:
        now = api.clock()
        count = await asyncio.to_thread(api.view.store.redeliver, chosen, now, now + _EXPIRE_S)
    return web.json_response({"event": stored.event.id, "redelivered": count})


async def _found(api: Api, name: str) -> tuple[StoredEvent, list[Delivery]]:
    if not (name.isascii() and name.isalnum() and len(name) <= _ID):
        raise Problem(404, "no such event", "an id has letters and digits only")

    def ask() -> tuple[StoredEvent, list[Delivery]] | None:
        stored = api.view.store.event(name) or api.view.store.event(name.upper())
        return None if stored is None else (stored, api.view.store.deliveries(event_id=stored.event.id))

    found = await asyncio.to_thread(ask)
    if found is None:
        raise Problem(404, f"no event {name}", "GET /v1/events lists them; of a shortened id there may be several")
    return found


async def _empty(request: web.Request) -> None:
    """These actions take no body; one that says something must not be taken for granted."""
    raw = b""
    if request.body_exists:
        try:
            async with asyncio.timeout(_BODY_S):
                raw = await request.content.read(1024)
        except TimeoutError:
            raise Problem(408, "the body that was announced did not come", "send the request without a body") from None
    try:
        said: Any = json.loads(raw) if raw.strip() else {}
    except ValueError:
        said = raw
    if said != {}:
        raise Problem(400, "this address takes no body", "put parameters into the address, for example ?all=1")
