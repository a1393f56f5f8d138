"""What the rules about things at rest have in common: parameters, looks, people around, and how an event is told."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, Literal, Self, TypeVar

from pydantic import Field, model_validator

from vision.events import Fact
from vision.motion.base import Motion
from vision.rules.base import Closed, NearMiss, Opened, Rule, RuleParams, Signal, Updated, View
from vision.rules.company import Company
from vision.rules.resting import Thing, Things
from vision.track.base import Track

Gate = tuple[str, str, float]  # its name, words with both numbers, and how near it came (0..1)
_WORTH_TELLING = 0.3  # near misses nearer than this share of the limit are told


class ThingParams(RuleParams):
    """Parameters of every rule about things at rest."""

    zone: str | None = Field(None, description="Name of the zone; default: the whole picture.")
    min_area: float = Field(0.001, ge=0, le=1, description="Smallest thing, as a share of the picture.")
    max_area: float = Field(0.06, gt=0, le=1, description="Largest thing, as a share of the picture.")
    min_clarity: float = Field(0.5, ge=0, le=1, description="How sure it must be a thing and not light (0..1).")

    @model_validator(mode="after")
    def _areas_in_order(self) -> Self:
        if self.min_area >= self.max_area:
            raise ValueError(f"min_area {self.min_area:g} must be below max_area {self.max_area:g}")
        return self


P = TypeVar("P", bound=ThingParams)


class ThingRule(Rule[P], Generic[P]):
    """A rule about static regions of one kind; says when one counts and what its measurements are."""

    needs = frozenset({"tracks", "static"})
    default_classes = None
    class_free = True
    kind: ClassVar[Literal["appeared", "removed"]]

    def __init__(self, params: P, view: View) -> None:
        super().__init__(params, view)
        self._things = Things(self.kind, self.zone(params.zone))
        self._company = Company(view)

    def step(self, tracks: Sequence[Track], motion: Motion, t: float) -> Iterable[Signal]:
        """See `Rule.step`."""
        self._company.step(tracks, t)
        things, ended = self._things.step(motion.static, t)
        for thing in things:
            self._attend(thing, t)
            if thing.present:
                if self.kind == "appeared":  # of a gap, no detector can tell the class
                    thing.name(tracks)
                yield from self._tell(thing)
        yield from (signal for thing in ended for signal in self._end(thing))

    def finish(self, t: float) -> Iterable[Signal]:
        """See `Rule.finish`."""
        yield from (signal for thing in self._things.all() if not thing.opened for signal in self._end(thing))

    @abstractmethod
    def _attend(self, thing: Thing, t: float) -> None:
        """Find out who belongs to the thing."""

    @abstractmethod
    def _gate(self, thing: Thing) -> Gate | None:
        """What speaks against an event."""

    @abstractmethod
    def _start(self, thing: Thing) -> float:
        """When the event began, in seconds."""

    @abstractmethod
    def _facts(self, thing: Thing) -> dict[str, Fact]:
        """The measurements."""

    def _looks(self, thing: Thing) -> Gate | None:
        """What in its looks speaks against it."""
        limits, share, clarity = self.params, self._share(thing), thing.region.clarity
        if share < limits.min_area:
            return "size", f"area {100 * share:.2f} % < {100 * limits.min_area:g} %", share / limits.min_area
        if share > limits.max_area:
            return "size", f"area {100 * share:.2f} % > {100 * limits.max_area:g} %", limits.max_area / share
        if clarity < limits.min_clarity:
            return "clarity", f"clarity {clarity:.2f} < {limits.min_clarity:g}", clarity / limits.min_clarity
        if limits.classes is not None and thing.label is not None and thing.label not in limits.classes:
            return "class", f"{thing.label} is none of {', '.join(limits.classes)}", 1.0
        return None

    def _share(self, thing: Thing) -> float:
        return thing.region.area / (self.view.width * self.view.height)

    @staticmethod
    def _somebody(thing: Thing) -> int | None:
        """The track of the one who was nearest: owner or taker."""
        return thing.people[0].track.id if thing.people else None

    def _tell(self, thing: Thing) -> Iterable[Signal]:
        subject = thing.subject(self._somebody(thing))
        if thing.opened:
            yield Updated(thing.key, subject, facts=self._facts(thing))
        elif self._gate(thing) is None:
            thing.opened = True
            yield Opened(thing.key, self._start(thing), subject, self.params.zone, facts=self._facts(thing))

    def _end(self, thing: Thing) -> Iterable[Signal]:
        if thing.opened:
            yield Closed(thing.key, thing.seen_t, self._facts(thing))
            return
        gate = self._gate(thing)
        if gate is not None and gate[2] >= _WORTH_TELLING and self._share(thing) >= self.params.min_area / 2:
            name, text, fraction = gate
            subject = thing.subject(self._somebody(thing))
            yield NearMiss(name, text, thing.since, thing.seen_t, min(1.0, fraction), subject, self.params.zone)
