"""Every refusal is one line of JSON, `{"error": code, "told": text}`: the code for the device, the text for people."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from vision.errors import SightlineError
from vision.wire.headers import MetaError
from vision.wire.signing import ClockSkewError, MalformedSignatureError, SignatureError, WrongDigestError

_log = logging.getLogger("sightline.intake")
_HEADERS = {"Server": "sightline", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
_HTTP = {
    404: ("not_found", "there is nothing at this address; pictures go to PUT /v1/frames/ID"),
    405: ("wrong_method", "this address does not take this method"),
}


class Refusal(Exception):
    """A request that is answered with an error; the text never holds a secret nor what a stranger has sent."""

    def __init__(
        self, status: int, code: str, told: str, *, retry_s: float | None = None, more: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(told)
        self.status = status
        self.code = code
        self.told = told
        self.retry_s = retry_s
        self.more = dict(more or {})

    def response(self, allow: str | None = None) -> web.Response:
        """The refusal as it goes out."""
        headers = dict(_HEADERS)
        if self.retry_s is not None:
            headers["Retry-After"] = str(max(1, round(self.retry_s)))
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Signature, Bearer"
        if allow:
            headers["Allow"] = allow
        return answer(self.status, {"error": self.code, "told": self.told} | self.more, headers)


def answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> web.Response:
    """One line of JSON."""
    text = json.dumps(body, ensure_ascii=False) + "\n"
    return web.Response(status=status, text=text, content_type="application/json", headers=dict(headers or _HEADERS))


def refused(error: Exception) -> Refusal:
    """Any error as a refusal; one that nobody foresaw tells nothing of the inside."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, SignatureError):
        more = {}
        if isinstance(error, ClockSkewError):
            more = {"server_time": round(error.server_time, 3), "window_s": error.window_s}
        bad = isinstance(error, MalformedSignatureError | WrongDigestError)
        return Refusal(400 if bad else 401, error.code, str(error), more=more)
    if isinstance(error, MetaError):
        return Refusal(400, "wrong_meta", str(error))
    if isinstance(error, web.HTTPException):
        code, told = _HTTP.get(error.status, ("http", HTTPStatus(error.status).phrase))
        return Refusal(error.status, code, told)
    if isinstance(error, SightlineError):
        _log.error("nothing can be taken in: %s", error)
        return Refusal(503, "not_now", "nothing can be stored at this moment; send it again later", retry_s=30)
    _log.error("a request failed", exc_info=error)
    return Refusal(500, "broken", "the intake made an error; its log says more", retry_s=60)


def refusals(seen: Callable[[web.Request, Refusal], None]) -> Middleware:
    """A middleware that answers every error as a refusal and tells `seen` of it."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Exception as error:  # whatever it was, the device gets an answer and the log the trace
            if isinstance(error, web.HTTPException) and error.status < 400:
                raise
            refusal = refused(error)
            seen(request, refusal)
            return refusal.response(error.headers.get("Allow") if isinstance(error, web.HTTPException) else None)

    return check
