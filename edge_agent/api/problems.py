"""Errors as `application/problem+json` (RFC 9457): what went wrong, why, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web


class Problem(Exception):
    """A request that is answered with an error; the text is for people and never holds a secret."""

    def __init__(
        self,
        status: int,
        cause: str,
        fix: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(cause)
        self.status = status
        self.cause = cause
        self.fix = fix
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    def response(self) -> web.Response:
        """The error as it goes out."""
        body = {"type": "about:blank", "title": HTTPStatus(self.status).phrase, "status": self.status}
        body |= {"detail": self.cause} | ({"fix": self.fix} if self.fix else {}) | self.more
        return web.Response(
            status=self.status,
            text=json.dumps(body, ensure_ascii=False),
            content_type="application/problem+json",
            headers=self.headers,
        )


_FIXES = {
    404: ("there is nothing at this address", "GET /v1/openapi.json lists every address"),
    405: ("this address does not take this method", "GET /v1/openapi.json says which it takes"),
    413: ("the body is too large", "send less than 16 kB"),
    416: ("this part of the file does not exist", "ask for a range within the file"),
}


def from_http(error: web.HTTPException) -> Problem:
    """What the framework raised, in the same form."""
    cause, fix = _FIXES.get(error.status, (HTTPStatus(error.status).phrase, ""))
    kept = {name: error.headers[name] for name in ("Allow", "Content-Range") if name in error.headers}
    return Problem(error.status, cause, fix, headers=kept)
