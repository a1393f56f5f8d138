"""The application: routes, what stands before them, and what they share."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from edge_agent.api import guard
from edge_agent.api.context import API, Api, Limits
from edge_agent.api.pages import EXPOSITION
from edge_agent.api.routes import ROUTES
from edge_agent.config.models import ApiConfig
from edge_agent.live.metrics import Exposition
from edge_agent.live.status import AgentView


def build_app(
    view: AgentView,
    *,
    token: str,
    link_key: bytes | None,
    evidence: Path,
    config: ApiConfig,
    limits: Limits | None = None,
) -> web.Application:
    """The HTTP interface of the agent behind `view`.

    `token` is what clients must show (`load_token`), `link_key` signs links to evidence (None: there are none),
    `evidence` is the folder that the paths in events count from. Serve it with `ApiServer`.
    """
    api = Api(view, token, link_key, evidence, config, limits or Limits())
    access = {route.place: route.access for route in ROUTES}
    app = web.Application(
        middlewares=[
            guard.errors(),
            guard.host_check(guard.names(config.host, config.public_url)),
            guard.token_check(access),
        ],
        client_max_size=api.limits.body_bytes,
    )
    app[API] = api
    app[EXPOSITION] = Exposition(view)
    app.on_response_prepare.append(guard.headers)
    app.on_shutdown.append(_end_streams)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, route.handler)
        if route.head:
            app.router.add_route("HEAD", route.path, route.handler)
    return app


async def _end_streams(app: web.Application) -> None:
    app[API].streams.close()
