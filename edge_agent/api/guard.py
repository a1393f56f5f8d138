"""What stands before every route: the name that was called, the token, errors in one form, headers for browsers."""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from edge_agent.api.context import API, Api
from edge_agent.api.problems import Problem, from_http
from edge_agent.api.routes import Access, Handler
from edge_agent.api.token import shown
from vision.errors import SightlineError

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


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error as problem+json; one that nobody foresaw is logged and tells nothing of the inside."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPException as error:
        return from_http(error).response() if error.status >= 400 else error
    except SightlineError as error:
        return Problem(503, str(error), headers={"Retry-After": "5"}).response()
    except Exception:  # noqa: BLE001  # whatever it was, the client gets an answer and the log the trace
        _log.exception("a request failed", extra={"path": request.path})
        return Problem(
            500, "the agent made an error; its log says more", "report it with the lines of the log"
        ).response()


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
    refused = Refused()

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
        refused.note(request)
        raise Problem(
            401,
            "the token is missing or wrong",
            "send Authorization: Bearer TOKEN; the token is api.token of the config, else in data_dir/api.token",
            headers={"WWW-Authenticate": "Bearer"},
        )

    return check


class Refused:
    """Counts requests without a token and says so now and then."""

    def __init__(self) -> None:
        self._count = 0
        self._said = float("-inf")

    def note(self, request: web.Request) -> None:
        """One more."""
        self._count += 1
        now = time.monotonic()
        if now - self._said >= _QUIET_S:
            _log.warning("refused requests without the token", extra={"remote": request.remote, "count": self._count})
            self._said, self._count = now, 0


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
