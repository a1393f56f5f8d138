"""An event in one plain sentence: who, what, where, when, how long, how sure.

Deterministic: every number comes from the event and its facts, and what is unknown is left out. The words are in
`vision.language.phrases`, one file for each language.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, tzinfo

from vision.events import Event, Fact, Summary
from vision.language.base import Locale, Phrasebook, Values
from vision.language.part_words import PART_EVENTS, part_values
from vision.language.phrases import phrasebook

_OPTIONAL = re.compile(r"\[([^\]]*)\]")
_VALUE = re.compile(r"\{(\w+)\}")
_LIVE_FROM_S = 1e8  # a clip is shorter than three years; live times are seconds since 1970

_LASTING = ("dwell_s", "duration_s", "lasted_s", "seconds")
_ALONE = ("unattended_s", "alone_s", "static_s", "still_s", "dwell_s")
_LYING = ("lying_s", "still_s", "down_s", "dwell_s")
_PEAK = ("people_max", "peak", "peak_count", "max_count", "count", "total")
_KIND = ("kind", "cause", "reason", "what", "direction", "verdict")
_UNKNOWN_AS = {"left_object": "object", "removed_object": "object", "fall": "person", "counting": "object"}


def summarize(event: Event, locale: Locale | str = "en", *, timezone: tzinfo = UTC) -> Summary:
    """The event in one sentence.

    `timezone` is for live events only: those of a clip are told by their place in the clip ("at 0:12").
    """
    book = phrasebook(locale)
    values = _values(event, book, timezone)
    if event.type in PART_EVENTS:
        values |= part_values(event, locale, book)
    camera = event.camera or None
    sure = f"{event.score:.0%}" if event.score is not None and math.isfinite(event.score) else None
    return Summary(text=book.finish(_filled(_sentence(event, book), values), camera, sure), source="template")


def clock(seconds: float, timezone: tzinfo = UTC) -> str:
    """A moment as it is read: `0:12` or `1:02:05` in a clip, date and time of day when live."""
    if seconds >= _LIVE_FROM_S:
        return datetime.fromtimestamp(seconds, timezone).strftime("%Y-%m-%d %H:%M:%S %Z").strip()
    whole = max(0, math.floor(seconds + 1e-6))  # 11.9999999 is 12
    minutes, rest = divmod(whole, 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def _sentence(event: Event, book: Phrasebook) -> str:
    """The most special sentence there is: kind and state, kind, state, type, then the one for any type."""
    kind = next((f"{event.type}.{event.facts[key]}" for key in _KIND if key in event.facts), event.type)
    state = ".open" if event.state == "open" else ""
    names = (kind + state, kind, event.type + state, event.type, "*" + state)
    return next(book.sentences[name] for name in names if name in book.sentences)


def _filled(sentence: str, values: Values) -> str:
    def optional(part: re.Match[str]) -> str:
        known = all(values.get(name) is not None for name in _VALUE.findall(part[1]))
        return part[1] if known else ""

    return _VALUE.sub(lambda name: values.get(name[1]) or "", _OPTIONAL.sub(optional, sentence))


def _values(event: Event, book: Phrasebook, timezone: tzinfo) -> Values:
    facts, count = event.facts, max(1, event.count)
    fallback = _UNKNOWN_AS.get(event.type, "")
    lasting = _number(facts, _LASTING)
    if lasting is None and event.end is not None and event.end > event.start:
        lasting = event.end - event.start
    peak = _number(facts, _PEAK)
    return {
        **book.grammar(count),
        "title": book.title(event.type),
        "who": book.thing(event.label, count, fallback),
        "known": book.thing(event.label, count, "") if event.label else None,
        "label": book.noun(event.label) if event.label else None,
        "place": book.place(event.zone, event.type),
        "where": book.place(event.zone, event.type) if event.zone else None,
        "start": clock(event.start, timezone),
        "direction": _way(facts.get("direction"), book),
        "crossing": _way(facts.get("crossing"), book),
        "lasting": _spoken(lasting, book),
        "alone": _spoken(_number(facts, _ALONE), book),
        "lying": _spoken(_number(facts, _LYING), book),
        "peak": book.thing(event.label, count if peak is None else round(peak), fallback or "person"),
        "away": _spoken(_number(facts, ("offline_s",)), book),
        "in": _whole(facts, "in"),
        "out": _whole(facts, "out"),
    }


def _way(way: Fact | None, book: Phrasebook) -> str | None:
    return book.direction(way) if isinstance(way, str) and way and way != "both" else None


def _spoken(seconds: float | None, book: Phrasebook) -> str | None:
    """A length of time in words; nothing for one too short to speak of."""
    return None if seconds is None or seconds < 0.05 else book.duration(seconds)


def _number(facts: dict[str, Fact], names: tuple[str, ...]) -> float | None:
    """The first of these facts that is a number."""
    for name in names:
        value = facts.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    return None


def _whole(facts: dict[str, Fact], name: str) -> str | None:
    value = _number(facts, (name,))
    return None if value is None else str(round(value))
