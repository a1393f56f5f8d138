"""The description of the interface (OpenAPI 3.1), made from the table of routes."""

from __future__ import annotations

import re
from typing import Any

from edge_agent.api.routes import ROUTES, Route
from vision.events import Event

_PLACE = re.compile(r"\{(\w+)\}")
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "The cause."},
        "fix": {"type": "string", "description": "What to do about it."},
    },
}
_NUMBERS = {"limit": "integer", "width": "integer", "fps": "number", "overlay": "integer", "all": "integer"}


def document() -> dict[str, Any]:
    """The whole description."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.place, {})[route.method.lower()] = _operation(route)
    event = Event.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sightline edge agent",
            "version": "1",
            "description": "Cameras, events and health of one agent. Times are epoch seconds UTC.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "query": {"type": "apiKey", "in": "query", "name": "token"},
            },
            "schemas": {**event.pop("$defs", {}), "Event": event, "Problem": _PROBLEM},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    security: dict[str, list[dict[str, list[str]]]] = {
        "open": [],
        "header": [{"bearer": []}],
        "query": [{"bearer": []}, {"query": []}],
        "signed": [{"bearer": []}, {"query": []}, {}],  # an empty object: without either
    }
    parameters = [_parameter(name, "path", "") for name in _PLACE.findall(route.place)]
    parameters += [_parameter(name, "query", text) for name, text in route.params if name != "token"]
    problem = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    name = _PLACE.sub(r"by_\1", route.place)
    return {
        "summary": route.summary,
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{name}").strip("_"),
        "security": security[route.access],
        "parameters": parameters,
        "responses": {
            "200": {"description": route.summary, "content": {route.gives: {}}},
            "default": {"description": "What went wrong, and what to do.", **problem},
        },
    }


def _parameter(name: str, place: str, text: str) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "in": place, "schema": {"type": _NUMBERS.get(name, "string")}}
    if place == "path":
        found["required"] = True
    return found | ({"description": text} if text else {})
