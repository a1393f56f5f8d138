"""The seam between the worker, which keeps jobs and money safe, and whoever knows crops and covers.

A diagnoser asks only through `Calls`: there the answer is looked up, the money reserved, the call made and settled. What
it raises besides answers is meant to pass through a diagnoser: the worker knows what to do with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cloud_adapter.providers.base import Question, Reply, VisionBackend
from cloud_adapter.records import Diagnosis, Job, Picture


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply and what it cost this job; `cached`: it was paid for by an earlier job or try, and cost nothing now."""

    reply: Reply
    cost_microusd: int
    cached: bool


class Calls(Protocol):
    """Paid questions, each at most once per picture, prompt and model."""

    async def ask(self, job: Job, backend: VisionBackend, question: Question, pictures: Sequence[Picture]) -> Answer:
        """The answer, from the cache or newly paid.

        Raises `BackendError` with fault `refused`, `malformed` (after a second try) or `bad_request`: asking again does not
        help; a diagnoser may say `review` and keep what it knows, or let it pass: the worker then says `review`, or buries
        the job. `OverBudgetError` and `PostponedError` (of `cloud_adapter.worker.endpoints`) are not for the diagnoser: the
        job comes again, and what was answered already comes from the cache.
        """
        ...


class Diagnoser(Protocol):
    """Looks at one job. May run twice for the same job; keeps no state of its own about it."""

    async def diagnose(self, job: Job, picture: Picture | None, calls: Calls) -> Diagnosis:
        """What is to be seen; `picture` is None for readings alone."""
        ...
