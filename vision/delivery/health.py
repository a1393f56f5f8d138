"""How a target of the outbox fares: what is wrong, since when, when to try again; one log line for each change.

ok ──failed──> failing ──reached──> ok
ok | failing ──stops──> stopped ──revive──> as before
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from vision.delivery.backoff import full_jitter
from vision.errors import StoreError

_log = logging.getLogger("sightline.outbox")
_OUTAGE = 3  # so many failures in a row are an outage of the receiver, not a mishap of one message
_SILENCE_S = 3600.0  # a receiver may ask for more for one message, not for all


@dataclass(frozen=True, slots=True)
class Pace:
    """How a target is served; seconds. `probe_cap_s`: the longest silence between two tries while a receiver is down."""

    concurrent: int = 4
    deadline_s: float = 20.0
    base_s: float = 1.0
    cap_s: float = 600.0
    probe_cap_s: float = 60.0
    poll_s: float = 5.0
    store_retry_s: float = 2.0


class Health:
    """Of the target `name`; `reason` texts hold no secrets."""

    def __init__(
        self, name: str, pace: Pace, expire_s: float, clock: Callable[[], float], random: Callable[[], float]
    ) -> None:
        self._name, self._pace, self._expire_s, self._clock, self._random = name, pace, expire_s, clock, random
        self._failures, self._since, self._probe_at, self._reason = 0, 0.0, 0.0, ""
        self._stopped: str | None = None
        self._refused: tuple[str, int] | None = None
        self._expired = self._store_down = False

    @property
    def failing(self) -> bool:
        """Whether only probes may go out."""
        return self._failures > 0

    @property
    def stopped(self) -> bool:
        """Whether nothing may go out."""
        return self._stopped is not None

    @property
    def probe_wait_s(self) -> float:
        """Seconds until the next probe may go out."""
        return max(0.0, self._probe_at - self._clock())

    def status(self) -> str:
        """`ok`, or what is wrong."""
        if self._stopped is not None:
            return f"stopped: {self._stopped}"
        if self._failures:
            return f"not reached for {max(0.0, self._clock() - self._since):.0f} s: {self._reason}"
        if self._store_down:
            return "waits for the store"
        if self._refused is not None:
            return f"refused, {self._refused[1]} to the dead letters: {self._refused[0]}"
        return "ok"

    def failed(self, reason: str, after_s: float | None, *, probe: bool) -> None:
        """It was not reached; `after_s` is what it asked for. Not a `probe`: sent before it was known that it fails."""
        self._reason = reason
        if self._failures and not probe:
            return
        if not self._failures:
            self._since = self._clock()
            self._tell(logging.WARNING, "not reached, will go on trying: %s", reason)
        self._failures += 1
        wait = full_jitter(self._failures, self._random, base_s=self._pace.base_s, cap_s=self._pace.probe_cap_s)
        self._probe_at = self._clock() + max(wait, min(after_s or 0.0, _SILENCE_S))

    def reached(self) -> bool:
        """A message was taken; whether that ends an outage."""
        failures, self._failures, self._refused, self._expired = self._failures, 0, None, False
        if failures:
            self._tell(logging.INFO, "works again after %.0f s", self._clock() - self._since)
        return failures >= _OUTAGE

    def begun(self) -> None:
        """Its sender could be started at last; whether messages go through is not known yet."""
        self._failures = 0

    def refused(self, reason: str) -> None:
        """It was reached, and will not have a message."""
        if self._refused is None:
            self._tell(logging.ERROR, "refused, to the dead letters (`sightline events redeliver`): %s", reason)
        self._refused = (reason, 1 if self._refused is None else self._refused[1] + 1)
        self._failures = 0

    def stops(self, reason: str) -> None:
        """It wants nothing any more."""
        if self._stopped is None:
            self._tell(logging.ERROR, "stopped until the config is loaded anew: %s", reason)
        self._stopped = reason

    def expires(self) -> None:
        """A message could not be sent in time."""
        if not self._expired:
            text = "messages expire that could not be sent for %g s (`sightline events redeliver`)"
            self._tell(logging.ERROR, text, self._expire_s)
        self._expired = True

    def store_failed(self, error: StoreError) -> None:
        """Nothing can be read or written."""
        if not self._store_down:
            self._tell(logging.ERROR, "waits for the store: %s", error)
        self._store_down = True

    def store_works(self) -> None:
        """The store answered."""
        if self._store_down:
            self._tell(logging.INFO, "the store works again")
        self._store_down = False

    def revive(self) -> None:
        """Try now, whatever was before."""
        self._stopped = None
        self.probe_now()

    def probe_now(self) -> None:
        """The next probe need not wait."""
        self._probe_at = min(self._probe_at, self._clock())

    def _tell(self, level: int, text: str, *values: object) -> None:
        _log.log(level, "target %s: " + text, self._name, *values, extra={"target": self._name})
