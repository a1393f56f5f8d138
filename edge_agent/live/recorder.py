"""What the pipelines tell, made lasting: words, picture, clip, then one commit of the event with its deliveries.

One thread takes everything in order, so that pipelines never wait for a disk or a database; a model's words come after
the news that wait. A database that is away is
waited for; what could not be committed by the time the agent ends goes to a journal file and is committed at the next
start.
"""

from __future__ import annotations

import itertools
import json
import logging
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Protocol

from edge_agent.language.asked import AskedKeeper
from edge_agent.language.service import Describer, Outcome, Told
from edge_agent.live.hub import Hub
from edge_agent.live.worker import Happening
from vision.errors import StoreError
from vision.events import Event, Evidence
from vision.frame import Picture
from vision.language.base import Locale
from vision.language.template import summarize
from vision.media.ring import PacketRing
from vision.rules.base import View, rule_types

log = logging.getLogger("sightline.recorder")

_NEWS, _WORDS, _LAST = range(3)  # what goes first
_REMEMBERED = 2000  # events whose evidence is known here, for changes that come after their end
_PATIENCE_S = (0.5, 1.0, 2.0, 5.0)  # between two tries to commit while the database is away


class Keeper(Protocol):
    """What the recorder needs of `edge_agent.live.evidence.LiveEvidence`."""

    def snapshot(self, event: Event, picture: Picture, view: View | None) -> str | None:
        """Write the event's picture; its path in the evidence folder."""

    def opened(self, event: Event, ring: PacketRing) -> None:
        """Begin the event's clip."""

    def closed(self, event: Event) -> None:
        """The clip ends some seconds from now."""


class Committer(Protocol):
    """Commits an event and its deliveries in one transaction."""

    def record(self, event: Event, stage: str, *, first: bool, clip: bool, verdict_s: float = 0.0) -> None:
        """`clip`: one is being made of this event. Raises `StoreError` where the database is away."""

    def let_go(self, event_id: str) -> None:
        """Its alert need not wait for a verdict any more."""

    def withhold(self, event_id: str, reason: str) -> None:
        """Its alert is held back."""

    def attach(self, event_id: str, evidence: Evidence) -> Event | None:
        """New evidence of an event; the event as it is then."""

    def known(self, event_id: str) -> bool:
        """Whether the store has this event."""


@dataclass(frozen=True, slots=True)
class _Item:
    """One thing to do: a happening, or evidence that has become whole."""

    happening: Happening | None = None
    ring: PacketRing | None = None
    event_id: str = ""
    evidence: Evidence | None = None
    mark: threading.Event | None = None
    outcome: Outcome | None = None


@dataclass(slots=True)
class _Asked:
    """An event that the model was asked about, as it stands; `waits`: its alert waits for the verdict."""

    event: Event
    waits: bool
    told: Told | None = None
    withheld: str | None = None


@dataclass(slots=True)
class Wording:
    """In which language and time zone events are told; may be changed while the recorder runs."""

    locale: Locale = "en"
    timezone: tzinfo = UTC


