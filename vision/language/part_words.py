"""An inspected part in words: its name, what is wrong with it and where, from the facts of the event alone."""

from __future__ import annotations

from vision.events import Event
from vision.language.base import Locale, Phrasebook, Values
from vision.language.compose_words import seen_words

PART_EVENTS = frozenset({"defect", "output_missed"})  # types that speak of a part

# What the checks call a defect beside the kinds that a language model may name.
_TONES_ZH = {"dark": "暗", "bright": "亮", "discoloured": "变色"}
_SHAPES_ZH = {"line": "线", "spot": "点", "area": "区域"}
_KINDS_ZH = {
    **{f"{tone} {shape}": t + s for tone, t in _TONES_ZH.items() for shape, s in _SHAPES_ZH.items()},
    "open": "断路",
    "short": "短路",
    "mouse bite": "缺口",
    "spur": "毛刺",
    "pinhole": "针孔",
    "island": "孤岛",
    "missing": "缺件",
    "anomaly": "异常",
    "wrong code": "错码",
    "wrong colour": "颜色不符",
    "wrong size": "尺寸不符",
    "not wanted": "多余件",
    "counted": "数量不符",
}
_KINDS_EN = {"missing": "something missing", "not wanted": "something that is not wanted", "counted": "a wrong count"}


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
    kind = str(facts.get("kind") or event.label or "").replace("_", " ")
    if not kind:
        return None
    text = words.details["defect"].get(kind.replace(" ", "_")) or _kind(kind, locale, book)
    place, extent = (words.details[name].get(str(facts.get(name))) for name in ("place", "extent"))
    if place is not None:
        text = words.located.format(defect=text, place=place)
    return text if extent is None else words.sized.format(defect=text, extent=extent)


def _kind(kind: str, locale: Locale | str, book: Phrasebook) -> str:
    if locale == "zh":
        return _KINDS_ZH.get(kind) or book.noun(kind)
    return _KINDS_EN.get(kind) or book.thing(kind, 1, "")
