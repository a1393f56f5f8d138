"""What a language's words for a digest consist of; the words are in `phrases/digest_*.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vision.events import Severity
from vision.language.base import Locale


@dataclass(frozen=True, slots=True)
class DigestWords:
    """Fixed words with places in braces.

    `nouns`: for one and for more, with the number as `{n}`. `apart`: the headline where every event is an incident of its
    own.
    """

    nouns: Mapping[str, tuple[str, str]]
    severities: Mapping[Severity, str]
    span: str
    headline: str
    apart: str
    nothing: str
    kinds: str
    cameras: str
    zones: str
    entry: str
    incident: str
    more: str
    verdicts: Mapping[str, str]
    longest: str
    offline: str
    absence: str
    absence_open: str
    rhythm: str
    checks: str
    withheld: str
    ongoing: str
    storage: str
    rest: str
    comma: str
    semicolon: str

    def many(self, noun: str, number: int) -> str:
        """A number of something in words."""
        return self.nouns[noun][number != 1].format(n=number)


def digest_words(locale: Locale | str) -> DigestWords:
    """The words of a language; English for one that has none."""
    if locale == "zh":
        from vision.language.phrases.digest_zh import WORDS as CHINESE

        return CHINESE
    from vision.language.phrases.digest_en import WORDS as ENGLISH

    return ENGLISH
