"""What every maker of words shares: the languages spoken, and what a phrase book of one language holds.

The seam of language models (`LanguageModel`) belongs here too; `template.summarize` needs none and always works.
"""

from __future__ import annotations

from typing import Literal, Protocol

Locale = Literal["en", "zh"]
LOCALES: tuple[Locale, ...] = ("en", "zh")

Values = dict[str, str | None]


class Phrasebook(Protocol):
    """One language: its sentences by event type and the few things that grammar decides.

    A sentence names values in braces; a part in square brackets is left out when one of its values is unknown. The key
    `type.open` is the sentence while an event goes on, `type.kind` that of a kind (`tamper.covered`).
    """

    @property
    def sentences(self) -> dict[str, str]:
        """Sentence by event type; `*` is for types without one of their own."""

    @property
    def titles(self) -> dict[str, str]:
        """Short name of an event type for headings and lists."""

    def title(self, kind: str) -> str:
        """Short name of any event type, also of one that no table knows."""

    def thing(self, label: str | None, count: int, fallback: str) -> str:
        """A number of objects in words ("a person", "3 cars"); `fallback` is the label to use where none is known."""

    def noun(self, label: str) -> str:
        """A detector's class as a plain word, for lists and tables."""

    def grammar(self, count: int) -> Values:
        """Words that bend with the number of objects, for languages that bend them."""

    def direction(self, way: str) -> str:
        """A way across a line: `in`, `out`, or a compass word left as it is."""

    def place(self, zone: str | None, fallback: str) -> str | None:
        """A zone or line by its name; `fallback` is the event type that asks, None where the place is better not named."""

    def duration(self, seconds: float) -> str:
        """A length of time as it is spoken."""

    def finish(self, sentence: str, camera: str | None, sure: str | None) -> str:
        """The whole sentence: first letter, what is said in passing, full stop."""
