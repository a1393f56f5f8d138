"""The device's clock, set right by the cloud: a field camera without a battery clock begins in 1970 after each reboot."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

log = logging.getLogger("sightline.uplink")

_JUMP_S = 30.0  # the system's clock was set by somebody else


class DeviceClock:
    """The system's time and what the cloud says it is off by; seconds, epoch UTC. Safe from any thread."""

    def __init__(
        self, system: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._system, self._monotonic = system, monotonic
        self._known = (0.0, self._lead())

    @property
    def offset_s(self) -> float:
        """What is added to the system's time; 0 again once somebody has set that."""
        offset, lead = self._known
        return offset if abs(self._lead() - lead) < _JUMP_S else 0.0

    def now(self) -> float:
        """Seconds since 1970, as far as it is known."""
        return self._system() + self.offset_s

    def learn(self, server_time: float) -> None:
        """The cloud's clock shows this, and says that ours is wrong."""
        offset = server_time - self._system()
        self._known = (offset, self._lead())
        log.warning("the clock of this device is %.0f s off; the cloud's time is used", -offset)

    def _lead(self) -> float:
        """Constant as long as nobody sets the system's clock."""
        return self._system() - self._monotonic()
