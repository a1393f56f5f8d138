"""The seam of a rule: parameters, what it sees, what it says.

A rule is a class with a `Params` model. It looks at `(tracks, motion, t)` once a sampled frame, keeps its own small state
and yields signals. Everything common to rules (schedule, cooldown, severity, ids, the picture's best moment) is done by
`vision.rulebook`, so that a rule file holds one idea. Register with `@register`; a new file in this folder is found by
itself.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from vision.events import Fact, Severity
from vision.geometry import Box, Point
from vision.motion.base import Motion
from vision.plugins import Plugins, kind_of
from vision.schedule import Schedule
from vision.track.base import Track

Need = Literal["tracks", "static", "picture"]


class RuleParams(BaseModel):
    """Parameters every rule has; a rule's own `Params` adds to them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    type: str
    name: str | None = Field(None, description="Name of this rule in events; default: its type.")
    severity: Severity = Field("warning", description="How much an event of this rule matters.")
    classes: tuple[str, ...] | None = Field(
        None, description="Only objects of these classes; default: those of the rule."
    )
    min_confidence: float = Field(0.0, ge=0, le=1, description="Only objects at least this sure (0..1).")
    cooldown_s: float = Field(0.0, ge=0, description="After an event has opened, no further one for so many seconds.")
    schedule: Schedule | None = Field(None, description="When the rule is armed; default: the camera's schedule.")
    verify: Literal["off", "annotate", "suppress"] = Field(
        "off",
        description="What a language model's verdict on the picture does: off: nothing is asked for its sake; annotate: "
        "it is told with the event; suppress: an alert that the picture does not support is held back, and kept visible.",
    )
    verify_s: float = Field(
        10.0, ge=1, le=120, description="With suppress, an alert waits so long for the verdict, then it goes out."
    )

    @property
    def title(self) -> str:
        """The rule's name in events and reports."""
        return self.name or self.type


P = TypeVar("P", bound=RuleParams)


@dataclass(frozen=True, slots=True)
class View:
    """The camera's picture as rules see it: size in pixels, zones and lines scaled to it."""

    width: int
    height: int
    zones: dict[str, tuple[Point, ...]] = field(default_factory=dict)
    lines: dict[str, tuple[Point, ...]] = field(default_factory=dict)

    @property
    def diagonal(self) -> float:
        """The picture's diagonal in pixels."""
        return math.hypot(self.width, self.height)

    @property
    def whole(self) -> tuple[Point, ...]:
        """The whole picture as a polygon: the zone of a rule that names none."""
        return (0.0, 0.0), (self.width, 0.0), (self.width, self.height), (0.0, self.height)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom or what an event is about; `box` in pixels. The best one becomes the snapshot.

    `t` is the moment of the box (seconds, at most a few before now) where it is not this one: a climb is told once it is
    certain, and shown at its top.
    """

    box: Box | None = None
    label: str | None = None
    score: float | None = None
    track_id: int | None = None
    t: float | None = None

    @classmethod
    def of(cls, track: Track) -> Subject:
        """The subject that a track is."""
        return cls(track.box, track.label, track.score, track.id)


@dataclass(frozen=True, slots=True)
class Opened:
    """Something began at `start` (seconds). `key` names it within the rule until it is closed.

    The severity of the rule's parameters holds unless the signal names another.
    """

    key: str
    start: float
    subject: Subject = Subject()
    zone: str | None = None
    count: int = 1
    facts: dict[str, Fact] = field(default_factory=dict)
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Updated:
    """It goes on; `facts` are merged. A subject that is seen better (larger and surer) becomes the picture."""

    key: str
    subject: Subject | None = None
    count: int | None = None
    facts: dict[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Closed:
    """It ended at `end` (seconds). A crossing opens and closes in the same step."""

    key: str
    end: float
    facts: dict[str, Fact] = field(default_factory=dict)
    count: int | None = None


@dataclass(frozen=True, slots=True)
class NearMiss:
    """It nearly fired: the gate that stopped it, in words with both numbers ("dwell 2.1 s < 3 s"), once it is certain.

    `fraction` 0..1 says how near the value came to the limit.
    """

    gate: str
    text: str
    start: float
    end: float
    fraction: float
    subject: Subject = Subject()
    zone: str | None = None


Signal = Opened | Updated | Closed | NearMiss


class Rule(ABC, Generic[P]):
    """One kind of thing to watch for on one camera."""

    Params: ClassVar[type[RuleParams]]
    needs: ClassVar[frozenset[Need]] = frozenset({"tracks"})
    default_classes: ClassVar[tuple[str, ...] | None] = ("person",)
    # Sees every track, since people explain things of any class; `classes` then says which things may be told of, where
    # the detector knows their class.
    class_free: ClassVar[bool] = False
    # Whether an event has a picture and a clip; a count over an hour has not.
    pictured: ClassVar[bool] = True
    # How many seconds the moment of a subject (`Subject.t`) may lie before the signal that tells of it.
    looks_back_s: ClassVar[float] = 0.0

    def __init__(self, params: P, view: View) -> None:
        self.params = params
        self.view = view

    @abstractmethod
    def step(self, tracks: Sequence[Track], motion: Motion, t: float) -> Iterable[Signal]:
        """What this moment changes. `tracks` are already filtered by class, confidence and mask."""

    def finish(self, t: float) -> Iterable[Signal]:
        """What to say when the footage ends at `t`: near misses still pending. Open events are closed by the book."""
        return ()

    def zone(self, name: str | None) -> tuple[Point, ...]:
        """The polygon of a zone in pixels; the whole picture for None."""
        return self.view.whole if name is None else self.view.zones[name]

    def line(self, name: str) -> tuple[Point, ...]:
        """The points of a line in pixels."""
        return self.view.lines[name]


RuleType = type[Rule[Any]]
_plugins: Plugins[RuleType] = Plugins("vision.rules")


def register(rule: RuleType) -> RuleType:
    """Class decorator: makes the rule known under the literal of its `Params.type`."""
    _plugins.add(kind_of(rule), rule)
    return rule


def rule_types() -> dict[str, RuleType]:
    """Every rule by its type; imports the files of this folder at first use."""
    return _plugins.all()
