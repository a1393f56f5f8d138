"""What the fields of a wire model mean to whoever answers with numbers instead of words.

A chat model fills every field itself. An endpoint that gives probabilities is asked each plain field once; fields marked
`RankOf` (second and third guess) and `CertaintyOf` (how sure, in words) follow from the probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

NONE = "none"
CERTAINTY: dict[str, float] = {
    "sure": 0.95,
    "likely": 0.75,
    "possible": 0.5,
    "guess": 0.25,
}  # words and what they stand for

Odds = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class RankOf:
    """The field holds the option of `field` in this place (2: the runner-up), or `none`."""

    field: str
    place: int


@dataclass(frozen=True, slots=True)
class CertaintyOf:
    """The field says in words how sure the answer in `field` is."""

    field: str


def options(wire: type[BaseModel], name: str) -> tuple[str, ...]:
    """The options of a field. Raises `TypeError` for a field that is no closed choice: wire models hold nothing else."""
    kind = wire.model_fields[name].annotation
    if get_origin(kind) is not Literal:
        raise TypeError(f"{wire.__name__}.{name} is no Literal")
    return tuple(str(option) for option in get_args(kind))


def asked(wire: type[BaseModel]) -> dict[str, tuple[str, ...]]:
    """The fields to ask about and their options: all but those that follow from others."""
    return {name: options(wire, name) for name in wire.model_fields if _mark(wire, name) is None}


def filled(wire: type[BaseModel], odds: Odds) -> BaseModel:
    """The wire model from the probabilities of its plain fields."""
    ranked = {name: sorted(one, key=lambda option: -one[option]) for name, one in odds.items()}
    values: dict[str, Any] = {name: order[0] for name, order in ranked.items()}
    for name in wire.model_fields:
        mark = _mark(wire, name)
        if isinstance(mark, RankOf):
            order = ranked[mark.field]
            candidate = order[mark.place - 1] if len(order) >= mark.place else NONE
            values[name] = candidate if odds[mark.field].get(candidate, 0.0) > 0 else NONE
        elif isinstance(mark, CertaintyOf):
            values[name] = in_words(max(odds[mark.field].values()))
    return wire.model_validate(values)


def in_words(probability: float) -> str:
    """The word of `CERTAINTY` that is nearest."""
    return min(CERTAINTY, key=lambda word: abs(CERTAINTY[word] - probability))


def _mark(wire: type[BaseModel], name: str) -> RankOf | CertaintyOf | None:
    marks = wire.model_fields[name].metadata
    return next((mark for mark in marks if isinstance(mark, RankOf | CertaintyOf)), None)
