"""What a language's words for a picture's fields consist of; the words are in `phrases/seen_*.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vision.language.base import Locale
from vision.language.fields import Value
from vision.language.grounding_tables import Reason


@dataclass(frozen=True, slots=True)
class SeenWords:
    """Fixed words: nothing of a sentence comes from anywhere else.

    `details` by field and value; a value without words is not told. `doubts` likewise, for why an alarm is denied;
    `subject.thing` stands for `subject` where no person is looked for. `located`: a `{defect}` with its `{place}`;
    `sized`: with its `{extent}`.
    """

    lead: str
    details: Mapping[str, Mapping[Value, str]]
    visibility: Mapping[Value, str]
    doubts: Mapping[str, Mapping[Value, str]]
    yes: str
    no: str
    threat: str
    located: str
    sized: str
    comma: str
    last_comma: str
    semicolon: str
    why: str
    colon: str
    stop: str
    gap: str
    reasons: Mapping[Reason, str]
    names: Mapping[str, str]


def seen_words(locale: Locale | str) -> SeenWords:
    """The words of a language; English for one that has none."""
    if locale == "zh":
        from vision.language.phrases.seen_zh import WORDS as CHINESE

        return CHINESE
    from vision.language.phrases.seen_en import WORDS as ENGLISH

    return ENGLISH
