"""Reading what a chat model wrote: one JSON object, bare or in a code fence, that fits the wire model exactly."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import BaseModel, ValidationError

_THOUGHT = re.compile(r"^\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"^\s*```[\w-]*\s*\n?(?P<inner>.*?)\n?\s*```\s*$", re.DOTALL)
_SHOWN = 60


class UnreadableError(ValueError):
    """No JSON object, or one that does not fit."""


def read_answer(said: str, wire: type[BaseModel]) -> BaseModel:
    """The wire model in what was said. Raises `UnreadableError` in one line, with the field that is wrong.

    Nothing is repaired beyond a fence and a thought in front: a value outside its choices is an error, not a guess.
    """
    try:
        return wire.model_validate(json.loads(_bare(said)), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the answer"
        raise UnreadableError(f"{place}: {_short(first.get('input'))}: {first['msg']}") from None
    except (ValueError, RecursionError):
        raise UnreadableError("no JSON object") from None


def _bare(text: str) -> str:
    text = _THOUGHT.sub("", text).strip()
    fenced = _FENCE.match(text)
    return fenced["inner"] if fenced else text


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
