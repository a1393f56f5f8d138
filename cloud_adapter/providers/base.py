"""The seam to a vision model: one closed question about one picture, one typed answer. No vendor type leaks out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import BaseModel

from cloud_adapter.records import Picture, Usage

Fault = Literal[
    "rate_limited",  # 429: wait, then again
    "overloaded",  # 500, 502, 503, 529: wait, then again
    "timeout",  # the whole call's deadline passed; it may have been billed
    "cut",  # the connection broke; it may have been billed
    "malformed",  # an answer that is not what was asked for; was billed
    "refused",  # the model would not answer; was billed; asking again does not help
    "quota",  # no money or quota left at the provider: never again by itself
    "auth",  # the key is wrong
    "bad_request",  # our request is wrong for this endpoint (picture too large, mode unknown)
]


class BackendError(Exception):
    """A call that gave no answer; `usage` is what the provider said it took, None where it did not say."""

    def __init__(self, fault: Fault, told: str, *, after_s: float | None = None, usage: Usage | None = None) -> None:
        super().__init__(told)
        self.fault: Fault = fault
        self.after_s = after_s  # Retry-After, seconds
        self.usage = usage


@dataclass(frozen=True, slots=True)
class Example:
    """A reference picture with its right label, shown before the question."""

    picture: Picture
    label: str


@dataclass(frozen=True, slots=True)
class Question:
    """A closed question. `wire` is a flat model, all fields required, literals only; `prompt` is name@version."""

    prompt: str
    system: str
    text: str
    wire: type[BaseModel]
    examples: tuple[Example, ...] = ()
    max_tokens: int = 120


@dataclass(frozen=True, slots=True)
class Reply:
    """A valid instance of the question's wire model, and what it took.

    `odds` are probabilities by field and option, from endpoints that give them (typed decisions, rules); empty elsewhere.
    """

    value: BaseModel
    usage: Usage
    latency_s: float
    model: str  # as the provider names what answered
    mode: str  # native | tool | json | typed | rules
    odds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


class VisionBackend(Protocol):
    """One model at one endpoint."""

    name: str  # of the catalogue

    async def ask(self, question: Question, pictures: Sequence[Picture], *, deadline_s: float) -> Reply:
        """One call, never retried here. Raises `BackendError`, and nothing else that a network can cause."""
        ...

    def worst_case(self, question: Question, pictures: Sequence[Picture]) -> Usage:
        """The most that this call can take, by the catalogue's token formula: what the budget reserves."""
        ...

    async def close(self) -> None:
        """Let connections go."""
        ...
