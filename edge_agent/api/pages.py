"""Health, metrics, status, reload, the description of the interface, and the page for people."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from aiohttp import web

from edge_agent.api import console as page
from edge_agent.api import query, wire
from edge_agent.api.context import API
from edge_agent.api.problems import Problem
from edge_agent.api.token import shown
from edge_agent.live.metrics import Exposition
from edge_agent.live.status import AgentView, Reloaded

_RELOADS: set[asyncio.Task[object]] = set()
EXPOSITION: web.AppKey[Exposition] = web.AppKey("exposition", Exposition)


async def console(_: web.Request) -> web.Response:
    """The page; it holds nothing of the agent and asks for the token itself."""
    text, policy = page.built()
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
    return web.Response(text=text, content_type="text/html", headers=headers)


async def healthz(_: web.Request) -> web.Response:
    """Alive: the event loop answers."""
    return web.json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """Ready, or not; what is missing is told to those who show the token."""
    api = request.app[API]
    missing = await asyncio.to_thread(api.view.ready)
    if not missing:
        return web.json_response({"status": "ready"})
    told = {"missing": missing} if shown(request, api.token) else {}
    raise Problem(503, "not ready", "GET /v1/status says what is missing", more=told, headers={"Retry-After": "2"})


async def metrics(request: web.Request) -> web.Response:
    """Figures in the form that the scraper asks for."""
    exposition = request.app[EXPOSITION]
    body, kind = await asyncio.to_thread(exposition.scrape, request.headers.get("Accept", ""))
    return web.Response(body=body, headers={"Content-Type": kind})


async def status(request: web.Request) -> web.Response:
    """How things stand."""
    query.known(request, ())
    api = request.app[API]
    now, missing = await asyncio.to_thread(lambda: (api.view.status(), api.view.ready()))
    return web.json_response(wire.status(now, api.clock(), missing))


async def reload(request: web.Request) -> web.Response:
    """Read the config again and apply what changed; a wrong one is refused and the old one stays."""
    query.known(request, ())
    done = await asyncio.shield(asyncio.ensure_future(_reload(request.app[API].view)))  # goes on without its client
    if not done.ok:
        cause = done.error or "the config was refused"
        raise Problem(409, cause, "correct the config and reload again; the agent goes on with the old one")
    return web.json_response(asdict(done))


async def _reload(view: AgentView) -> Reloaded:
    task = asyncio.current_task()
    if task is not None:
        _RELOADS.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(_RELOADS.discard)
    return await view.reload()


async def openapi(_: web.Request) -> web.Response:
    """OpenAPI 3.1."""
    from edge_agent.api.openapi import document  # reads the table of routes, which reads this module

    return web.json_response(document())
