"""A model that answers from a script and keeps its own bill, prices that are easy to add up, a diagnoser that just asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel

from cloud_adapter.diagnosis.base import Calls
from cloud_adapter.providers.base import BackendError, Question, Reply, VisionBackend
from cloud_adapter.records import Diagnosis, Job, Opinion, Picture, Usage


class Seen(BaseModel):
    """The wire model of the tests."""

    label: Literal["healthy", "blight"]


QUESTION = Question(prompt="test@1", system="look", text="healthy or blight?", wire=Seen)
REAL = Usage(input_tokens=300, output_tokens=10)
WORST = Usage(input_tokens=1000, output_tokens=100)


class FlatPrices:
    """Input and output tokens at one micro-dollar each, cached ones for nothing; `free` costs nothing.

    A picture takes one token per 1,000 pixels, with `large` ten.
    """

    def price(self, model: str, usage: Usage, at: float) -> int:
        return 0 if model == "free" else usage.input_tokens - usage.cached_tokens + usage.output_tokens

    def ceiling(self, model: str, usage: Usage, at: float) -> int:
        return self.price(model, usage, at)

    def picture_tokens(self, model: str, width: int, height: int) -> int:
        return width * height // 1000 * (10 if model == "large" else 1)


@dataclass
class ScriptedModel:
    """Answers `healthy`, or what the script says next: an exception to raise, a label, a coroutine function to wait for."""

    name: str = "tiny"
    script: list[object] = field(default_factory=list)
    requests: int = 0
    bill: int = 0

    async def ask(self, question: Question, pictures: Sequence[Picture], *, deadline_s: float) -> Reply:
        self.requests += 1
        step = self.script.pop(0) if self.script else "healthy"
        if callable(step):
            step = await step() or "healthy"
        if isinstance(step, BackendError) and step.usage is not None:
            self.bill += FlatPrices().price(self.name, step.usage, 0)
        if isinstance(step, BaseException):
            raise step
        self.bill += FlatPrices().price(self.name, REAL, 0)
        await asyncio.sleep(0)
        return Reply(Seen.model_validate({"label": step}), REAL, 0.25, f"{self.name}-2026", "native")

    def worst_case(self, question: Question, pictures: Sequence[Picture]) -> Usage:
        return WORST

    async def close(self) -> None: ...


@dataclass
class OneQuestion:
    """A diagnoser that asks its models one after the other and believes the last."""

    backends: Sequence[VisionBackend]
    now: Callable[[], float]
    question: Question = QUESTION

    async def diagnose(self, job: Job, picture: Picture | None, calls: Calls) -> Diagnosis:
        opinions, label = [], "healthy"
        for backend in self.backends if picture is not None else ():
            answer = await calls.ask(job, backend, self.question, [picture] if picture else [])
            label = answer.reply.value.model_dump()["label"]
            opinions.append(
                Opinion(model=backend.name, label=label, cached=answer.cached, cost_microusd=answer.cost_microusd)
            )
        return Diagnosis(
            job=job.id,
            device=job.device,
            camera=job.camera,
            site=job.site,
            profile=job.profile,
            captured=job.received,
            decided=self.now(),
            outcome="diagnosed",
            label=label,
            opinions=tuple(opinions),
            picture=job.picture,
            cost_microusd=sum(opinion.cost_microusd for opinion in opinions),
        )
