"""Paid questions: look the answer up, reserve, ask, settle, and know what each fault means.

| fault | money | what happens |
|---|---|---|
| rate_limited | released | the job waits for Retry-After or a random back-off; not its fault: no try is counted |
| overloaded | released | random back-off; a try is counted, unless the endpoint was known to be in trouble |
| timeout, cut | charged in full, unless the provider said what it took | random back-off, a try is counted |
| malformed | charged | asked once more at once, then `BackendError` (review) |
| refused | charged | `BackendError` (review) |
| quota | released | the endpoint is closed until a person opens it; jobs wait |
| auth | released | the endpoint is closed until a restart; jobs wait |
| bad_request | released | `BackendError` (dead letter) |
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass

from cloud_adapter.budget.base import Reservation
from cloud_adapter.budget.budget import Budget, InFlightError, Kept, Sizes
from cloud_adapter.diagnosis.base import Answer
from cloud_adapter.providers.base import BackendError, Question, Reply, VisionBackend
from cloud_adapter.records import Job, Picture, Usage
from cloud_adapter.worker.diagnoses import Notice
from cloud_adapter.worker.endpoints import Endpoints, PostponedError
from cloud_adapter.worker.settings import WorkerSettings
from vision.delivery.backoff import full_jitter

_log = logging.getLogger("sightline.cloud.worker")
_GRACE_S = 5.0  # a backend keeps its deadline itself; this is for one that does not
_BILLED = frozenset({"timeout", "cut", "malformed", "refused"})  # or may have been


@dataclass(frozen=True, slots=True)
class _Ask:
    """One question of one job, with what is derived from it."""

    job: Job
    tries: int
    backend: VisionBackend
    question: Question
    pictures: tuple[Picture, ...]

    @property
    def shown(self) -> tuple[Picture, ...]:
        return (*(example.picture for example in self.question.examples), *self.pictures)

    @property
    def sizes(self) -> Sizes:
        return [(picture.width, picture.height) for picture in self.shown]

    @property
    def key(self) -> str:
        """The same picture, prompt and model; the prompt's content too, should someone change it under its version."""
        question = self.question
        content = [self.backend.name, question.prompt, question.system, question.text, question.max_tokens]
        content += [question.wire.model_json_schema(), [(e.picture.sha256, e.label) for e in question.examples]]
        content += [picture.sha256 for picture in self.pictures]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def fault_key(self) -> str:
        """Where this job's final refusal is kept: a repeat after a kill must not pay for it again."""
        return hashlib.sha256(f"{self.key} {self.job.id}".encode()).hexdigest()


