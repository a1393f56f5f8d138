"""What is known of the model's process, for doctor, metrics and logs."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from vision.language.model import Answer, Failure, NoAnswer

_SMOOTH = 0.2  # weight of the newest speed in the mean
_FEW = 16  # a prompt that was known but for so few tokens says nothing of the speed


@dataclass(frozen=True, slots=True)
class Speed:
    """New tokens of the prompt, the seconds for them, the seconds for the answer; None where not known."""

    read: float | None = None
    prompt_s: float | None = None
    answer_s: float | None = None

    @classmethod
    def of(cls, said: object) -> Speed:
        """From what the child says; anything odd is not known."""
        if not isinstance(said, list) or len(said) != 3:
            return cls()
        return cls(*(float(one) if isinstance(one, int | float) and math.isfinite(one) else None for one in said))


@dataclass(frozen=True, slots=True)
class ChildState:
    """`prompt_rate`, `answer_rate`: tokens per second, a running mean; None before the first answer that tells.

    `restarts`: starts after a process that had ended without being told to. `last_failure` holds no secret.
    """

    loaded: bool
    loading: bool
    pid: int | None
    rss_bytes: int
    peak_bytes: int
    load_s: float
    answers: int
    failures: Mapping[Failure, int]
    restarts: int
    unloads: int
    prompt_rate: float | None
    answer_rate: float | None
    last_failure: str


class Tally:
    """Counts; every method from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: Counter[Failure] = Counter()
        self._answers = 0
        self._last = ""
        self._prompt_rate: float | None = None
        self._answer_rate: float | None = None
        self.load_s = 0.0
        self.restarts = 0
        self.unloads = 0
        self.peak_bytes = 0

    def failed(self, error: NoAnswer) -> None:
        """One more question without an answer."""
        with self._lock:
            self._failures[error.failure] += 1
            self._last = str(error)

    def answered(self, answer: Answer, speed: Speed) -> None:
        """One more answer, and what reading and writing took."""
        with self._lock:
            self._answers += 1
            self._prompt_rate = _mean(self._prompt_rate, speed.read, speed.prompt_s, _FEW)
            self._answer_rate = _mean(self._answer_rate, answer.usage.answer_tokens, speed.answer_s)

    def state(self, *, loaded: bool, loading: bool, pid: int | None, rss_bytes: int) -> ChildState:
        """As it is now."""
        with self._lock:
            return ChildState(
                loaded=loaded,
                loading=loading,
                pid=pid,
                rss_bytes=rss_bytes,
                peak_bytes=self.peak_bytes,
                load_s=self.load_s,
                answers=self._answers,
                failures=dict(self._failures),
                restarts=self.restarts,
                unloads=self.unloads,
                prompt_rate=self._prompt_rate,
                answer_rate=self._answer_rate,
                last_failure=self._last,
            )


def _mean(old: float | None, tokens: float | None, seconds: float | None, few: int = 0) -> float | None:
    if not tokens or not seconds or tokens < few:
        return old
    new = tokens / seconds
    return new if old is None else old + _SMOOTH * (new - old)
