"""What of a model's answer may be said about an event: what contradicts the facts is dropped, each with its reason.

```
answer ──> allowed and asked for ──> not against the facts ──> at one with itself ──> fields to speak of
                                                            └──> `supports` ──> verdict: yes, no, unsure
```
A verdict is a claim about the alarm, so it has to agree with the rest of the answer. "Yes" does not stand beside a value
that contradicts the event. "No" stands only if nothing at all was dropped, if the rest of the answer says why (nobody
there; the one who fell stands upright) and the picture can be seen well: it may hold back an alert. A value that says why
is a doubt, not a contradiction; it is kept apart and never told as a fact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from vision.events import Event
from vision.language.fields import Fields, Value, allowed
from vision.language.grounding_tables import (
    BLACK,
    BRIGHT,
    DENIALS,
    EVIDENCE,
    IMPOSSIBLE,
    KINDS,
    MISMATCHES,
    PERSON_FIELDS,
    PROOFS,
    UNTOLD_KINDS,
    VEHICLE_FIELDS,
    Reason,
    Ruled,
    at_least,
    defect_named,
    seen_as,
)
from vision.language.model import JsonSchema

Verdict = Literal["yes", "no", "unsure"]

_WHAT_IS_SEEN = ("subject", "visibility", "verdict", "defect")  # how it moves may differ from moment to moment
_FORMAL: tuple[Reason, ...] = ("not_asked", "not_allowed")  # no contradiction, only not an answer
_HELD_BACK: tuple[Reason, ...] = ("untold", "poor_sight", "unfounded")  # a verdict that does not stand on its own
_TRUSTED_SHARE = 0.5  # an answer of which less survives is confused altogether


@dataclass(frozen=True, slots=True)
class Dropped:
    """A value that is not told, and why."""

    value: str | int | float | bool | None
    reason: Reason


@dataclass(frozen=True, slots=True)
class Grounded:
    """What is left of an answer.

    `fields`: what may be told. `doubts`: values that say why the alarm is denied. `dropped`: the rest, with reasons.
    `confidence`: the share (0..1) of the fields asked for that survived; with less than half nothing should be told.
    """

    fields: Fields
    verdict: Verdict
    dropped: Mapping[str, Dropped] = field(default_factory=dict)
    doubts: Mapping[str, Value] = field(default_factory=dict)
    confidence: float = 1.0

    @property
    def trusted(self) -> bool:
        """Whether enough survived to tell anything of it."""
        return self.confidence >= _TRUSTED_SHARE

    @property
    def contradictions(self) -> int:
        """How many values contradicted the facts or each other."""
        return sum(entry.reason not in (*_FORMAL, *_HELD_BACK) for entry in self.dropped.values())


def ground(
    event: Event,
    answer: Mapping[str, Any],
    schema: JsonSchema,
    *,
    light: float | None = None,
    own_task: bool = False,
) -> Grounded:
    """The answer's values held against the event.

    `answer`: `Answer.values`. `light`: mean grey level (0..255) of the picture shown, where it was measured. `own_task`:
    the question was the user's own, so that a "no" may rest on what only that question says (guards in yellow).
    """
    work = _Work(event, light)
    asked = schema["properties"]
    for name, value in answer.items():
        if name not in asked:
            work.dropped[str(name)] = Dropped(_plain(value), "not_asked")
        elif not allowed(name, value):
            work.dropped[name] = Dropped(_plain(value), "not_allowed")
        else:
            work.values[name] = value
    for check in (_against_facts, _against_each_other):  # the second one builds on what the first one dropped
        for name, reason in [*check(work)]:
            work.drop(name, reason)
    verdict = _verdict(work, own_task=own_task)
    if verdict == "no" and not own_task:
        work.doubts |= {name: work.values[name] for name in work.holding(_row(DENIALS, event))}
    left = {name: value for name, value in work.values.items() if name not in work.dropped and name not in work.doubts}
    survived = sum(name in left or name in work.doubts for name in asked)
    confidence = survived / len(asked) if asked else 0.0
    if confidence < _TRUSTED_SHARE:
        verdict = "unsure"
    return Grounded(Fields.of(left), verdict, work.dropped, work.doubts, round(confidence, 3))


@dataclass(slots=True)
class _Work:
    """An answer while it is looked at; `values` stay as given."""

    event: Event
    light: float | None
    values: dict[str, Value] = field(default_factory=dict)
    dropped: dict[str, Dropped] = field(default_factory=dict)
    doubts: dict[str, Value] = field(default_factory=dict)

    @property
    def denied(self) -> bool:
        return self.values.get("supports") == "no"

    def drop(self, name: str, reason: Reason) -> None:
        """Drop a value for its first reason. A denial's own ground is a doubt; what is at odds with itself is none."""
        if name not in self.values or name in self.dropped:
            return
        value = self.values[name]
        if (
            self.denied
            and reason in ("event", "label", "count", "kind")
            and value in _row(DENIALS, self.event).get(name, ())
        ):
            self.doubts[name] = value
            return
        self.doubts.pop(name, None)
        self.dropped[name] = Dropped(value, reason)

    def holding(self, rows: Ruled) -> Iterator[str]:
        """The fields whose value is in these rows."""
        return (name for name, values in rows.items() if self.values.get(name) in values)


def _row(table: Mapping[str, Ruled], event: Event) -> Ruled:
    return table.get(event.type, table.get("*", {}))


