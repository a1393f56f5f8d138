"""Which models may be asked now: a circuit breaker each, and a door that only a person opens again.

closed circuit ──failures in a row──> open ──its time is over──> half open: one call
      ^                                 ^                              │
      └──────────── an answer ──────────┼──────────────────────────────┤
                                        └────────── a failure ─────────┘

An empty account (`quota`) closes the door in the database, for all processes and restarts: asking again by itself would only
run up errors. A wrong key (`auth`) closes it in this process: the key comes from its environment, so a restart is the cure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cloud_adapter.worker.diagnoses import Diagnoses
from cloud_adapter.worker.settings import WorkerSettings

LONGEST_S = 600.0
_PROBE_S = 5.0
_FAILING_S = 600.0  # an endpoint that gave no answer for so long is told of


class PostponedError(Exception):
    """The job has to wait until a moment (epoch seconds); `counted`: this was one of its tries."""

    def __init__(self, until: float, reason: str, *, counted: bool) -> None:
        super().__init__(reason)
        self.until, self.reason, self.counted = until, reason, counted


@dataclass(slots=True)
class _Circuit:
    failures: int = 0  # in a row
    since: float = 0.0  # of the first of them
    opened: int = 0  # times in a row
    until: float = 0.0
    probing: bool = False
    shut: str = ""  # why a person is needed


class Endpoints:
    """The doors of all models that one process asks."""

    def __init__(
        self,
        diagnoses: Diagnoses,
        settings: WorkerSettings,
        *,
        now: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self._diagnoses, self._settings, self._now, self._random = diagnoses, settings, now, random
        self._circuits: dict[str, _Circuit] = {}

    def admit(self, model: str) -> None:
        """May this model be asked? Raises `PostponedError`. Each admitted call ends by `answered`, `failed` or `left`."""
        now, circuit = self._now(), self._of(model)
        reason = circuit.shut or self._diagnoses.closed_endpoints().get(model)
        if reason:
            wait = self._settings.recheck_seconds * (1 + self._random() / 4)
            raise PostponedError(now + wait, reason, counted=False)
        if circuit.until > now:
            spread = self._random() * max(_PROBE_S, circuit.until - now) / 2  # not all at the same moment
            raise PostponedError(circuit.until + spread, f"{model} is left alone after failures", counted=False)
        if circuit.opened:
            if circuit.probing:
                raise PostponedError(now + _PROBE_S * (1 + self._random()), f"{model} is being tried", counted=False)
            circuit.probing = True

    def answered(self, model: str) -> None:
        """The endpoint works, whatever it thought of the picture."""
        self._circuits[model] = _Circuit(shut=self._of(model).shut)

    def left(self, model: str) -> None:
        """The admitted call was not made, or says nothing about the endpoint."""
        self._of(model).probing = False

    def failed(self, model: str, after_s: float | None) -> int:
        """The endpoint did not work; how often in a row by now."""
        now, circuit = self._now(), self._of(model)
        circuit.probing = False
        circuit.since = circuit.since or now
        circuit.failures += 1
        if circuit.failures >= self._settings.circuit_failures or circuit.opened:
            wait = min(LONGEST_S, self._settings.circuit_seconds * 2.0 ** min(circuit.opened, 30))
            circuit.until, circuit.opened = max(circuit.until, now + wait), circuit.opened + 1
        if after_s is not None:  # for all jobs, not only for the one that was told
            circuit.until = max(circuit.until, now + after_s)
        return circuit.failures

    def troubled(self, model: str) -> bool:
        """Whether its circuit has opened: a failure now says nothing about the picture."""
        return self._of(model).opened > 0

    def failing_since(self, model: str) -> float | None:
        """When the first of the failures in a row was, if that is so long ago that a person should know."""
        since = self._of(model).since
        return since if since and self._now() - since >= _FAILING_S else None

    def shut(self, model: str, reason: str, *, lasting: bool) -> None:
        """Ask this model no more until a person has done something."""
        if lasting:
            self._diagnoses.close_endpoint(model, reason)
        else:
            self._of(model).shut = reason
        self.left(model)

    def _of(self, model: str) -> _Circuit:
        return self._circuits.setdefault(model, _Circuit())
