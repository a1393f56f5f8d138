"""A period in a few lines ("the night in ten lines"), from stored events alone.

Facts first and nothing else: every line is a template, every number is counted here, and the same events give the same
lines. A language model has nothing to add to counts and times, so none is asked.

Events that belong together are told as one incident: the same kind in the same place soon after one another, or one track
that several rules told of. When there are more lines than are wanted, the least telling ones are left out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from vision.events import SEVERITIES, Event
from vision.language.base import Locale, Phrasebook
from vision.language.digest_words import DigestWords, digest_words
from vision.language.grounding import Verdict
from vision.language.phrases import phrasebook
from vision.language.template import clock, summarize

LINES = 10
MERGE_S = 60.0  # events so soon after one another belong to one incident

_SYSTEM = frozenset({"camera_offline", "camera_online", "storage_low"})
_LIVE_FROM_S = 1e8
_HOUR_S = 3600.0
_LISTED = 6  # entries of a list; the rest are counted
_TOLD = 5  # incidents that are told at most
_RANKS = {"alert": (1, 2, 4, 6, 9), "warning": (1, 5, 7, 10, 13), "info": (1, 8, 11, 13, 13)}


@dataclass(slots=True)
class Incident:
    """Events that belong together, in the order of their starts."""

    events: list[Event]
    until: float
    places: set[tuple[str, ...]] = field(default_factory=set)
    tracks: set[tuple[str, int | None]] = field(default_factory=set)

    @property
    def worst(self) -> Event:
        """The event that stands for it: the gravest, of equals the surest, then the first."""
        return max(self.events, key=lambda event: (SEVERITIES.index(event.severity), event.score or 0.0, -event.start))

    @property
    def start(self) -> float:
        """When it began, in seconds."""
        return self.events[0].start

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.until - self.start

    def takes(self, event: Event) -> bool:
        """Whether the event is of the same kind in the same place as one of these, or about the same track."""
        return _place(event) in self.places or (event.camera, event.track_id) in self.tracks

    def add(self, event: Event) -> None:
        """Put the event in."""
        self.events.append(event)
        self.until = max(self.until, event.start, event.end or event.start)
        self.places.add(_place(event))
        if event.track_id is not None:
            self.tracks.add((event.camera, event.track_id))


@dataclass(frozen=True, slots=True)
class Digest:
    """The lines, and what was counted for them; `by_type`, `by_camera` and `by_zone` count incidents' events."""

    lines: tuple[str, ...]
    events: int
    incidents: int
    by_type: Mapping[str, int] = field(default_factory=dict)
    by_camera: Mapping[str, int] = field(default_factory=dict)
    by_zone: Mapping[str, int] = field(default_factory=dict)
    offline_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(self.lines)


def digest(
    events: Iterable[Event],
    since: float,
    until: float,
    *,
    locale: Locale | str = "en",
    timezone: tzinfo = UTC,
    lines: int = LINES,
    verdicts: Mapping[str, Verdict] | None = None,
    withheld: Collection[str] = (),
) -> Digest:
    """What happened from `since` until `until` (seconds, as in the events), in at most `lines` lines.

    `events`: those of the period in any order; one that is there twice counts once. `verdicts`: by event id, what came of
    the check of its picture; `withheld`: ids of events whose alert was held back.
    """
    known = sorted({event.id: event for event in events}.values(), key=lambda event: (event.start, event.id))
    own = [event for event in known if event.type not in _SYSTEM]
    found = incidents(own)
    told = _Teller(since, until, locale, timezone, verdicts or {}, frozenset(withheld))
    drafts = [*told.opening(own, found), *told.worst(found), *told.counts(own, found), *told.rest(own, found)]
    drafts += told.system([event for event in known if event.type in _SYSTEM])
    kept: list[_Draft] = []
    for draft in sorted(drafts, key=lambda draft: draft.rank):
        if len(kept) < max(1, lines) and not any(draft.about and draft.about == other.about for other in kept):
            kept.append(draft)
    kept.sort(key=lambda draft: draft.place)
    return Digest(
        lines=tuple(" ".join(draft.text.split()) for draft in kept),  # whatever a name holds, a line stays one
        events=len(own),
        incidents=len(found),
        by_type=_counted(event.type for event in own),
        by_camera=_counted(event.camera for event in own),
        by_zone=_counted(event.zone for event in own if event.zone),
        offline_s=told.absences,
    )


