"""What stands before every route: the name that was called, the token, errors in one form, headers for browsers."""

from __future__ import annotations

import ipaddress
import logging
import time
from collections import Counter
from collections.abc import Mapping
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from edge_agent.api.context import API, Api
from edge_agent.api.problems import Problem, from_http
from edge_agent.api.routes import Access, Handler
from edge_agent.api.token import shown
from vision.errors import InputError, SightlineError

_log = logging.getLogger("sightline.api")
_QUIET_S = 60.0  # of refused requests, one line a minute
_HEADERS = {
    "Server": "sightline",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cache-Control": "no-store",
}


async def headers(_: web.Request, response: web.StreamResponse) -> None:
    """Headers of every answer, streams and files too; a route's own ones win."""
    for name, value in _HEADERS.items():
        if name == "Server" or name not in response.headers:
            response.headers[name] = value


def errors() -> Middleware:
    """A middleware: every error as problem+json; one that nobody foresaw is logged and tells nothing of the inside."""
    quiet = Quiet()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Exception as error:  # noqa: BLE001  # whatever it was, the client gets an answer and the log the trace
            return _answer(request, error, quiet)

    return check


def _answer(request: web.Request, error: Exception, quiet: Quiet) -> web.StreamResponse:
    if isinstance(error, Problem):
        return error.response()
    if isinstance(error, web.HTTPException):
        return from_http(error).response() if error.status >= 400 else error
    if isinstance(error, InputError):
        return Problem(400, str(error), "GET /v1/openapi.json says what each parameter takes").response()
    if isinstance(error, SightlineError):
        return Problem(503, str(error), headers={"Retry-After": "5"}).response()
    resource = request.match_info.route.resource
    where = resource.canonical if resource else ""
    if count := quiet.due(f"{where} {type(error).__name__}"):
        _log.error("a request failed", exc_info=error, extra={"route": where, "count": count})
    return Problem(500, "the agent made an error; its log says more", "report it with the lines of the log").response()


def names(host: str, public_url: str | None) -> frozenset[str] | None:
    """Names that a request may call the agent by; None: any.

    A page of a stranger can make a browser call a loopback address under the stranger's own name (DNS rebinding); so an
    agent that listens on loopback answers to loopback names and to that of `public_url` alone.
    """
    if not _loopback(host):
        return None
    public = urlsplit(public_url).hostname if public_url else None
    return frozenset({"localhost", host.lower()} | ({public} if public else set()))


def host_check(allowed: frozenset[str] | None) -> Middleware:
    """A middleware that refuses requests under other names."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        name = _host_name(request.headers.get(hdrs.HOST, ""))
        if allowed is not None and name not in allowed and not _loopback(name):
            raise Problem(421, "this agent does not answer to that name", "call 127.0.0.1, or set api.public_url to it")
        return await handler(request)

    return check


def token_check(access: Mapping[str, Access]) -> Middleware:
    """A middleware that lets in who shows the token; `access` by the pattern of the route."""
    quiet = Quiet()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        if resource is None:  # no such address, or not with this method: the answer is the same for everybody
            return await handler(request)
        kind = access[resource.canonical]
        api = request.app[API]
        if kind == "open" or shown(request, api.token, query=kind in {"query", "signed"}):
            return await handler(request)
        if kind == "signed" and _signed(request, api):
            response = await handler(request)
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # receivers show it in pages of theirs
            return response
        if count := quiet.due("refused"):
            _log.warning("refused requests without the token", extra={"remote": request.remote, "count": count})
        raise Problem(
            401,
            "the token is missing or wrong",
            "send Authorization: Bearer TOKEN; the token is api.token of the config, else in data_dir/api.token",
            headers={"WWW-Authenticate": "Bearer"},
        )

    return check


class Quiet:
    """Counts what happens again and again, so that it is told once a minute."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()
        self._told: dict[str, float] = {}

    def due(self, what: str) -> int:
        """One more; how many there were if it is to be told now, else 0. `what` is out of a short list."""
        self._count[what] += 1
        now = time.monotonic()
        if now - self._told.get(what, float("-inf")) < _QUIET_S:
            return 0
        self._told[what] = now
        return self._count.pop(what)


def _signed(request: web.Request, api: Api) -> bool:
    if api.link_key is None:
        return False
    from vision.delivery import links

    return links.verify(request.match_info["path"], dict(request.query), api.link_key, api.clock())


def _host_name(host: str) -> str:
    """The name in a Host header, without its port, lower case; empty where it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _loopback(name: str) -> bool:
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
