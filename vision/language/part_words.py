"""An inspected part in words: its name, what is wrong with it and where, from the facts of the event alone."""

from __future__ import annotations

from vision.events import Event
from vision.language.base import Locale, Phrasebook, Values
from vision.language.compose_words import seen_words

PART_EVENTS = frozenset({"defect", "output_missed"})  # types that speak of a part


def part_values(event: Event, locale: Locale | str, book: Phrasebook) -> Values:
    """`part`, `fault` (kind, place, extent), `why` (the first reason), `output` for a sentence; None where unknown."""
    facts = event.facts
    reasons, part, output = facts.get("reasons"), facts.get("part"), facts.get("output")
    return {
        "part": str(part) if part not in (None, "") else None,
        "fault": _fault(event, locale, book),
        "output": str(output) if output else None,
        "why": str(reasons[0]) if isinstance(reasons, list) and reasons else None,
    }


def _fault(event: Event, locale: Locale | str, book: Phrasebook) -> str | None:
    words, facts = seen_words(locale), event.facts
    kind = str(facts.get("kind") or event.label or "")
    if not kind:
        return None
    text = words.details["defect"].get(kind.replace(" ", "_")) or book.noun(kind)
    place, extent = (words.details[name].get(str(facts.get(name))) for name in ("place", "extent"))
    if place is not None:
        text = words.located.format(defect=text, place=place)
    return text if extent is None else words.sized.format(defect=text, extent=extent)
