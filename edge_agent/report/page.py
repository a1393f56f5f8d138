"""What the page's template shows: everything counted, worded and placed; the template only lays it out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from edge_agent.report import numbers
from edge_agent.report.media import ClipPlace, Clips, Picture, clips, picture, pictures
from edge_agent.report.model import ClipReport, NearMissRow, ReportData
from edge_agent.report.paths import Curve, curves
from edge_agent.report.timeline import Lane, extent, lanes, ticks
from edge_agent.report.words import measure, words
from vision.events import SEVERITIES, Event
from vision.language.phrases import phrasebook
from vision.language.template import clock, summarize

_MISSES_SHOWN = 6
_BACKGROUND_WIDE = 1280


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure of the overview."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One event."""

    number: int
    event: Event
    title: str
    clip_name: str
    text: str
    begin: str
    span: str
    meta: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    picture: Picture | None
    clip: ClipPlace | None


@dataclass(frozen=True, slots=True)
class Share:
    """One part of a bar chart: `percent` of the longest or of the whole."""

    name: str
    value: str
    percent: float


@dataclass(frozen=True, slots=True)
class Tracks:
    """Curves over a picture of the scene, in pixels of the clip."""

    background: Picture | None
    width: int
    height: int
    curves: tuple[Curve, ...]
    more: int
    areas: tuple[tuple[str, str], ...]
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ClipPart:
    """All about one clip."""

    number: int
    clip: ClipReport
    meta: tuple[str, ...]
    lanes: tuple[Lane, ...]
    titles: dict[str, str]
    ticks: tuple[tuple[str, float], ...]
    tracks: Tracks | None
    stages: tuple[Share, ...]
    dropped: tuple[Share, ...]
    counters: tuple[tuple[str, str], ...]
    misses: tuple[NearMissRow, ...]
    more_misses: tuple[NearMissRow, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """One choice above the events: value and name of each option with its number of events."""

    key: str
    name: str
    options: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page."""

    data: ReportData
    words: dict[str, str]
    tiles: tuple[Tile, ...]
    types: tuple[tuple[str, int], ...]
    cards: tuple[Card, ...]
    parts: tuple[ClipPart, ...]
    filters: tuple[Filter, ...]
    clips: Clips


def build(data: ReportData, out: Path) -> Page:
    """The page's content; pictures and clips are read from below `out`."""
    events = [event for clip in data.clips for event in clip.events]
    kept = clips(events, out, data.clip_budget_bytes)
    cards = _cards(data, pictures(events, out), kept)
    book = phrasebook(data.locale)
    return Page(
        data=data,
        words=words(data.locale),
        tiles=tuple(_tiles(data)),
        types=tuple((book.title(kind), n) for kind, n in Counter(event.type for event in events).most_common()),
        cards=tuple(cards),
        parts=tuple(_parts(data)),
        filters=tuple(_filters(data, cards)),
        clips=kept,
    )


def _tiles(data: ReportData) -> Iterable[Tile]:
    w, totals = words(data.locale), data.totals
    many = w["footage_note_one"] if len(data.clips) == 1 else w["footage_note_many"].format(n=len(data.clips))
    yield Tile(w["footage"], numbers.length(totals.footage_s, data.locale), many)
    if totals.speed is not None:
        yield Tile(w["speed"], f"{numbers.plain(totals.speed)}×", w["speed_note"])
    if totals.cpu_s is not None and totals.cpu_s_per_camera_hour is not None:
        note = w["cpu_hour_note"].format(cpu=numbers.length(totals.cpu_s, data.locale))
        yield Tile(w["cpu_hour"], numbers.length(totals.cpu_s_per_camera_hour, data.locale), note)
    if totals.inferences is not None:
        sampled = "" if totals.frames_sampled is None else w["inferences_note"].format(n=f"{totals.frames_sampled:,}")
        yield Tile(w["inferences"], f"{totals.inferences:,}", sampled)


def _cards(data: ReportData, shots: list[Picture | None], kept: Clips) -> list[Card]:
    cards: list[Card] = []
    for clip in data.clips:
        for event in clip.events:
            number = len(cards)
            cards.append(_card(number, clip, event, data, shots[number], kept))
    return cards


def _card(number: int, clip: ClipReport, event: Event, data: ReportData, shot: Picture | None, kept: Clips) -> Card:
    w, locale = words(data.locale), data.locale
    rule = event.rule if event.rule and event.rule != event.type else ""
    place = w["line"] if event.zone in clip.lines else w["zone"]
    named = ((w["camera"], event.camera), (place, event.zone), (w["rule"], rule), (w["clip"], clip.name))
    rows = [(w["sure"], f"{event.score:.0%}")] if event.score is not None else []
    if event.end is not None and event.end > event.start:
        rows.append((w["duration"], numbers.length(event.end - event.start, locale)))
    rows += [(w["track"], str(event.track_id))] if event.track_id is not None else []
    rows += [(w["count"], str(event.count))] if event.count != 1 else []
    span = numbers.moment(event.start)
    if event.state == "open":
        span += f" – {w['ongoing']}"
    elif event.end is not None and event.end > event.start:
        span += f" – {numbers.moment(event.end)}"
    return Card(
        number=number,
        event=event,
        title=phrasebook(locale).title(event.type),
        clip_name=clip.name,
        text=(event.summary or summarize(event, locale)).text,
        begin=clock(event.start),
        span=span,
        meta=tuple(f"{name} {value}" for name, value in named if value),
        facts=(*rows, *(numbers.fact(key, value, locale) for key, value in event.facts.items())),
        picture=shot,
        clip=kept.places.get(event.evidence.clip or ""),
    )


def _parts(data: ReportData) -> Iterable[ClipPart]:
    book, first = phrasebook(data.locale), 0
    for number, clip in enumerate(data.clips):
        numbered = list(enumerate(clip.events, first))
        first += len(clip.events)
        begin, span = extent(clip.events, clip.duration_s)
        named = [_named(row, data.locale) for row in clip.near_misses]
        misses = sorted(named, key=lambda row: (-(row.fraction or 0.0), row.start, row.rule))
        yield ClipPart(
            number=number,
            clip=clip,
            meta=tuple(_meta(clip, data.locale)),
            lanes=tuple(lanes(numbered, clip.duration_s)),
            titles={event.type: book.title(event.type) for event in clip.events},
            ticks=tuple((clock(t), place) for t, place in ticks(begin, span)),
            tracks=_tracks(clip, data.locale),
            stages=_shares(clip.stages, data.locale, partial(numbers.length, locale=data.locale)),
            dropped=_shares(clip.dropped, data.locale, numbers.plain),
            counters=tuple((measure(name, data.locale), numbers.plain(n)) for name, n in clip.counters.items()),
            misses=tuple(misses[:_MISSES_SHOWN]),
            more_misses=tuple(misses[_MISSES_SHOWN:]),
        )


def _named(row: NearMissRow, locale: str) -> NearMissRow:
    """The same row with rule, gate and label as they are called in this language."""
    book = phrasebook(locale)
    label = book.noun(row.label) if row.label else None
    return replace(row, rule=book.titles.get(row.rule, row.rule), gate=measure(row.gate, locale), label=label)


def _meta(clip: ClipReport, locale: str) -> Iterable[str]:
    if clip.camera and clip.camera != clip.name:
        yield clip.camera
    if clip.width and clip.height:
        yield f"{clip.width} × {clip.height}"
    if clip.fps:
        yield f"{numbers.plain(clip.fps)} fps"
    yield numbers.length(clip.duration_s, locale)


def _tracks(clip: ClipReport, locale: str) -> Tracks | None:
    if not (clip.tracks or clip.background_jpeg):
        return None
    background = picture(clip.background_jpeg, _BACKGROUND_WIDE)
    width = clip.width or (background.width if background else 1600)
    height = clip.height or (background.height if background else 900)
    noun = phrasebook(locale).noun
    drawn = curves([replace(track, label=noun(track.label)) for track in clip.tracks], width, height)

    def outline(shapes: Mapping[str, tuple[tuple[float, float], ...]]) -> tuple[tuple[str, str], ...]:
        return tuple(
            (name, " ".join(f"{x * width:.1f},{y * height:.1f}" for x, y in points)) for name, points in shapes.items()
        )

    more = len(clip.tracks) - len(drawn)
    return Tracks(background, width, height, tuple(drawn), more, outline(clip.zones), outline(clip.lines))


def _shares(values: Mapping[str, float], locale: str, told: Callable[[float], str]) -> tuple[Share, ...]:
    """The largest first; percent of all together."""
    total = sum(values.values())
    ranked = sorted(
        ((value, name) for name, value in values.items() if value > 0), key=lambda pair: (-pair[0], pair[1])
    )
    return tuple(Share(measure(name, locale), told(value), round(value / total * 100, 2)) for value, name in ranked)


def _filters(data: ReportData, cards: list[Card]) -> Iterable[Filter]:
    """Choices that choose something: those with at least two options."""
    w, book = words(data.locale), phrasebook(data.locale)
    kinds: tuple[tuple[str, str, list[tuple[str, str]]], ...] = (
        ("type", w["type"], [(card.event.type, book.title(card.event.type)) for card in cards]),
        ("severity", w["severity"], [(s, w[s]) for s in reversed(SEVERITIES) for c in cards if c.event.severity == s]),
        ("camera", w["camera"], [(card.event.camera, card.event.camera) for card in cards]),
        ("clip", w["clip"], [(card.clip_name, card.clip_name) for card in cards]),
        ("zone", w["zone"], [(card.event.zone, card.event.zone) for card in cards if card.event.zone]),
    )
    for key, name, values in kinds:
        counted = Counter(values)
        if len(counted) > 1:
            yield Filter(key, name, tuple((value, title, n) for (value, title), n in counted.items()))
