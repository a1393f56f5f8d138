"""Back-pressure: devices are told to wait while the queue is long, for about as long as it takes to become shorter."""

from __future__ import annotations

from collections.abc import Callable

from cloud_adapter.intake.refusals import Refusal
from cloud_adapter.intake.settings import LoadLimits
from cloud_adapter.queue.base import Depth, JobQueue

_LOOK_S = 1.0  # how old the last look at the queue may be
_ALARM_ROOM = 1.25  # alarms and follow-ups are let in beyond the bound, as far as this
_URGENT = 1  # priorities up to this one
_SOON_S, _LATE_S, _UNKNOWN_S = 5.0, 600.0, 60.0


class Pressure:
    """Looks at the queue now and then, and estimates how fast it empties."""

    def __init__(self, queue: JobQueue, load: LoadLimits, now: Callable[[], float]) -> None:
        self._queue = queue
        self._load = load
        self._now = now
        self._depth = Depth(0, 0, 0, 0)
        self._at: float | None = None
        self._put = 0
        self._leaving = 0.0  # jobs per second

    async def check(self, priority: int) -> None:
        """Raises `Refusal` 429 while too much waits; `StoreError` where the queue cannot be reached."""
        if self._at is None or not 0 <= self._now() - self._at < _LOOK_S:
            await self._look()
        room = _ALARM_ROOM if priority <= _URGENT else 1.0
        depth, load = self._depth, self._load
        jobs = (depth.waiting + self._put) / load.waiting_jobs
        if max(jobs, depth.picture_bytes / load.waiting_bytes) >= room:
            told = "the queue is full; send again after Retry-After"
            raise Refusal(429, "queue_full", told, retry_s=self.retry_s(), more={"waiting": depth.waiting})

    def added(self) -> None:
        """One more job is in the queue."""
        self._put += 1

    def retry_s(self) -> float:
        """Seconds until the queue is expected to be a tenth below its bound, 5 to 600; 60 where nothing is known."""
        if self._leaving <= 0:
            return _UNKNOWN_S
        too_many = self._depth.waiting + self._put - 0.9 * self._load.waiting_jobs
        return min(max(too_many / self._leaving, _SOON_S), _LATE_S)

    async def _look(self) -> None:
        before, since, put = self._depth, self._at, self._put
        self._depth = await self._queue.depth()
        now = self._now()
        if since is not None and now > since:
            rate = max(0.0, (before.waiting + put - self._depth.waiting) / (now - since))
            self._leaving = rate if self._leaving == 0 else 0.7 * self._leaving + 0.3 * rate
        self._at, self._put = now, self._put - put
