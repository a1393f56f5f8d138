"""One process that works jobs off; any number of them may run, each may be killed at any moment.

claim -> diagnose (each call: look up, reserve, ask, settle) -> store the diagnosis -> `concluded` -> done

What was done is found again by whoever gets the job next: answers in the cache, the diagnosis under the job's id. So
after a kill nothing is lost and nothing paid twice, but for the one call in flight, which is charged in full when the
lease of its reservation ends. `concluded` may be called more than once for a job, each time with the same diagnosis.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from cloud_adapter.budget.base import OverBudgetError
from cloud_adapter.budget.budget import Budget
from cloud_adapter.diagnosis.base import Diagnoser
from cloud_adapter.providers.base import BackendError
from cloud_adapter.queue.base import Claim, JobQueue, MissingPictureError
from cloud_adapter.records import Diagnosis, Job, Picture
from cloud_adapter.worker.calls import PaidCalls
from cloud_adapter.worker.diagnoses import Diagnoses, End, Notice
from cloud_adapter.worker.endpoints import Endpoints, PostponedError
from cloud_adapter.worker.settings import WorkerSettings
from vision.delivery.backoff import full_jitter
from vision.errors import SightlineError, StoreError

_log = logging.getLogger("sightline.cloud.worker")
_TAKE_S = 1.0
_RECOVER_S = 30.0
_TIDY_S = 6 * 3600.0
_STORE_PAUSE_S = 30.0  # longest pause between tries while queue or database cannot be reached

Concluded = Callable[[Diagnosis], Awaitable[None]]
Tell = Callable[[Notice], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Around:
    """What the worker does not decide itself: clock, chance, and who is told.

    `concluded` gets each diagnosis before its job is done, maybe again after a kill: it must be idempotent by `job`.
    `told` gets each notice at least once.
    """

    now: Callable[[], float]
    random: Callable[[], float]
    concluded: Concluded
    told: Tell


class Worker:
    """Takes jobs from the queue until it is stopped."""

    def __init__(
        self,
        queue: JobQueue,
        budget: Budget,
        diagnoses: Diagnoses,
        diagnoser: Diagnoser,
        settings: WorkerSettings,
        around: Around,
    ) -> None:
        self._queue, self._budget, self._diagnoses, self._diagnoser = queue, budget, diagnoses, diagnoser
        self._settings, self._around = settings, around
        self._endpoints = Endpoints(diagnoses, settings, now=around.now, random=around.random)
        self._failures = 0  # of taking, in a row
        self.ended = 0  # jobs that this process brought to an end

    async def run(self, stop: asyncio.Event, *, grace_s: float = 20.0) -> None:
        """Work until `stop`; then jobs in hand get `grace_s` seconds, what is left goes back by its lease."""
        slots = asyncio.Semaphore(self._settings.workers)
        tasks: set[asyncio.Task[None]] = set()
        upkeep = asyncio.create_task(self._upkeep())
        over = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                await _first(over, asyncio.create_task(slots.acquire()))
                if stop.is_set():
                    break
                claim = await self._next(over)
                if claim is None:
                    slots.release()
                    continue
                work = asyncio.create_task(self.work(claim))
                tasks.add(work)
                work.add_done_callback(tasks.discard)
                work.add_done_callback(lambda _: slots.release())
            if tasks:
                await asyncio.wait(tasks, timeout=grace_s)
        finally:
            left: list[asyncio.Task[Any]] = [upkeep, over, *tasks]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _next(self, over: asyncio.Task[Any]) -> Claim | None:
        """A job, if one comes soon; while the queue cannot be reached, a pause that grows."""
        try:
            claim = await self._queue.take(_TAKE_S)
        except StoreError as error:
            self._failures += 1
            if self._failures == 1:
                _log.warning("no jobs can be taken: %s", error)
            pause = full_jitter(self._failures, self._around.random, cap_s=_STORE_PAUSE_S)
            await _first(over, asyncio.create_task(asyncio.sleep(pause)))
            return None
        self._failures = 0
        return claim

    async def work(self, claim: Claim) -> None:
        """Bring one claim to its end, or give it back; raises nothing."""
        try:
            async with self._renewed(claim):
                await self._work(claim)
        except PostponedError as error:
            await self._give_back(claim, error)
        except StoreError as error:  # its lease will end
            _log.warning("job %s: %s", claim.job.id, error)
        except Exception as error:  # noqa: BLE001  # whatever it is, it must not take the other jobs down
            _log.exception("job %s failed", claim.job.id)
            await self._give_back(claim, PostponedError(self._later(claim), _told(error), counted=True))

    async def _work(self, claim: Claim) -> None:
        job = claim.job
        end = await asyncio.to_thread(self._diagnoses.end, job.id)
        if end is not None and end.diagnosis is None and claim.tries == 1:  # a person gave it back
            await asyncio.to_thread(self._diagnoses.revived, job.id)
            end = None
        if end is None and claim.tries > self._queue.max_tries:
            times = claim.tries - 1
            return await self._bury(claim, f"its worker was killed or fell silent {times} times")
        if end is None:
            diagnosis = await self._diagnosed(claim)
            if diagnosis is None:
                return None
            end = await asyncio.to_thread(self._diagnoses.keep, diagnosis)
        return await self._finish(claim, end)

    async def _finish(self, claim: Claim, end: End) -> None:
        if end.diagnosis is None:
            await self._queue.bury(claim, end.reason)
        else:
            await self._conclude(claim, end.diagnosis)
            await self._queue.done(claim)
        self.ended += 1

    async def _conclude(self, claim: Claim, diagnosis: Diagnosis) -> None:
        """Tell; where that fails the job stays, its diagnosis is stored and its try does not count."""
        try:
            await self._around.concluded(diagnosis)
        except Exception as error:  # noqa: BLE001  # whoever is told, the job must not be lost by it
            _log.exception("the diagnosis of %s cannot be told", claim.job.id)
            until = self._around.now() + _STORE_PAUSE_S
            raise PostponedError(until, f"cannot be told: {_told(error)}", counted=False) from None

    async def _diagnosed(self, claim: Claim) -> Diagnosis | None:
        """The diagnosis; None where the job was buried. Raises `PostponedError`, `StoreError`."""
        job = claim.job
        around = self._around
        calls = PaidCalls(
            self._budget,
            self._endpoints,
            self._settings,
            tries=claim.tries,
            tell=self._tell,
            now=around.now,
            random=around.random,
        )
        try:
            picture = await self._picture(job)
            async with asyncio.timeout(self._settings.job_seconds):
                return await self._diagnoser.diagnose(job, picture, calls)
        except MissingPictureError as error:
            await self._bury(claim, str(error))
        except BackendError as error:
            if error.fault == "bad_request":
                await self._bury(claim, str(error))
            else:
                return self._plain(job, "review", str(error))
        except OverBudgetError as error:
            return await self._over(claim, error)
        except TimeoutError:
            told = f"not done within {self._settings.job_seconds:g} s"
            raise PostponedError(self._later(claim), told, counted=True) from None
        return None

    async def _picture(self, job: Job) -> Picture | None:
        if job.picture is None:
            return None
        data = await self._queue.picture(job.picture)
        return Picture(data, job.media_type, job.width, job.height, job.picture)

    async def _over(self, claim: Claim, error: OverBudgetError) -> Diagnosis | None:
        """Over a cap: told once for each cap and period; an alarm for itself, and never ended without having been seen."""
        job, now = claim.job, self._around.now()
        alarm = job.priority == 0
        await self._tell(
            Notice(f"over:{error.cap}:{error.until:.0f}", "over_budget", "warning", f"{error}; pictures wait", now)
        )
        if alarm:
            text = f"the alarm {job.id} waits: {error}"
            await self._tell(Notice(f"alarm:{job.id}:{error.until:.0f}", "alarm_held", "alert", text, now, job))
        if self._budget.settings.over == "local" and not alarm:
            return self._plain(job, "held", str(error))
        raise PostponedError(error.until, str(error), counted=False) from None

    def _plain(self, job: Job, outcome: str, reason: str) -> Diagnosis:
        """A diagnosis that says nothing but why."""
        captured = job.meta.captured if job.meta is not None else job.received
        common = {name: getattr(job, name) for name in ("device", "camera", "site", "profile", "readings", "picture")}
        return Diagnosis.model_validate(
            common
            | {"job": job.id, "captured": captured, "decided": self._around.now(), "outcome": outcome}
            | {"label": "unsure", "reasons": (reason,)}
        )

    async def _bury(self, claim: Claim, reason: str) -> None:
        end = await asyncio.to_thread(self._diagnoses.bury, claim.job, reason)
        if end.diagnosis is None:
            text = f"{claim.job.id} went to the dead letter: {reason}"
            await self._tell(Notice(f"buried:{claim.job.id}", "buried", "warning", text, self._around.now(), claim.job))
        await self._finish(claim, end)

    async def _give_back(self, claim: Claim, error: PostponedError) -> None:
        now = self._around.now()
        try:
            if not error.counted:
                await self._queue.hold(claim, max(error.until, now), error.reason)
            elif claim.tries >= self._queue.max_tries:
                await self._bury(claim, error.reason)
            else:
                await self._queue.retry(claim, max(0.0, error.until - now), error.reason)
        except (StoreError, PostponedError) as lost:  # its lease will end
            _log.warning("job %s: %s", claim.job.id, lost)

    def _later(self, claim: Claim) -> float:
        settings = self._settings
        bounds = {"base_s": settings.backoff_seconds, "cap_s": settings.backoff_max_seconds}
        return self._around.now() + full_jitter(claim.tries, self._around.random, **bounds)

    @contextlib.asynccontextmanager
    async def _renewed(self, claim: Claim) -> AsyncIterator[None]:
        """Renews the lease meanwhile."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(self._queue.lease_s / 3)
                with contextlib.suppress(StoreError):
                    await self._queue.touch(claim)

        task = asyncio.create_task(renew())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _tell(self, notice: Notice) -> None:
        if await asyncio.to_thread(self._diagnoses.untold, notice.key):
            _log.warning("%s", notice.text)
            await self._around.told(notice)
            await asyncio.to_thread(self._diagnoses.was_told, notice.key)

    async def _upkeep(self) -> None:
        """Reservations of killed workers, and what has had its time."""
        rounds = 0
        while True:
            try:
                lost = await asyncio.to_thread(self._budget.recover)
                if lost:
                    _log.warning("%d calls of killed workers were charged in full", lost)
                if rounds % round(_TIDY_S / _RECOVER_S) == 0:
                    await self._queue.tidy()
                    await asyncio.to_thread(self._budget.tidy)
            except Exception as error:  # noqa: BLE001  # jobs go on without it
                _log.warning("upkeep: %s", _told(error))
            rounds += 1
            await asyncio.sleep(_RECOVER_S)


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, SightlineError) else f"{type(error).__name__}: {error}"[:300]


async def _first(over: asyncio.Task[Any], other: asyncio.Task[Any]) -> None:
    """Until one of them is done; the other of two is let go unless it is `over`."""
    await asyncio.wait((over, other), return_when=asyncio.FIRST_COMPLETED)
    if not other.done():
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)
