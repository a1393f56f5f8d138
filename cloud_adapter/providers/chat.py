"""A chat model with eyes, asked through the provider library: one call, held to the wire model, never retried here.

The order of a request never changes: system text, reference pictures with their labels, the question, the picture. All
but the last is the same bytes for a profile, so that the endpoint's prompt cache can keep it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import openai
from pydantic_ai import (
    BinaryContent,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    UserPromptPart,
)
from pydantic_ai.direct import model_request
from pydantic_ai.exceptions import AgentRunError, UserError
from pydantic_ai.messages import CachePoint, UserContent
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from cloud_adapter.providers.answers import UnreadableError, read_answer
from cloud_adapter.providers.base import BackendError, Question, Reply
from cloud_adapter.providers.faults import fault_of
from cloud_adapter.providers.registry import Endpoint
from cloud_adapter.providers.tokens import check_limits, worst_case
from cloud_adapter.records import Picture, Usage

if TYPE_CHECKING:
    from pydantic_ai.usage import RequestUsage

# What an unexpected answer makes the library raise beside its own errors.
UNREADABLE = (openai.OpenAIError, ValueError, TypeError, AttributeError, LookupError, RuntimeError, OSError)
_ANSWER = "answer"
_IN_WORDS = "Answer with one JSON object and nothing else. Its JSON Schema: "


@dataclass(frozen=True, slots=True)
class Spoken:
    """A model of the library that is open, and how to close its connection."""

    model: Model[Any]
    close: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Dialect:
    """What sets a family apart: how it is opened, and what else is sent along."""

    open: Callable[[Endpoint], Spoken]
    settings: Callable[[Endpoint], ModelSettings]
    cache_point: bool = False  # the endpoint wants to be told where the cached prefix ends


class ChatBackend:
    """See `VisionBackend`. Lives in one event loop; several calls at once are fine."""

    def __init__(self, endpoint: Endpoint, dialect: Dialect, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = endpoint.name
        self._endpoint, self._dialect, self._clock = endpoint, dialect, clock
        self._spoken = dialect.open(endpoint)  # now: loading the library is not to eat the first call's deadline

    async def ask(self, question: Question, pictures: Sequence[Picture], *, deadline_s: float) -> Reply:
        """See `VisionBackend.ask`."""
        check_limits(self.name, self._endpoint.entry, question, pictures)
        begun = self._clock()
        request = self._request(question, pictures)
        try:
            async with asyncio.timeout(deadline_s):
                response = await request()
        except TimeoutError:
            raise BackendError("timeout", f"{self.name}: no answer within {deadline_s:g} s") from None
        except (AgentRunError, UserError, *UNREADABLE) as error:
            raise fault_of(error, name=self.name, key=self._endpoint.key) from None
        usage = _usage(response.usage)
        value = read_answer_of(response, question, self.name, usage)
        answered = response.model_name or self._endpoint.entry.model
        return Reply(value, usage, self._clock() - begun, answered, self._endpoint.mode)

    def worst_case(self, question: Question, pictures: Sequence[Picture]) -> Usage:
        """See `VisionBackend.worst_case`."""
        return worst_case(self._endpoint.entry, question, pictures)

    async def close(self) -> None:
        """See `VisionBackend.close`."""
        await self._spoken.close()

    def _request(self, question: Question, pictures: Sequence[Picture]) -> Callable[[], Awaitable[ModelResponse]]:
        """The call, ready to be made: what is wrong on our side shows here, and is no fault of the endpoint."""
        entry = self._endpoint.entry
        settings: dict[str, Any] = {"max_tokens": question.max_tokens + entry.thinking_tokens}
        if entry.temperature is not None:
            settings["temperature"] = entry.temperature
        settings |= dict(self._dialect.settings(self._endpoint))
        parameters = _held(question, self._endpoint.mode)
        messages = [self._message(question, pictures)]
        return partial(
            model_request,
            self._spoken.model,
            messages,
            model_settings=cast("ModelSettings", settings),
            model_request_parameters=parameters,
            instrument=False,
        )

    def _message(self, question: Question, pictures: Sequence[Picture]) -> ModelRequest:
        system = question.system
        if self._endpoint.mode == "json":
            system += "\n\n" + _IN_WORDS + json.dumps(_schema(question), ensure_ascii=False, sort_keys=True)
        detail = self._endpoint.entry.detail
        content: list[UserContent] = []
        for example in question.examples:
            content += [f"Reference picture, known to show: {example.label}", _shown(example.picture, detail)]
        if question.examples and self._dialect.cache_point:
            content.append(CachePoint())
        content.append(question.text)
        content += [_shown(picture, detail) for picture in pictures]
        return ModelRequest(parts=[SystemPromptPart(system), UserPromptPart(content)])


def read_answer_of(response: ModelResponse, question: Question, name: str, usage: Usage) -> Any:
    """The wire model in a response. Raises `BackendError` (`refused`, `malformed`) with what it took."""
    if response.finish_reason == "content_filter":
        raise BackendError("refused", f"{name}: the model would not answer", usage=usage)
    calls = [part for part in response.parts if isinstance(part, ToolCallPart) and part.tool_name == _ANSWER]
    texts = [part.content for part in response.parts if isinstance(part, TextPart)]
    try:
        return read_answer(_arguments(calls[0]) if calls else "".join(texts), question.wire)
    except UnreadableError as error:
        cut = response.finish_reason == "length"
        why = "the answer was cut off: more tokens than it may have" if cut else str(error)
        raise BackendError("malformed", f"{name}: {why}", usage=usage) from None


def _arguments(call: ToolCallPart) -> str:
    return call.args if isinstance(call.args, str) else json.dumps(call.args)


def _held(question: Question, mode: str) -> ModelRequestParameters:
    """How the answer is held to the schema."""
    schema = _schema(question)
    if mode == "tool":
        tool = ToolDefinition(name=_ANSWER, parameters_json_schema=schema, description="Give the answer.", strict=True)
        return ModelRequestParameters(output_mode="tool", output_tools=[tool], allow_text_output=False)
    wanted = OutputObjectDefinition(schema, name=_ANSWER, strict=True)
    if mode == "json":
        return ModelRequestParameters(output_mode="prompted", output_object=wanted, prompted_output_template=False)
    return ModelRequestParameters(output_mode="native", output_object=wanted)


def _schema(question: Question) -> dict[str, Any]:
    """Plain: no titles, no texts; some endpoints refuse what they do not know."""
    raw = question.wire.model_json_schema()
    fields = {name: {"type": "string", "enum": list(field.get("enum", [field.get("const")]))}
              for name, field in raw["properties"].items()}  # fmt: skip
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def _shown(picture: Picture, detail: str | None) -> BinaryContent:
    return BinaryContent(
        picture.data, media_type=picture.media_type, vendor_metadata=None if detail is None else {"detail": detail}
    )


def _usage(usage: RequestUsage) -> Usage:
    return Usage(max(0, usage.input_tokens), max(0, usage.cache_read_tokens), max(0, usage.output_tokens))