class PaidCalls:
    """`Calls` of one claim: `tries` is the claim's, for the back-off."""

    def __init__(
        self,
        budget: Budget,
        endpoints: Endpoints,
        settings: WorkerSettings,
        *,
        tries: int,
        tell: Callable[[Notice], Awaitable[None]],
        now: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self._budget, self._endpoints, self._settings, self._tries = budget, endpoints, settings, tries
        self._tell, self._now, self._random = tell, now, random

    async def ask(self, job: Job, backend: VisionBackend, question: Question, pictures: Sequence[Picture]) -> Answer:
        """The answer; see `cloud_adapter.diagnosis.base.Calls`."""
        ask = _Ask(job, self._tries, backend, question, tuple(pictures))
        known = await asyncio.to_thread(self._known, ask)
        if known is not None:
            return known
        try:
            return await self._paid(ask, last=False)
        except BackendError as error:
            if error.fault != "malformed":
                raise
        return await self._paid(ask, last=True)

    def _known(self, ask: _Ask) -> Answer | None:
        document = self._budget.cached(ask.key, ask.fault_key)
        if document is None:
            return None
        kept = json.loads(document)
        if "fault" in kept:
            raise BackendError(kept["fault"], kept["told"])
        value = ask.question.wire.model_validate(kept["value"])
        reply = Reply(
            value, Usage(**kept["usage"]), kept["latency_s"], kept["model"], kept["mode"], kept.get("odds", {})
        )
        self._budget.note_cached(
            job=ask.job.id,
            device=ask.job.device,
            model=ask.backend.name,
            prompt=ask.question.prompt,
            pictures=ask.sizes,
        )
        return Answer(reply, 0, cached=True)

    async def _paid(self, ask: _Ask, *, last: bool) -> Answer:
        name = ask.backend.name
        await asyncio.to_thread(self._endpoints.admit, name)
        try:
            reservation = await asyncio.to_thread(self._reserve, ask)
        except BaseException:
            self._endpoints.left(name)
            raise
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._settings.call_seconds + _GRACE_S):
                reply = await ask.backend.ask(ask.question, ask.pictures, deadline_s=self._settings.call_seconds)
        except BackendError as error:
            raise await self._fault(ask, reservation, error, time.monotonic() - begun, last=last) from None
        except TimeoutError:
            late = BackendError("timeout", f"{name}: no answer within {self._settings.call_seconds:g} s")
            raise await self._fault(ask, reservation, late, time.monotonic() - begun, last=last) from None
        except asyncio.CancelledError:
            self._endpoints.left(name)  # the reservation stays: it is charged when its lease ends
            raise
        except Exception:  # a fault of the backend's own code; the call may have been made
            self._endpoints.left(name)
            await self._settle(ask, reservation, None, time.monotonic() - begun, "failed", None)
            raise
        self._endpoints.answered(name)
        keep = Kept(ask.key, _document(reply))
        cost = await self._settle(ask, reservation, reply.usage, reply.latency_s, "answered", keep)
        return Answer(reply, cost, cached=False)

    def _reserve(self, ask: _Ask) -> Reservation:
        try:
            return self._budget.reserve(
                job=ask.job.id,
                device=ask.job.device,
                model=ask.backend.name,
                prompt=ask.question.prompt,
                worst=ask.backend.worst_case(ask.question, ask.pictures),
                alarm=ask.job.priority == 0,
                pictures=ask.sizes,
            )
        except InFlightError as error:
            raise PostponedError(error.until, str(error), counted=False) from None

    async def _settle(
        self,
        ask: _Ask,
        reservation: Reservation,
        usage: Usage | None,
        latency_s: float,
        outcome: str,
        keep: Kept | None,
    ) -> int:
        def settle() -> int:
            size = sum(len(picture.data) for picture in ask.shown)
            return self._budget.settle(
                reservation, usage, latency_s=latency_s, bytes_up=size, outcome=outcome, keep=keep
            )

        return await asyncio.to_thread(settle)

    async def _fault(
        self, ask: _Ask, reservation: Reservation, error: BackendError, latency_s: float, *, last: bool
    ) -> Exception:
        """Settle or release, note what it says about the endpoint; what is to be raised."""
        fault, name = error.fault, ask.backend.name
        final = fault == "refused" or (fault == "malformed" and last)
        keep = Kept(ask.fault_key, json.dumps({"fault": fault, "told": str(error)})) if final else None
        if fault in _BILLED or error.usage is not None:
            await self._settle(ask, reservation, error.usage, latency_s, fault, keep)
        else:
            await asyncio.to_thread(self._budget.release, reservation)
        if fault in {"malformed", "refused", "bad_request"}:
            self._endpoints.answered(name)
            return error
        if fault in {"quota", "auth"}:
            return await self._closed(ask, error)
        blameless = fault == "rate_limited" or (fault == "overloaded" and self._endpoints.troubled(name))
        failures = self._endpoints.failed(name, error.after_s)
        await self._tell_failing(name, error)
        bounds = {"base_s": self._settings.backoff_seconds, "cap_s": self._settings.backoff_max_seconds}
        wait = full_jitter(max(ask.tries, failures), self._random, **bounds)
        wait = wait if error.after_s is None else error.after_s
        return PostponedError(self._now() + wait, str(error), counted=not blameless)

    async def _closed(self, ask: _Ask, error: BackendError) -> PostponedError:
        name, lasting = ask.backend.name, error.fault == "quota"
        cure = (
            f"top the account up, then: sightline cloud jobs open {name}"
            if lasting
            else "set the right key and restart the worker"
        )
        what = "no money or quota is left" if lasting else "the key is not accepted"
        reason = f"{name}: {what}; its jobs wait; {cure}"
        await asyncio.to_thread(self._endpoints.shut, name, reason, lasting=lasting)
        _log.error("%s (%s)", reason, error)
        now = self._now()
        await self._tell(Notice(f"closed:{name}:{error.fault}:{now:.0f}", "endpoint_closed", "alert", reason, now))
        return PostponedError(now + self._settings.recheck_seconds, reason, counted=False)

    async def _tell_failing(self, name: str, error: BackendError) -> None:
        since, now = self._endpoints.failing_since(name), self._now()
        if since is not None:
            text = f"{name}: no answer for {(now - since) / 60:.0f} minutes ({error}); its jobs wait"
            await self._tell(Notice(f"failing:{name}:{since:.0f}", "endpoint_failing", "warning", text, now))


def _document(reply: Reply) -> str:
    document = asdict(reply) | {"value": reply.value.model_dump(mode="json")}
    return json.dumps(document)
