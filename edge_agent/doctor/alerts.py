"""Every alert target: reached without alerting anybody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from functools import partial

from edge_agent.config import Config
from edge_agent.doctor.base import Finding, Look, Patient, check_each, fail, ok, warn
from edge_agent.doctor.folders import data_folder
from vision.delivery.senders.base import AlertParams, SenderContext, SendError, sender_types, target_names


@check_each("alerts", order=120)
def alerts(patient: Patient, config: Config) -> Iterable[tuple[str, Look]]:
    """One look for each target; a line where there is none."""
    if not config.alerts:
        yield (
            "",
            lambda: [warn("no alert target: events are kept here and told to nobody", "add alerts: to the config")],
        )
    for name, params in zip(target_names(config.alerts), config.alerts, strict=True):
        yield name, partial(_target, patient, config, params)


def _target(patient: Patient, config: Config, params: AlertParams) -> Iterable[Finding]:
    context = SenderContext(evidence=data_folder(patient), clock=time.time, site=config.site)
    sender = sender_types()[params.type](params, context)

    async def probe() -> str:
        try:
            async with asyncio.timeout(patient.left()):
                return await sender.probe()
        finally:
            await sender.close()

    try:
        text = asyncio.run(probe())
    except SendError as error:
        yield fail(str(error), _advice(params))
        return
    except TimeoutError:
        yield fail("no answer in time", _advice(params))
        return
    mended = text.rpartition(": ")[2] if "set secret" in text else ""
    yield warn(text, mended) if mended else ok(text)


def _advice(params: AlertParams) -> str:
    kind = {
        "webhook": "check the address, and that the receiver runs and can be reached from here (curl -v)",
        "mqtt": "check host, port, tls, user and password, and that the broker runs",
    }
    return kind.get(params.type, "check its address and password, and that it can be reached from here")
