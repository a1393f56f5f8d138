"""How long a camera is left alone after a fault: longer with each failure, by chance, so that many do not come at once."""

from __future__ import annotations

from collections.abc import Callable

from vision.delivery.backoff import full_jitter
from vision.media.live.base import Fault

BASE_S = 0.5
FLOOR_S = 0.1
CAP_S = 30.0
# Faults that may be over the moment the camera is back: an agent that waits long would miss what happens then. A server
# that is starting says not_found or other (503) for a while.
QUICK: frozenset[Fault] = frozenset(
    {"refused", "unreachable", "timeout", "stall", "ended", "damaged", "no_device", "not_found", "other"}
)
QUICK_CAP_S = 5.0
# Cameras lock an account after some wrong passwords
AUTH_BASE_S = 8.0
AUTH_FLOOR_S = 4.0
AUTH_CAP_S = 60.0
# After so long online the next fault is a new story
HEALTHY_S = 30.0


class ReconnectWait:
    """Exponential with full jitter, bounded by what kind of fault it was; `chance` gives numbers from 0 to 1."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._failures = 0
        self._worked = False

    def after(self, fault: Fault, online_s: float) -> float:
        """Seconds to wait after this fault, which came after so many seconds online (0: it never was).

        A camera that has worked is not set up wrongly: whatever a relay or a starting server says, it will be back.
        """
        if online_s >= HEALTHY_S:
            self._failures = 0
        self._worked = self._worked or online_s > 0
        self._failures += 1
        if fault == "auth":
            base, cap, floor = AUTH_BASE_S, AUTH_CAP_S, AUTH_FLOOR_S
        else:
            base, cap, floor = BASE_S, QUICK_CAP_S if fault in QUICK or self._worked else CAP_S, FLOOR_S
        return full_jitter(self._failures, self._chance, base_s=base, cap_s=cap, floor_s=floor)
