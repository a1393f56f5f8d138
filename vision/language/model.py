"""The seam of a language model: one question about an event, with pictures, answered in bounded fields, or not at all.

A model never stands in the way: it is asked with a deadline, and whoever asks has the template's sentence already. An
answer is valid against its schema or it is no answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from vision.events import Fact

JsonSchema = Mapping[str, Any]

Failure = Literal[
    "timeout",  # no answer within its deadline; the work was stopped
    "invalid",  # an answer that is not valid against the schema
    "crashed",  # the model's process died
    "memory",  # it does not fit, or ran out of its share
    "unreachable",  # no server there
    "refused",  # the server will not: key, quota, unknown model
    "busy",  # the queue is full, or the model is being loaded
    "unusable",  # model file damaged or of an unknown kind
]


class NoAnswer(Exception):
    """The model gave no answer that can be used; the text is for logs and holds no secret."""

    def __init__(self, failure: Failure, text: str) -> None:
        super().__init__(text)
        self.failure: Failure = failure


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked, apart from the event: `name` and `version` of the prompt, its texts with `{fact}` places.

    `facts` go into the places as data; what a user's config overrides is in the texts already.
    """

    name: str
    version: int
    system: str
    prompt: str
    max_tokens: int = 160
    seed: int = 0
    temperature: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of a question (pictures included) and of its answer; None where the model does not say."""

    prompt_tokens: int | None = None
    answer_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`values` are valid against the schema that was asked for; `text` is what the model wrote, `prompt` what it read."""

    values: Mapping[str, Any]
    text: str
    model: str
    latency_s: float
    usage: Usage = Usage()
    prompt: str = ""


class LanguageModel(Protocol):
    """Answers questions about pictures. Calls block; one at a time, unless a backend says otherwise."""

    @property
    def name(self) -> str:
        """Which model answers: file or server name, as told in summaries."""

    @property
    def sees(self) -> bool:
        """Whether it takes pictures."""

    def ask(
        self,
        task: Task,
        images: Sequence[bytes],
        facts: Mapping[str, Fact],
        schema: JsonSchema,
        deadline_s: float,
    ) -> Answer:
        """The answer to a task. `images`: JPEG. `schema`: a flat JSON object, every key required, enums and ranges only.

        Raises `NoAnswer`, at the latest `deadline_s` seconds from now (plus one picture's encoding, which cannot be
        stopped halfway).
        """

    def close(self) -> None:
        """Let the model go."""


@dataclass(slots=True)
class ScriptedModel:
    """Answers what it was told to, in order: the fake for tests. An exception in the script is raised."""

    script: Sequence[Mapping[str, Any] | Exception]
    name: str = "scripted"
    sees: bool = True
    asked: list[tuple[Task, int, Mapping[str, Fact]]] = field(default_factory=list)

    def ask(
        self,
        task: Task,
        images: Sequence[bytes],
        facts: Mapping[str, Fact],
        schema: JsonSchema,
        deadline_s: float,
    ) -> Answer:
        """The next entry of the script; `NoAnswer` once it is used up."""
        self.asked.append((task, len(images), facts))
        if len(self.asked) > len(self.script):
            raise NoAnswer("busy", "the script is used up")
        said = self.script[len(self.asked) - 1]
        if isinstance(said, Exception):
            raise said
        return Answer(said, str(dict(said)), self.name, 0.0)

    def close(self) -> None:
        """Nothing to let go of."""
