"""Rules speak, events come out: class and confidence filters, schedules, cooldown, ids, the best moment for a picture."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vision.camera import Camera
from vision.events import Event, event_id
from vision.geometry import Box
from vision.motion.base import Motion
from vision.rules.base import Closed, NearMiss, Opened, Rule, RuleParams, Signal, Subject, Updated, View, rule_types
from vision.track.base import Track

_GAPS = 1000
_BETTER = 1.25  # a moment must be that much better (score x area) to become the picture


@dataclass(frozen=True, slots=True)
class Miss:
    """A near miss with the rule and camera it belongs to."""

    camera: str
    rule: str
    type: str
    miss: NearMiss


class BlindTime:
    """The clock of rules and trackers leaves out the time in which there were no pictures; this one puts it back in."""

    def __init__(self) -> None:
        self._gaps: list[tuple[float, float]] = []  # after which time, and how much in all up to there

    @property
    def any(self) -> bool:
        """Whether there was any."""
        return bool(self._gaps)

    def add(self, t: float, seconds: float) -> None:
        """Nothing was seen for so many seconds after `t`."""
        before = self._gaps[-1][1] if self._gaps else 0.0
        self._gaps.append((t, before + seconds))
        if len(self._gaps) > 2 * _GAPS:  # older times are asked for no more
            del self._gaps[:_GAPS]

    def real(self, t: float) -> float:
        """The frame's own time for a time without gaps."""
        at = bisect.bisect_left(self._gaps, (t, -math.inf))
        return t + self._gaps[at - 1][1] if at else t


@dataclass(slots=True)
class _Page:
    """One rule and its open events by key."""

    rule: Rule[Any]
    params: RuleParams
    number: int
    open: dict[str, Event] = field(default_factory=dict)
    held: dict[str, Opened] = field(default_factory=dict)  # began while the rule was not armed
    quality: dict[str, float] = field(default_factory=dict)
    opened_t: float | None = None
    count: int = 0


