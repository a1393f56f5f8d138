"""Quality inspection by HTTP: a part is there, a sensor has a reading, how the line stands."""

from __future__ import annotations

import json
from typing import Any, Protocol

from aiohttp import web

from edge_agent.api.context import API
from edge_agent.api.problems import Problem
from vision.errors import InputError

TRIGGER = (("wait", "Wait so many seconds (at most 30) for the verdict; the part needs a name then."),)
_LONGEST_S = 30.0


class Inspecting(Protocol):
    """What is needed of `edge_agent.inspect.live.service.LiveInspection`."""

    async def trigger(self, content: dict[str, Any], wait_s: float) -> dict[str, Any]:
        """A part is there."""

    def reading(self, content: dict[str, Any]) -> None:
        """A sensor has a reading."""

    def status(self) -> dict[str, Any]:
        """How the line stands."""


async def trigger(request: web.Request) -> web.Response:
    """A part is there: `part`, `t`, `order` in a JSON object, all optional."""
    line = _line(request)
    try:
        wait_s = min(max(float(request.query.get("wait", "0")), 0.0), _LONGEST_S)
    except ValueError:
        raise InputError("wait: is no number of seconds") from None
    return web.json_response(await line.trigger(await _content(request), wait_s), status=200 if wait_s else 202)


async def readings(request: web.Request) -> web.Response:
    """One reading, or a list of them: `sensor`, `value` (or `samples`, `rate`), `t`, `unit`, `part`."""
    line, content = _line(request), await _json(request)
    entries = content if isinstance(content, list) else [content]
    for entry in entries:
        if not isinstance(entry, dict):
            raise InputError("a reading is a JSON object: sensor, value, t, unit, part")
        line.reading(entry)
    return web.json_response({"taken": len(entries)}, status=202)


async def status(request: web.Request) -> web.Response:
    """Verdicts so far, outputs, clock skews."""
    return web.json_response(_line(request).status())


def _line(request: web.Request) -> Inspecting:
    found: Inspecting | None = getattr(request.app[API].view, "inspection", None)
    if found is None:
        raise Problem(404, "this agent inspects nothing", "add inspection.live to its config")
    return found


async def _content(request: web.Request) -> dict[str, Any]:
    content = await _json(request)
    if not isinstance(content, dict):
        raise InputError("the body is no JSON object: part, t, order, all optional")
    return content


async def _json(request: web.Request) -> Any:
    body = await request.read()
    try:
        return json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        raise InputError("the body is no JSON") from None