def _against_facts(work: _Work) -> Iterator[tuple[str, Reason]]:
    event, values = work.event, work.values
    yield from ((name, "event") for name in work.holding(IMPOSSIBLE.get(event.type, {})))
    yield from _against_label(work)
    yield from _against_boxes(event, values)
    if _too_few(event, values.get("people")):
        yield "people", "count"
    visibility = values.get("visibility")
    if event.type == "tamper":
        if visibility in KINDS.get(str(event.facts.get("kind")), ()):
            yield "visibility", "kind"
    elif visibility == "covered" and event.box is not None:
        yield "visibility", "detected"
    light = _light(work)
    if light is not None and ((visibility == "dark" and light > BRIGHT) or (visibility == "clear" and light < BLACK)):
        yield "visibility", "light"


def _against_label(work: _Work) -> Iterator[tuple[str, Reason]]:
    """What cannot be, since the detector saw something else. What was removed is gone: its label tells nothing."""
    named, defect = defect_named(work.event), work.values.get("defect")
    if named is not None and defect not in (None, "none", "unsure", named):
        yield "defect", "label"
    group = None if work.event.type == "defect" else seen_as(work.event)
    if work.event.type == "crowd" and group is None:
        group = frozenset({"person"})
    if group is None or work.event.type == "removed_object":
        return
    subject = work.values.get("subject")
    if subject not in (None, "unsure") and subject not in group:
        yield "subject", "label"
    if "person" in group:
        if work.values.get("people") == "none":
            yield "people", "label"
    else:
        yield from ((name, "label") for name in work.holding(PERSON_FIELDS))
    if "car" not in group:
        yield from ((name, "label") for name in work.holding(VEHICLE_FIELDS))


def _against_boxes(event: Event, values: Mapping[str, Value]) -> Iterator[tuple[str, Reason]]:
    """What an inspection measured: another place or size than the defect's box has."""
    for name, fact in (("place", "places"), ("extent", "extents")):
        fitting = event.facts.get(fact)
        if event.type == "defect" and isinstance(fitting, list) and values.get(name) not in (None, "unsure", *fitting):
            yield name, "event"


def _too_few(event: Event, people: Value | None) -> bool:
    """Whether more were counted than are said to be seen; only a crowd's picture shows everybody who was counted."""
    count = at_least(event)
    if people == "one":
        return count >= 2
    return people == "few" and event.type == "crowd" and count >= 8


def _light(work: _Work) -> float | None:
    """Mean grey level of the picture; what tampering was measured by will do."""
    mean = work.event.facts.get("mean")
    if work.light is None and work.event.type == "tamper" and isinstance(mean, int | float):
        return float(mean)
    return work.light


def _against_each_other(work: _Work) -> Iterator[tuple[str, Reason]]:
    values = work.values
    for one, ones, other, others in MISMATCHES:
        settled = one in work.dropped or other in work.dropped  # by the facts: then the other one is right
        if values.get(one) in ones and values.get(other) in others and not settled:
            yield one, "mismatch"
            yield other, "mismatch"
    if values.get("visibility") == "covered" and work.event.type != "tamper":
        yield from ((name, "unseen") for name in work.holding({**PERSON_FIELDS, **VEHICLE_FIELDS}))
    if values.get("subject") in ("none", "car", "bag"):
        yield from ((name, "unseen") for name in work.holding(PERSON_FIELDS))
    if values.get("subject") in ("none", "bag"):
        yield from ((name, "unseen") for name in work.holding(VEHICLE_FIELDS))


def _verdict(work: _Work, *, own_task: bool) -> Verdict:
    """The verdict that stands; drops `supports` and `threat` where they do not fit the rest."""
    values = work.values
    said, threat = values.get("supports"), values.get("threat")
    if said == "no" and isinstance(threat, int) and threat >= 2:
        work.drop("threat", "mismatch")
    if said not in ("yes", "no"):
        return "unsure"
    reason = _yes_falls(work) if said == "yes" else _no_falls(work, own_task=own_task)
    if reason is None:
        return "yes" if said == "yes" else "no"
    work.drop("supports", reason)
    if reason not in _HELD_BACK:
        work.drop("threat", reason)
    return "unsure"


def _yes_falls(work: _Work) -> Reason | None:
    if _untold(work.event):
        return "untold"
    if any(_weighs(name, entry, work) for name, entry in work.dropped.items()):
        return "mismatch"
    denied = [name for name in work.holding(_row(DENIALS, work.event)) if name in _WHAT_IS_SEEN]
    for name in denied:
        work.drop(name, "mismatch")
    return "mismatch" if denied else None


def _weighs(name: str, entry: Dropped, work: _Work) -> bool:
    """Whether a "yes" falls with this value; who calls a lit night dark may still be right about the rest."""
    lit = entry == Dropped("dark", "light") and work.event.type != "tamper"
    return name in EVIDENCE and entry.reason not in _FORMAL and not lit


def _no_falls(work: _Work, *, own_task: bool) -> Reason | None:
    if _untold(work.event):
        return "untold"
    if work.dropped:
        return "mismatch"
    if work.event.type != "tamper" and work.values.get("visibility") in ("dark", "blurred", "covered"):
        return "poor_sight"
    if own_task:
        return None
    proofs, denials = _row(PROOFS, work.event), _row(DENIALS, work.event)
    if any(True for _ in work.holding(proofs)):
        return "mismatch"
    speaks = any(True for _ in work.holding(denials))
    return None if speaks or not any(name in work.values for name in denials) else "unfounded"


def _untold(event: Event) -> bool:
    return event.type == "tamper" and event.facts.get("kind") in UNTOLD_KINDS


def _plain(value: object) -> str | int | float | bool | None:
    """A wrong value as it is kept on record: short, and of a plain type."""
    return value if isinstance(value, int | float | bool) or value is None else str(value)[:40]
