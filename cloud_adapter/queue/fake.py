# ruff: noqa: D102  # what each method does stands in the seam
"""A queue in memory, for tests and dry runs: what `JobQueue` promises, less durability."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cloud_adapter.queue.base import Buried, Claim, Depth, MissingPictureError
from cloud_adapter.records import Job


@dataclass
class FakeQueue:
    """Jobs in dictionaries; time moves only with `now`. A claim's handle is the id and the end of its lease."""

    now: Callable[[], float]
    max_tries: int = 5
    lease_s: float = 90.0
    pictures: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    due: dict[str, float] = field(default_factory=dict)  # of jobs that have not ended
    taken: dict[str, int] = field(default_factory=dict)  # id -> number of the claim
    tries: dict[str, int] = field(default_factory=dict)
    buried: dict[str, Buried] = field(default_factory=dict)
    claims: int = 0

    async def put(self, job: Job, picture: bytes | None) -> bool:
        if job.id in self.jobs:
            return False
        if picture is not None and job.picture is not None:
            self.pictures[job.picture] = picture
        self.jobs[job.id], self.due[job.id], self.tries[job.id] = job, 0.0, 0
        return True

    async def picture(self, key: str) -> bytes:
        if key not in self.pictures:
            raise MissingPictureError(f"no picture {key}")
        return self.pictures[key]

    async def take(self, wait_s: float) -> Claim | None:
        ready = [id_ for id_, due in self.due.items() if due <= self.now()]
        if not ready:
            return None
        id_ = min(ready, key=lambda i: self.jobs[i].priority)  # of equals the first: dictionaries keep their order
        self.claims += 1
        self.due[id_], self.taken[id_], self.tries[id_] = self.now() + self.lease_s, self.claims, self.tries[id_] + 1
        return Claim(self.jobs[id_], self.tries[id_], self.claims)

    async def touch(self, claim: Claim) -> None:
        if self.taken.get(claim.job.id) == claim.handle:
            self.due[claim.job.id] = self.now() + self.lease_s

    async def done(self, claim: Claim) -> None:
        self.due.pop(claim.job.id, None)
        self.taken.pop(claim.job.id, None)

    async def retry(self, claim: Claim, delay_s: float, reason: str) -> None:
        if claim.tries >= self.max_tries:
            return await self.bury(claim, reason)
        return self._later(claim, self.now() + delay_s, claim.tries)

    async def hold(self, claim: Claim, until: float, reason: str) -> None:
        self._later(claim, until, claim.tries - 1)

    def _later(self, claim: Claim, until: float, tries: int) -> None:
        if self.taken.get(claim.job.id) == claim.handle:
            del self.taken[claim.job.id]
            self.due[claim.job.id], self.tries[claim.job.id] = until, tries

    async def bury(self, claim: Claim, reason: str) -> None:
        if self.taken.get(claim.job.id) == claim.handle:
            await self.done(claim)
            self.buried[claim.job.id] = Buried(claim.job, reason, claim.tries, self.now())

    async def dead(self, limit: int = 100) -> Sequence[Buried]:
        return list(self.buried.values())[::-1][:limit]

    async def revive(self, job_id: str) -> bool:
        if self.buried.pop(job_id, None) is None:
            return False
        self.jobs[job_id] = self.jobs.pop(job_id)  # to the end
        self.due[job_id], self.tries[job_id] = 0.0, 0
        return True

    async def depth(self) -> Depth:
        taken = sum(1 for id_ in self.taken if self.due[id_] > self.now())
        size = sum(len(self.pictures.get(self.jobs[id_].picture or "", b"")) for id_ in self.due)
        return Depth(len(self.due) - taken, taken, len(self.buried), size)

    async def tidy(self) -> None: ...

    async def close(self) -> None: ...
