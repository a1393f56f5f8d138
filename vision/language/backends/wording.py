"""Texts on their way into a model: facts as data in their places, and nothing that a tokenizer takes for a command.

In llama.cpp the end of a turn, written out in a zone's name, ends the turn, and the marker of a picture raises; so both
are taken out of everything, and data has no angle and square brackets at all: no special token of any model is left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from vision.events import Fact
from vision.language.model import Task

LONGEST_FACT = 200  # characters
_PLACE = re.compile(r"\{(\w+)\}")
_SPECIAL = re.compile(
    r"<__\w+__>"  # the marker of a picture in llama.cpp
    r"|<[|｜][^<>]{0,80}[|｜]>"  # <|im_end|> and its kin
    r"|</?(?:s|bos|eos|pad|unk|mask|img|image|image_soft_token|start_of_turn|end_of_turn|start_of_image|end_of_image"
    r"|fake_token_around_image|end_of_utterance|think|tool_call|IMG_CONTEXT)>"
    r"|<<?/?SYS>>?|\[/?(?:INST|SYSTEM_PROMPT|IMG|IMG_BREAK|IMG_END|TOOL_CALLS|AVAILABLE_TOOLS|TOOL_RESULTS)\]",
    re.IGNORECASE,
)
_BRACKETS = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")"})


def filled(task: Task, facts: Mapping[str, Fact]) -> tuple[str, str]:
    """The task's system text and prompt with the facts in their places; "unknown" where there is none."""

    def fact(place: re.Match[str]) -> str:
        return data(facts.get(place[1]))

    return tuple(_PLACE.sub(fact, without_commands(text)) for text in (task.system, task.prompt))  # type: ignore[return-value]  # two in, two out


def data(value: Fact) -> str:
    """A fact as harmless text on one line."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)
    text = "".join(c if c.isprintable() else " " for c in text.translate(_BRACKETS))
    text = text.encode("utf-8", "replace").decode()
    return text[:LONGEST_FACT].strip() or "unknown"


def without_commands(text: str) -> str:
    """A text without special tokens; taken out again and again, for a token may be hidden in the halves of another."""
    text = text.encode("utf-8", "replace").decode().replace("\0", " ")
    while (shorter := _SPECIAL.sub("", text)) != text:
        text = shorter
    return text
