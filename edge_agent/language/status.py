"""What the language model's queue tells of itself, for metrics, API and terminal view."""

from __future__ import annotations

import bisect
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from edge_agent.language.child_state import ChildState
from vision.language.compose import Described

# Upper bounds in seconds of the time from an event to its words.
LATENCY_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0, float("inf"))
_NO_TROUBLE = ("replaced", "ended")
STATES = ("ready", "loading", "unloaded", "server")

ModelState = Literal["ready", "loading", "unloaded", "server"]


@dataclass(frozen=True, slots=True)
class LanguageStatus:
    """The language model and its queue at one moment; counts since the model was configured.

    `state`: of a local model's process; `server`: somebody else's. `outcomes`: questions by what became of them: `answered`,
    a failure of `vision.language.model.Failure`, `replaced` by a newer event, `expired`, `ended`, `error`. `waiting`:
    questions in the queue. `dropped`: fields of answers that were not told, by reason; `contradictions` among them.
    `verdicts`: of answers. `latencies`: upper bound -> answers, from event to words. `last_failure` holds no secret.
    """

    model: str
    state: ModelState = "server"
    waiting: int = 0
    asking: bool = False
    outcomes: Mapping[str, int] = field(default_factory=dict)
    contradictions: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    verdicts: Mapping[str, int] = field(default_factory=dict)
    withheld: int = 0
    latencies: Mapping[float, int] = field(default_factory=dict)
    latency_sum_s: float = 0.0
    rss_bytes: int = 0
    peak_bytes: int = 0
    restarts: int = 0
    unloads: int = 0
    prompt_rate: float | None = None
    answer_rate: float | None = None
    last_failure: str = ""

    @property
    def answered(self) -> int:
        """Questions with an answer."""
        return self.outcomes.get("answered", 0)

    @property
    def troubles(self) -> dict[str, int]:
        """Questions without an answer, by reason; those that a newer event replaced, or the end cut off, are none."""
        return {name: count for name, count in self.outcomes.items() if name not in ("answered", *_NO_TROUBLE)}


def state_of(child: ChildState | None) -> ModelState:
    """Of a local model; None: a server's."""
    if child is None:
        return "server"
    return "ready" if child.loaded else "loading" if child.loading else "unloaded"


class Words:
    """Counts what became of questions; every method from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outcomes: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._verdicts: Counter[str] = Counter()
        self._latencies: Counter[float] = Counter()
        self._contradictions = 0
        self._latency_sum_s = 0.0
        self._last_failure = ""

    @property
    def outcomes(self) -> Counter[str]:
        """Questions by what became of them."""
        with self._lock:
            return Counter(self._outcomes)

    def answered(self, told: Described, latency_s: float) -> None:
        """An answer, `latency_s` seconds after its event was put."""
        with self._lock:
            self._outcomes["answered"] += 1
            self._verdicts[told.verdict] += 1
            self._dropped.update(entry.reason for entry in told.dropped.values())
            self._contradictions += told.contradictions
            self._latencies[LATENCY_BUCKETS[bisect.bisect_left(LATENCY_BUCKETS, latency_s)]] += 1
            self._latency_sum_s += latency_s

    def over(self, kind: str, reason: str) -> None:
        """No answer."""
        with self._lock:
            self._outcomes[kind] += 1
            if kind not in _NO_TROUBLE:
                self._last_failure = reason

    def status(self, model: str, child: ChildState | None, *, waiting: int, asking: bool) -> LanguageStatus:
        """As it is now."""
        with self._lock:
            return LanguageStatus(
                model=model,
                state=state_of(child),
                waiting=waiting,
                asking=asking,
                outcomes=dict(self._outcomes),
                contradictions=self._contradictions,
                dropped=dict(self._dropped),
                verdicts=dict(self._verdicts),
                latencies=dict(self._latencies),
                latency_sum_s=self._latency_sum_s,
                rss_bytes=child.rss_bytes if child else 0,
                peak_bytes=child.peak_bytes if child else 0,
                restarts=child.restarts if child else 0,
                unloads=child.unloads if child else 0,
                prompt_rate=child.prompt_rate if child else None,
                answer_rate=child.answer_rate if child else None,
                last_failure=self._last_failure,
            )