class Recorder:
    """The one thread that commits events."""

    def __init__(
        self, committer: Committer, keeper: Keeper | None, hub: Hub, wording: Wording, journal: Path | None = None
    ) -> None:
        self.keeper = keeper
        self.wording = wording
        self.describer: Describer | None = None
        self.asked: AskedKeeper | None = None
        self.on_commit: Callable[[], None] = lambda: None
        self.recorded = 0
        self.withheld = 0
        self._committer = committer
        self._hub = hub
        self._journal = journal
        self._open: set[str] = set()
        self._evidence: OrderedDict[str, Evidence] = OrderedDict()
        self._asked: OrderedDict[str, _Asked] = OrderedDict()
        self._items: queue.PriorityQueue[tuple[int, int, _Item | None]] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._giving_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        """Commit first what an earlier run could not."""
        self._replay_journal()
        self._thread.start()

    def flush(self, timeout: float) -> bool:
        """Wait until everything put so far is committed; whether that came in time."""
        done = threading.Event()
        self._put(_Item(mark=done), _LAST)
        return done.wait(timeout)

    def put(self, happening: Happening, ring: PacketRing | None = None) -> None:
        """From any thread: an event opened, changed or closed. Returns at once."""
        self._put(_Item(happening, ring), _NEWS)

    def described(self, outcome: Outcome) -> None:
        """From any thread: what the language model told of an event, or that it told nothing."""
        self._put(_Item(outcome=outcome), _WORDS)
        if outcome.told is not None and self.asked is not None:
            self.asked.keep(outcome.event, outcome.told)

    def attach(self, event_id: str, evidence: Evidence) -> None:
        """From any thread: a clip is whole."""
        self._put(_Item(event_id=event_id, evidence=evidence), _NEWS)

    def stop(self, timeout: float) -> None:
        """Commit everything that waits; what does not go in time goes to the journal."""
        self._put(None, _LAST)
        self._thread.join(timeout * 0.8)
        self._giving_up.set()
        self._thread.join(timeout * 0.2 + 0.5)

    def _put(self, item: _Item | None, rank: int) -> None:
        self._items.put((rank, next(self._numbers), item))

    def _run(self) -> None:
        while (item := self._items.get()[2]) is not None:
            try:
                if item.mark is not None:
                    item.mark.set()
                elif item.outcome is not None:
                    self._answered(item.outcome)
                elif item.happening is not None:
                    self._take(item.happening, item.ring)
                elif item.evidence is not None:
                    self._attached(item.event_id, item.evidence)
            except StoreError as error:  # only while giving up
                self._write_down(item, error)
            except Exception:
                log.exception("an event could not be recorded")

    def _attached(self, event_id: str, evidence: Evidence) -> None:
        self._remember(event_id, evidence)
        told: list[Event | None] = []
        self._insist(lambda: told.append(self._committer.attach(event_id, evidence)))
        self.on_commit()
        if told and told[0] is not None:
            self._hub.tell("updated", told[0])

    def _take(self, happening: Happening, ring: PacketRing | None) -> None:
        event, first = happening.event, happening.event.id not in self._open
        stage = "opened" if first else "closed" if event.state == "closed" else "updated"
        locale, zone = self.wording.locale, self.wording.timezone
        event = self._worded(event.model_copy(update={"summary": summarize(event, locale, timezone=zone)}))
        event = self._pictured(event, happening, ring, first=first)
        if event.state == "closed":
            self._open.discard(event.id)
        else:
            self._open.add(event.id)
        clip = ring is not None and self.keeper is not None and _pictured(event)
        asks = first and self.describer is not None and bool(happening.shots)
        verdict_s = (happening.suppress_s or 0.0) if asks else 0.0
        self._insist(lambda: self._committer.record(event, stage, first=first, clip=clip, verdict_s=verdict_s))
        self.recorded += 1
        _log(event, stage)
        self._hub.tell(stage, event)
        self.on_commit()
        if event.state == "closed" and self.keeper is not None and _pictured(event):
            self.keeper.closed(event)
        if asks:
            self._ask(event, happening)
        elif event.id in self._asked:
            self._asked[event.id].event = event

    def _ask(self, event: Event, happening: Happening) -> None:
        assert self.describer is not None
        self._asked[event.id] = _Asked(event, happening.suppress_s is not None)
        while len(self._asked) > _REMEMBERED:
            self._asked.popitem(last=False)
        within = happening.suppress_s
        self.describer.put(event, happening.shots, within_s=within, urgent=within is not None)

    def _answered(self, outcome: Outcome) -> None:
        """What the model told becomes part of the event; an alert that waited for it goes out, or is held back."""
        asked = self._asked.get(outcome.event.id)
        if asked is None:
            return
        asked.told = outcome.told
        event = self._worded(asked.event)
        described = event.described or {}
        if asked.waits and described.get("verdict") == "no":
            reason = f"{described.get('model')} sees no support for the alarm in the picture"
            event = event.model_copy(update={"facts": {**event.facts, "withheld": reason}})
            asked.withheld = reason
            self._insist(lambda: self._committer.withhold(event.id, reason))
            self.withheld += 1
        elif asked.waits:
            self._insist(lambda: self._committer.let_go(event.id))
        asked.event = event
        if outcome.told is not None:
            adds = event.summary is not None and event.summary.source != "template"
            stage = "described" if adds else "updated"
            self._insist(lambda: self._committer.record(event, stage, first=False, clip=False))
            _log(event, stage)
            self._hub.tell(stage, event)
        self.on_commit()

    def _worded(self, event: Event) -> Event:
        """The event with what the model has told of it."""
        asked = self._asked.get(event.id)
        if asked is None or asked.told is None or self.describer is None:
            return event
        told = asked.told.of(event, self.describer.asking)
        change: dict[str, object] = {"summary": told.summary(), "described": told.model_dump(mode="json")}
        if asked.withheld is not None:
            change["facts"] = {**event.facts, "withheld": asked.withheld}
        return event.model_copy(update=change)

    def _pictured(self, event: Event, happening: Happening, ring: PacketRing | None, *, first: bool) -> Event:
        """The event with its picture, its clip begun."""
        if self.keeper is None or not _pictured(event):
            return event
        evidence = self._evidence.get(event.id, Evidence())
        if happening.picture is not None:
            path = self.keeper.snapshot(event, happening.picture, happening.view)
            if path is not None:
                evidence = evidence.model_copy(update={"snapshot": path})
                self._remember(event.id, evidence)
        if first and ring is not None:
            self.keeper.opened(event, ring)
        return event.model_copy(update={"evidence": evidence})

    def _remember(self, event_id: str, evidence: Evidence) -> None:
        before = self._evidence.pop(event_id, Evidence())
        kept = {key: value for key, value in evidence.model_dump().items() if value is not None}
        self._evidence[event_id] = before.model_copy(update=kept)
        while len(self._evidence) > _REMEMBERED:
            self._evidence.popitem(last=False)

    def _insist(self, commit: Callable[[], None]) -> None:
        """Commit, and wait for the database where it is away; raises StoreError only while the agent ends."""
        tries = 0
        while True:
            try:
                commit()
            except StoreError as error:
                if self._giving_up.is_set():
                    raise
                if tries == 0:
                    log.warning("the store is away, events wait: %s", error)
                self._giving_up.wait(_PATIENCE_S[min(tries, len(_PATIENCE_S) - 1)])
                tries += 1
                continue
            if tries:
                log.info("the store is back")
            return

    def _write_down(self, item: _Item, error: StoreError) -> None:
        """What could not be committed before the end, for the next start."""
        if self._journal is None or item.happening is None:
            return
        event = item.happening.event
        evidence = self._evidence.get(event.id, Evidence())
        line = event.model_copy(update={"evidence": evidence}).model_dump_json()
        try:
            with self._journal.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as trouble:
            reason = trouble.strerror
            log.error("an event is lost: %s; and %s", error, reason, extra={"event": event.id})  # noqa: TRY400

    def _replay_journal(self) -> None:
        if self._journal is None or not self._journal.is_file():
            return
        events: dict[str, Event] = {}
        for line in self._journal.read_text(encoding="utf-8").splitlines():
            try:
                event = Event.model_validate(json.loads(line))
            except ValueError:
                continue  # a line that a power cut left half written
            events[event.id] = event
        for event in events.values():
            first = not self._committer.known(event.id)
            stage = "opened" if first else "closed" if event.state == "closed" else "updated"
            self._committer.record(event, stage, first=first, clip=False)
        self._journal.unlink()
        log.info("%d events of the last run were committed from the journal", len(events))


def _pictured(event: Event) -> bool:
    rule = rule_types().get(event.type)
    return rule is not None and rule.pictured


def _log(event: Event, stage: str) -> None:
    if stage == "updated":
        return
    level = logging.WARNING if event.severity == "alert" and stage == "opened" else logging.INFO
    text = event.summary.text if event.summary else event.type
    log.log(level, "%s: %s", stage, text, extra={"camera": event.camera, "event": event.id, "type": event.type})
