"""Every address of the interface, in one table: the application, the check of tokens and the description come from it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from edge_agent.api import cameras, events, evidence, inspection, pages, review, stream

_PATTERN = re.compile(r"\{(\w+):[^}]*\}")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# open: anybody. header: Authorization alone. query: also ?token=, for <img> and EventSource. signed: also a signed link.
Access = Literal["open", "header", "query", "signed"]


@dataclass(frozen=True, slots=True)
class Route:
    """One address. `params` are its query parameters with a line each, `gives` its content type."""

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    access: Access
    summary: str
    gives: str = "application/json"
    params: tuple[tuple[str, str], ...] = ()
    head: bool = False

    @property
    def place(self) -> str:
        """The path with plain `{names}`, as in OpenAPI and as aiohttp calls it."""
        return _PATTERN.sub(r"{\1}", self.path)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/", pages.console, "open", "A page to look at cameras and events.", "text/html", head=True),
    Route("GET", "/healthz", pages.healthz, "open", "Whether the agent is alive.", head=True),
    Route("GET", "/readyz", pages.readyz, "open", "Whether it does its work; 503 where not.", head=True),
    Route("GET", "/metrics", pages.metrics, "header", "Figures for Prometheus.", "text/plain"),
    Route("GET", "/v1/openapi.json", pages.openapi, "header", "This description."),
    Route("GET", "/v1/status", pages.status, "header", "How things stand: cameras, outbox, targets."),
    Route("POST", "/v1/reload", pages.reload, "header", "Read the config again; 409 where it is refused."),
    Route("GET", "/v1/cameras", cameras.listing, "header", "All cameras."),
    Route("GET", "/v1/cameras/{name}", cameras.one, "header", "One camera."),
    Route(
        "GET", "/v1/cameras/{name}/snapshot.jpg", cameras.snapshot, "query", "Its newest picture.", "image/jpeg",
        cameras.SNAPSHOT,
    ),
    Route(
        "GET", "/v1/cameras/{name}/stream.mjpeg", cameras.mjpeg, "query", "Its live picture.",
        "multipart/x-mixed-replace", cameras.MJPEG,
    ),
    Route("GET", "/v1/events", events.listing, "header", "Events, newest first.", params=events.LIST),
    Route(
        "GET", "/v1/events/stream", stream.events, "query", "Events as they happen (Server-Sent Events).",
        "text/event-stream", stream.PARAMS,
    ),
    Route("GET", "/v1/events/{id}", events.one, "header", "One event with its deliveries."),
    Route(
        "POST", "/v1/events/{id}/redeliver", events.redeliver, "header",
        "Send its deliveries again, with the same ids.", params=events.REDELIVER,
    ),
    Route("GET", "/v1/inspection", inspection.status, "header", "How the inspected line stands."),
    Route(
        "POST", "/v1/inspection/trigger", inspection.trigger, "header",
        "A part is there (body: part, t, order); 202, or its verdict.", params=inspection.TRIGGER,
    ),
    Route(
        "POST", "/v1/inspection/readings", inspection.readings, "header",
        "Readings of sensors (body: one or a list of sensor, value, t, unit, part).",
    ),
    Route(
        "GET", "/v1/inspection/review", review.listing, "header", "Doubtful parts, for a person to judge.",
        params=review.LIST,
    ),
    Route(
        "GET", "/v1/inspection/review/{id}/picture", review.picture, "query", "The picture of such a part.",
        "application/octet-stream",
    ),
    Route(
        "POST", "/v1/inspection/review/{id}", review.label, "header",
        "What a person says of it (body: label good or bad, by, note).",
    ),
    Route(
        "GET", "/evidence/{path:.+}", evidence.file, "signed", "A picture or clip of an event; takes ranges.",
        "application/octet-stream", evidence.PARAMS, head=True,
    ),
)  # fmt: skip
