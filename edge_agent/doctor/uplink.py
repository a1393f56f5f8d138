"""The way up to the cloud: is the intake there, does it know this device's key, and are the clocks the same?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from edge_agent.config import Config
from edge_agent.doctor.base import Finding, Look, Patient, check_each, fail, ok, warn
from edge_agent.uplink.device_clock import DeviceClock
from edge_agent.uplink.settings import UplinkConfig
from edge_agent.uplink.tier import link_of
from vision.errors import SightlineError

_NEAR_S = 60.0  # the intake takes minutes; a clock that is off by more than this is going wrong


@check_each("uplink", order=125)
def uplink(patient: Patient, config: Config) -> Iterable[tuple[str, Look]]:
    """One look where the config has an uplink."""
    settings = config.uplink
    if settings is not None:
        yield "", lambda: _intake(patient, settings)


def _intake(patient: Patient, settings: UplinkConfig) -> Iterable[Finding]:
    clock = DeviceClock()
    try:
        link = link_of(settings, clock)
    except SightlineError as error:
        yield fail(str(error), "set the variable to the key that the cloud showed when the device was added")
        return

    async def probe() -> str:
        try:
            async with asyncio.timeout(patient.left()):
                return await link.probe()
        finally:
            await link.close()

    begun = time.monotonic()
    try:
        trouble = asyncio.run(probe())
    except TimeoutError:
        trouble = "no answer in time"
    if trouble:
        yield fail(trouble, "check uplink.url and uplink.key, and that the intake runs and can be reached from here")
    elif abs(clock.offset_s) > _NEAR_S:
        yield warn(f"reached, but this clock is {-clock.offset_s:.0f} s off the cloud's", "set the clock (chrony, NTP)")
    else:
        yield ok(f"reached, and the key is good ({(time.monotonic() - begun) * 1000:.0f} ms)")