def incidents(events: Sequence[Event], merge_s: float = MERGE_S) -> list[Incident]:
    """Events (ordered by start) put together into incidents, ordered by start."""
    found: list[Incident] = []
    fresh: list[Incident] = []  # those that a later event can still belong to
    for event in events:
        fresh = [one for one in fresh if event.start <= one.until + merge_s]
        home = next((one for one in reversed(fresh) if one.takes(event)), None)
        if home is None:
            home = Incident([], event.start)
            found.append(home)
            fresh.append(home)
        home.add(event)
    return found


def _place(event: Event) -> tuple[str, ...]:
    return event.camera, event.type, event.zone or ""


def _counted(names: Iterable[str]) -> dict[str, int]:
    """How often each name comes, the most frequent first, equals by name."""
    return dict(sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0])))


@dataclass(frozen=True, slots=True)
class _Draft:
    """A line, where it stands, how soon it is left out (the highest rank first), and the id of the event it tells."""

    rank: int
    place: int
    text: str
    about: str = ""


class _Teller:
    """Makes the lines; what is the same for all of them is kept here."""

    def __init__(
        self,
        since: float,
        until: float,
        locale: Locale | str,
        timezone: tzinfo,
        verdicts: Mapping[str, Verdict],
        withheld: frozenset[str],
    ) -> None:
        self.absences: dict[str, float] = {}
        self._since, self._until = since, max(since, until)
        self._locale, self._zone = locale, timezone
        self._verdicts, self._withheld = verdicts, withheld
        self._words: DigestWords = digest_words(locale)
        self._book: Phrasebook = phrasebook(locale)

    def opening(self, events: Sequence[Event], found: Sequence[Incident]) -> list[_Draft]:
        """The period and how much happened in it."""
        words = self._words
        span = words.span.format(
            since=self._moment(self._since, whole=True), until=self._moment(self._until, whole=True)
        )
        if not events:
            return [_Draft(0, 0, words.nothing.format(span=span))]
        graded = Counter(event.severity for event in events)
        severities = words.comma.join(words.many(name, graded[name]) for name in reversed(SEVERITIES) if graded[name])
        text = (words.headline if len(found) < len(events) else words.apart).format(
            span=span,
            events=words.many("event", len(events)),
            incidents=words.many("incident", len(found)),
            cameras=words.many("camera", len({event.camera for event in events})),
            severities=severities,
        )
        return [_Draft(0, 0, text)]

    def worst(self, found: Sequence[Incident]) -> list[_Draft]:
        """The gravest incidents, told in the order in which they happened."""
        words = self._words
        graded = sorted(found, key=lambda one: (-SEVERITIES.index(one.worst.severity), -len(one.events), one.start))
        drafts = []
        for number, incident in enumerate(graded[:_TOLD]):
            event, others = incident.worst, len(incident.events) - 1
            text = words.incident.format(
                severity=words.severities[event.severity],
                sentence=self._sentence(event),
                more=words.more.format(others=words.many("other", others)) if others else "",
                verdict=words.verdicts[self._verdicts[event.id]] if event.id in self._verdicts else "",
            )
            place = 10 + sum(other.start < incident.start for other in graded[:_TOLD])
            drafts.append(_Draft(_RANKS[event.severity][number], place, text, event.id))
        left = len(found) - len(drafts)
        return [*drafts, _Draft(14, 19, words.rest.format(rest=words.many("rest", left)))] if left else drafts

    def counts(self, events: Sequence[Event], found: Sequence[Incident]) -> list[_Draft]:
        """How often what happened where; one of a kind needs no counting."""
        words, drafts = self._words, []
        kinds = {self._book.title(name): number for name, number in _counted(event.type for event in events).items()}
        cameras = _counted(event.camera for event in events)
        zones = _counted(event.zone for event in events if event.zone)
        if len(events) > 1:
            drafts.append(_Draft(4, 20, words.kinds.format(entries=self._listed(kinds))))
        if len(cameras) > 1:
            drafts.append(_Draft(5, 21, words.cameras.format(entries=self._listed(cameras))))
        if len(zones) > 1:
            named = {f"“{name}”": number for name, number in zones.items()}
            drafts.append(_Draft(9, 22, words.zones.format(entries=self._listed(named))))
        longest = max(found, key=lambda one: (one.seconds, -one.start), default=None)
        if longest is not None and len(found) > 1 and longest.seconds > 0:
            event = max(longest.events, key=lambda one: ((one.end or one.start) - one.start, -one.start))
            drafts.append(_Draft(8, 30, words.longest.format(sentence=self._sentence(event)), event.id))
        return drafts

    def rest(self, events: Sequence[Event], found: Sequence[Incident]) -> list[_Draft]:
        """Rhythm, checks of pictures, and what goes on still."""
        words, drafts = self._words, []
        if len(events) > 2 and self._until - self._since >= 2 * _HOUR_S:
            drafts.append(_Draft(12, 31, self._rhythm(events, found)))
        checked = Counter(self._verdicts[event.id] for event in events if event.id in self._verdicts)
        held = sum(event.id in self._withheld for event in events)
        if checked or held:
            tail = words.withheld.format(n=words.many("withheld", held)) if held else ""
            text = words.checks.format(yes=checked["yes"], no=checked["no"], unsure=checked["unsure"], withheld=tail)
            drafts.append(_Draft(6, 32, text))
        going = _counted(self._book.title(event.type) for event in events if event.state == "open")
        if going:
            drafts.append(_Draft(6, 33, words.ongoing.format(entries=self._listed(going))))
        return drafts

    def system(self, events: Sequence[Event]) -> list[_Draft]:
        """When cameras were away, and whether the disk was full."""
        words, entries = self._words, []
        for event in (event for event in events if event.type == "camera_offline"):
            end = self._until if event.end is None else min(event.end, self._until)
            start = max(event.start, self._since)
            if end <= start:
                continue
            self.absences[event.camera] = round(self.absences.get(event.camera, 0.0) + end - start, 3)
            form = words.absence_open if event.state == "open" else words.absence
            lasting = self._book.duration(end - start)
            entries.append(
                form.format(camera=event.camera, start=self._moment(start), end=self._moment(end), lasting=lasting)
            )
        drafts = []
        if entries:
            more = [words.rest.format(rest=len(entries) - _LISTED).rstrip(".。")] if len(entries) > _LISTED else []
            drafts.append(
                _Draft(3, 40, words.offline.format(entries=words.semicolon.join([*entries[:_LISTED], *more])))
            )
        full = next((event for event in events if event.type == "storage_low"), None)
        if full is not None:
            drafts.append(_Draft(11, 41, words.storage.format(start=self._moment(max(full.start, self._since)))))
        return drafts

    def _rhythm(self, events: Sequence[Event], found: Sequence[Incident]) -> str:
        """The busiest hour, and the longest time in which nothing happened."""
        starts = [event.start for event in events]
        busiest, number = max(
            ((start, bisect_left(starts, start + _HOUR_S) - number) for number, start in enumerate(starts)),
            key=lambda pair: (pair[1], -pair[0]),
        )
        quiet, last = (self._since, self._since), self._since
        for start, end in [*((one.start, one.until) for one in found), (self._until, self._until)]:
            if start - last > quiet[1] - quiet[0]:
                quiet = (last, start)
            last = max(last, end)
        return self._words.rhythm.format(
            hour=self._moment(busiest),
            events=self._words.many("event", number),
            quiet_from=self._moment(quiet[0]),
            quiet_to=self._moment(quiet[1]),
        )

    def _listed(self, counted: Mapping[str, int]) -> str:
        words = self._words
        entries = [words.entry.format(name=name, n=number) for name, number in counted.items()]
        more = [f"+{len(entries) - _LISTED}"] if len(entries) > _LISTED else []
        return words.comma.join([*entries[:_LISTED], *more])

    def _sentence(self, event: Event) -> str:
        return summarize(event, self._locale, timezone=self._zone).text

    def _moment(self, seconds: float, *, whole: bool = False) -> str:
        """A time of day; with its date where the period is longer than a day, or `whole` is wanted."""
        if seconds < _LIVE_FROM_S:
            return clock(seconds)
        dated = whole or self._until - self._since > 24 * _HOUR_S
        return datetime.fromtimestamp(seconds, self._zone).strftime("%Y-%m-%d %H:%M" if dated else "%H:%M")
