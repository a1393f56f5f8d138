"""The intake as an application: addresses, what runs beside them, health."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection

from aiohttp import web

from cloud_adapter.database import CloudDatabase
from cloud_adapter.intake.body import wait_with_continue
from cloud_adapter.intake.counters import Counters
from cloud_adapter.intake.decoders import Decoders
from cloud_adapter.intake.devices import Devices
from cloud_adapter.intake.intake import Intake
from cloud_adapter.intake.ledger import Ledger
from cloud_adapter.intake.refusals import Refusal, answer, refusals
from cloud_adapter.intake.settings import IntakeSettings
from cloud_adapter.queue.base import JobQueue
from vision.errors import SightlineError

_log = logging.getLogger("sightline.intake")
_DAY_S = 86_400.0
_TIDY_S = 60.0
INTAKE: web.AppKey[Intake] = web.AppKey("intake", Intake)


def build_intake(
    settings: IntakeSettings,
    *,
    db: CloudDatabase,
    queue: JobQueue,
    devices: Devices,
    profiles: Collection[str],
    now: Callable[[], float] = time.time,
) -> web.Application:
    """The intake behind an address; serve it with `IntakeServer`, count with `app[INTAKE].counters`.

    `profiles`: names of what may be asked about pictures. The caller closes `db` and `queue`, after the application.
    """
    counters = Counters()
    app = web.Application(middlewares=[refusals(_Refused(counters))])
    intake = Intake(settings, queue, Ledger(db), Decoders(settings.pictures), devices, profiles, now, counters)
    app[INTAKE] = intake
    app.cleanup_ctx.append(_beside)
    router, wait = app.router, wait_with_continue
    router.add_route("PUT", "/v1/frames/{id}", intake.put_frame, expect_handler=wait)
    router.add_route("POST", "/v1/frames", intake.post_frame, expect_handler=wait)
    router.add_route("POST", "/v1/readings", intake.post_readings, expect_handler=wait)
    router.add_route("GET", "/v1/requests", intake.get_requests)
    router.add_route("GET", "/healthz", _healthy)
    router.add_route("GET", "/readyz", _ready)
    return app


async def _healthy(_: web.Request) -> web.Response:
    return answer(200, {"status": "ok"})


async def _ready(request: web.Request) -> web.Response:
    """Whether an upload could be taken in at this moment: database, queue and decoder."""
    intake = request.app[INTAKE]
    try:
        await intake.ledger.known("-", "-")
        depth = await intake.queue.depth()
    except SightlineError as error:
        _log.warning("not ready: %s", error)
        raise Refusal(503, "not_ready", "database or queue cannot be reached", retry_s=10) from None
    if not await intake.decoders.ready():
        raise Refusal(503, "not_ready", "no decoder can be started", retry_s=10)
    return answer(200, {"status": "ready", "waiting": depth.waiting, "uploads": intake.slots.uploads})


async def _beside(app: web.Application) -> AsyncIterator[None]:
    intake = app[INTAKE]
    tidying = asyncio.create_task(_tidy(intake))
    yield
    tidying.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await tidying
    await intake.decoders.close()
    intake.ledger.close()


async def _tidy(intake: Intake) -> None:
    while True:
        try:
            await intake.ledger.forget(intake.now(), intake.settings.remember_days * _DAY_S)
        except SightlineError as error:
            _log.warning("old nonces and ids stay for now: %s", error)
        await asyncio.sleep(_TIDY_S)


class _Refused:
    """Counts refusals; tells of the 1st, 10th, 100th … of a kind, so that a flood does not become one of the log."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def __call__(self, request: web.Request, refusal: Refusal) -> None:
        self._counters.refused[refusal.code] += 1
        count = self._counters.refused[refusal.code]
        if str(count).strip("0") == "1":
            extra = {"code": refusal.code, "status": refusal.status, "count": count, "remote": request.remote}
            _log.warning("refused uploads: %s", refusal.code, extra=extra)