class RuleBook:
    """All rules of one camera.

    `origin` tells footage apart in event ids (the clip's name); `epoch` is the wall-clock time of t = 0 in seconds UTC,
    None where it is not known: schedules then count as armed.
    """

    def __init__(self, camera: Camera, view: View, *, origin: str = "", epoch: float | None = None) -> None:
        self._camera = camera
        self._view = view
        self._origin = origin
        self._epoch = epoch
        types = rule_types()
        self._pages = [_Page(types[p.type](p, view), p, n) for n, p in enumerate(camera.rules)]
        self.needs = frozenset[str]().union(*(page.rule.needs for page in self._pages))
        self._blind = BlindTime()
        self.looks_back_s = max((page.rule.looks_back_s for page in self._pages), default=0.0)
        self.misses: list[Miss] = []

    def step(self, tracks: Sequence[Track], motion: Motion, t: float) -> list[Event]:
        """Events that opened, got a better picture or closed at time `t`."""
        changed: dict[str, Event] = {}
        for page in self._pages:
            self._take(page, page.rule.step(self._seen_by(page, tracks), motion, t), t, changed)
            if page.held and self._armed(page.params, t):
                held, page.held = page.held, {}
                self._take(page, [_from_now(opened, t) for opened in held.values()], t, changed)
        return list(changed.values())

    def skip(self, t: float, seconds: float) -> None:
        """No picture came for so many seconds after `t`: times given from now on do not count them, events do."""
        self._blind.add(t, seconds)

    def finish(self, t: float) -> list[Event]:
        """The end of the footage at `t`: pending near misses, and an end for what is still going on."""
        changed: dict[str, Event] = {}
        for page in self._pages:
            self._take(page, page.rule.finish(t), t, changed)
            for event in page.open.values():
                changed[event.id] = event.model_copy(update={"end": self._blind.real(t)})
            page.open.clear()
        return list(changed.values())

    def _seen_by(self, page: _Page, tracks: Sequence[Track]) -> Sequence[Track]:
        if page.rule.class_free:
            return tracks
        classes = page.params.classes or page.rule.default_classes
        least = page.params.min_confidence
        return [k for k in tracks if (classes is None or k.label in classes) and k.score >= least]

    def _armed(self, params: RuleParams, t: float) -> bool:
        schedule = params.schedule or self._camera.schedule
        return schedule is None or self._epoch is None or schedule.armed(self._epoch + self._blind.real(t))

    def _take(self, page: _Page, signals: Iterable[Signal], t: float, changed: dict[str, Event]) -> None:
        for signal in signals:
            if isinstance(signal, NearMiss):
                self._miss(page, signal)
            elif isinstance(signal, Opened):
                event = self._open(page, signal, t)
                if event is not None:
                    changed[event.id] = event
            elif signal.key in page.open:
                event = self._close(page, signal) if isinstance(signal, Closed) else self._update(page, signal, t)
                if event is not None:
                    changed[event.id] = event
            elif signal.key in page.held and isinstance(signal, Closed):
                held = page.held.pop(signal.key)
                text = "outside the schedule"
                self._miss(page, NearMiss("schedule", text, held.start, signal.end, 1.0, held.subject, held.zone))

    def _miss(self, page: _Page, miss: NearMiss) -> None:
        if self._blind.any:
            miss = replace(miss, start=self._blind.real(miss.start), end=self._blind.real(miss.end))
        self.misses.append(Miss(self._camera.name, page.params.title, page.params.type, miss))

    def _open(self, page: _Page, signal: Opened, t: float) -> Event | None:
        params = page.params
        if not self._armed(params, t):
            page.held[signal.key] = signal
            return None
        if page.opened_t is not None and t - page.opened_t < params.cooldown_s:
            text = f"cooldown {t - page.opened_t:.1f} s < {params.cooldown_s:g} s"
            fraction = (t - page.opened_t) / params.cooldown_s
            self._miss(page, NearMiss("cooldown", text, signal.start, t, fraction, signal.subject, signal.zone))
            return None
        page.opened_t = t
        page.count += 1
        subject, start = signal.subject, self._blind.real(signal.start)
        event = Event(
            id=event_id(start, self._origin, self._camera.name, page.number, params.title, signal.key, page.count),
            type=params.type,
            rule=params.title,
            camera=self._camera.name,
            severity=signal.severity or params.severity,
            start=start,
            opened=self._blind.real(t),
            at=self._blind.real(t if subject.t is None else subject.t),
            zone=signal.zone,
            label=subject.label,
            score=subject.score,
            track_id=subject.track_id,
            count=signal.count,
            box=self._relative(subject.box),
            facts=dict(signal.facts),
        )
        page.open[signal.key] = event
        page.quality[signal.key] = _quality(subject)
        return event

    def _update(self, page: _Page, signal: Updated, t: float) -> Event | None:
        """The event with what is new; None where only running measurements changed, which the close will carry."""
        before = page.open[signal.key]
        change: dict[str, object] = {"facts": {**before.facts, **signal.facts}}
        told = False
        if signal.count is not None and signal.count != before.count:
            change["count"] = signal.count
        subject = signal.subject
        if subject is not None and _quality(subject) > _BETTER * page.quality[signal.key]:
            page.quality[signal.key] = _quality(subject)
            change |= {
                "at": self._blind.real(t if subject.t is None else subject.t),
                "box": self._relative(subject.box),
                "score": subject.score,
                "label": subject.label,
            }
            told = True
        page.open[signal.key] = event = before.model_copy(update=change)
        return event if told else None

    def _close(self, page: _Page, signal: Closed) -> Event:
        before = page.open.pop(signal.key)
        del page.quality[signal.key]
        change: dict[str, object] = {
            "end": self._blind.real(signal.end),
            "state": "closed",
            "facts": {**before.facts, **signal.facts},
        }
        if signal.count is not None:
            change["count"] = signal.count
        return before.model_copy(update=change)

    def _relative(self, box: Box | None) -> tuple[float, float, float, float] | None:
        if box is None:
            return None
        width, height = self._view.width, self._view.height
        return (*box.clipped(width, height).relative(width, height),)


def _quality(subject: Subject) -> float:
    return 0.0 if subject.box is None else subject.box.area * (1.0 if subject.score is None else subject.score)


def _from_now(opened: Opened, t: float) -> Opened:
    """The same, begun at the moment the rule was armed."""
    return Opened(opened.key, t, opened.subject, opened.zone, opened.count, opened.facts, opened.severity)
