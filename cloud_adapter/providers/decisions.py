"""A model that is asked typed questions and answers with probabilities; what they mean is in the wire model's marks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from pydantic_ai import BinaryContent
from pydantic_ai.exceptions import AgentRunError, UserError
from pydantic_ai.models.decision import ChoiceAnswer, ChoiceQuestion, DecisionRequest, DecisionResponse
from pydantic_ai.models.openai_decisions import OpenAIDecisionsModel
from pydantic_ai.providers.openai import OpenAIProvider

from cloud_adapter.providers.base import BackendError, Question, Reply
from cloud_adapter.providers.chat import UNREADABLE
from cloud_adapter.providers.families.openai import client
from cloud_adapter.providers.faults import fault_of
from cloud_adapter.providers.registry import Endpoint
from cloud_adapter.providers.tokens import check_limits, worst_case
from cloud_adapter.providers.wire import asked, filled
from cloud_adapter.records import Picture, Usage


class DecisionBackend:
    """See `VisionBackend`. Lives in one event loop."""

    def __init__(self, endpoint: Endpoint, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = endpoint.name
        self._endpoint, self._clock = endpoint, clock
        self._sdk = client(endpoint)
        self._model = OpenAIDecisionsModel(endpoint.entry.model, provider=OpenAIProvider(openai_client=self._sdk))

    async def ask(self, question: Question, pictures: Sequence[Picture], *, deadline_s: float) -> Reply:
        """See `VisionBackend.ask`."""
        check_limits(self.name, self._endpoint.entry, question, pictures)
        begun = self._clock()
        request = _request(question, pictures, self._endpoint.entry.detail)
        try:
            async with asyncio.timeout(deadline_s):
                response = await self._model.decide(request, {})
        except TimeoutError:
            raise BackendError("timeout", f"{self.name}: no answer within {deadline_s:g} s") from None
        except (AgentRunError, UserError, *UNREADABLE) as error:
            raise fault_of(error, name=self.name, key=self._endpoint.key) from None
        odds = _odds(response)
        usage = Usage(response.usage.input_tokens, response.usage.cache_read_tokens, response.usage.output_tokens)
        took = self._clock() - begun
        return Reply(filled(question.wire, odds), usage, took, response.model_name, "typed", odds)

    def worst_case(self, question: Question, pictures: Sequence[Picture]) -> Usage:
        """See `VisionBackend.worst_case`."""
        return worst_case(self._endpoint.entry, question, pictures)

    async def close(self) -> None:
        """See `VisionBackend.close`."""
        await self._sdk.close()


def _request(question: Question, pictures: Sequence[Picture], detail: str | None) -> DecisionRequest:
    lines = [question.system]
    lines += [f"<image {i}> is a reference, known to show: {one.label}" for i, one in enumerate(question.examples, 1)]
    first = len(question.examples) + 1
    lines += [f"<image {i}> is the picture in question." for i in range(first, first + len(pictures))]
    shown = [example.picture for example in question.examples] + list(pictures)
    metadata = None if detail is None else {"detail": detail}
    images = tuple(BinaryContent(one.data, media_type=one.media_type, vendor_metadata=metadata) for one in shown)
    questions = {
        name: ChoiceQuestion(criteria=dict.fromkeys(options), instructions=f"{question.text}\n\nAnswer: {name}")
        for name, options in asked(question.wire).items()
    }
    return DecisionRequest(state="\n".join(lines), questions=dict(questions), images=images)


def _odds(response: DecisionResponse) -> dict[str, dict[str, float]]:
    return {
        name: dict(answer.probabilities)
        for name, answer in response.answers.items()
        if isinstance(answer, ChoiceAnswer)
    }
