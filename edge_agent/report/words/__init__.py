"""The words of the report's page, one file for each language."""

from __future__ import annotations

from edge_agent.report.words import en, zh
from vision.language.base import Locale


def words(locale: Locale | str) -> dict[str, str]:
    """The page's words by key; English for a language that has none."""
    return zh.WORDS if locale == "zh" else en.WORDS


def measure(name: str, locale: Locale | str) -> str:
    """The name of a measurement, a counter or a stage, as it is read: `longest_stay` is "Longest stay"."""
    known = zh.MEASURES.get(name) if locale == "zh" else en.MEASURES.get(name)
    plain = name.replace("_", " ").strip()
    return known or plain[:1].upper() + plain[1:]
