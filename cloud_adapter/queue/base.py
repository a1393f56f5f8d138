"""The seam: jobs are put once, taken by one worker at a time, and end by `done` or `bury`.

A claim that is neither renewed (`touch`) nor ended within its lease is given to another worker: delivery is at least
once, so whoever works must be able to see what was done already (`cloud_adapter.worker`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cloud_adapter.records import Job
from vision.errors import OutsideError

# A job that this version cannot read is no reason to lose it: a newer worker may be there soon.
UNREADABLE = "job {}: written by another version of Sightline, put aside for now; update this worker"
UNREADABLE_S = 300.0


class MissingPictureError(OutsideError):
    """The picture of a job is not there any more; asking again does not help."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in a worker's hand; `tries` counts this one, `handle` is the queue's own."""

    job: Job
    tries: int
    handle: Any


@dataclass(frozen=True, slots=True)
class Buried:
    """A job that ended in the dead letter; `at` epoch seconds."""

    job: Job
    reason: str
    tries: int
    at: float


@dataclass(frozen=True, slots=True)
class Depth:
    """How much waits: ready or delayed jobs, jobs in workers' hands, dead ones, and bytes of pictures of the first two.

    Pictures of ended jobs do not count: they make room by themselves (`tidy`).
    """

    waiting: int
    taken: int
    dead: int
    picture_bytes: int


class JobQueue(Protocol):
    """Where jobs wait. All calls may raise `StoreError`: the queue cannot be reached; the call may be repeated.

    `max_tries`: a claim with more tries than that comes from workers that were killed over it: whoever takes it buries it.
    `lease_s`: seconds after which a job whose claim was not renewed goes to another worker.
    """

    max_tries: int
    lease_s: float

    async def put(self, job: Job, picture: bytes | None) -> bool:
        """Keep picture and job durably, in that order; False when the job's id is known already (nothing changes)."""
        ...

    async def picture(self, key: str) -> bytes:
        """A job's picture. Raises `MissingPictureError`."""
        ...

    async def take(self, wait_s: float) -> Claim | None:
        """The next job, smallest priority number first, then oldest; None when none came within `wait_s`."""
        ...

    async def touch(self, claim: Claim) -> None:
        """Still at it: renews the lease."""
        ...

    async def done(self, claim: Claim) -> None:
        """The job has ended well, whoever has it in hand by now."""
        ...

    async def retry(self, claim: Claim, delay_s: float, reason: str) -> None:
        """Give it back, not before `delay_s`; after the queue's `max_tries` it is buried with the reason."""
        ...

    async def hold(self, claim: Claim, until: float, reason: str) -> None:
        """Put it aside until a moment without counting a try (budget, batch run)."""
        ...

    async def bury(self, claim: Claim, reason: str) -> None:
        """Into the dead letter, for a person to look at."""
        ...

    async def dead(self, limit: int = 100) -> Sequence[Buried]:
        """The dead letter, newest first."""
        ...

    async def revive(self, job_id: str) -> bool:
        """From the dead letter back to the end of the queue, with fresh tries."""
        ...

    async def depth(self) -> Depth:
        """How much waits."""
        ...

    async def tidy(self) -> None:
        """Now and then: remove pictures and ids that have had their time, and pictures that belong to no job."""
        ...

    async def close(self) -> None:
        """Let connections go; claims in hand fall back when their lease ends."""
        ...
