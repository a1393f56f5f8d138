"""One file of phrases for each language."""

from __future__ import annotations

from vision.language.base import Locale, Phrasebook


def phrasebook(locale: Locale | str) -> Phrasebook:
    """The phrase book of a language; English for one that has none."""
    if locale == "zh":
        from vision.language.phrases.zh import Chinese

        return Chinese()
    from vision.language.phrases.en import English

    return English()
