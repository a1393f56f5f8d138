"""Guard: "In the last hour twelve came in and nine went out.".

line: every passage counts in or out; zone: every object that comes into the zone counts in, that leaves it out
period begins --period_s later, or the footage ends--> EVENT with the counts of that period; the next period begins
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from vision.events import Fact, Severity
from vision.motion.base import Motion
from vision.rules.base import Closed, NearMiss, Opened, Rule, RuleParams, Signal, Subject, View, register
from vision.rules.passage import Anchor, Doubt, Passage, Passages
from vision.rules.presence import Presence
from vision.track.base import Track

_EDGE = 0.01  # hysteresis at a zone's edge, 0..1 of the diagonal


class CountingParams(RuleParams):
    """Parameters of `counting`."""

    type: Literal["counting"] = "counting"
    severity: Severity = Field("info", description="How much an event of this rule matters.")
    line: str | None = Field(None, description="Name of the line whose passages are counted.")
    zone: str | None = Field(None, description="Name of the zone whose visitors are counted, in place of a line.")
    period_s: float = Field(3600.0, gt=0, description="A report every so many seconds, and one when the footage ends.")
    anchor: Anchor = Field("foot", description="The point of the box that has to cross the line: foot or centre.")
    margin: float = Field(
        0.1, ge=0, le=1, description="How far before and after the line it must have been, in shares of its box height."
    )
    min_seconds: float = Field(0.5, ge=0, description="How long somebody must be in the zone to count.")
    leave_seconds: float = Field(1.0, ge=0, description="How long out of the zone (or lost) counts as left.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.line is None) == (self.zone is None):
            raise ValueError("counting needs either line or zone")
        return self


class _Gate:
    """Counts passages of a line."""

    def __init__(self, params: CountingParams, rule: Counting, line: str) -> None:
        self._passages = Passages(rule.line(line), rule.view, margin=params.margin, anchor=params.anchor)
        self.place = line

    def step(self, tracks: Sequence[Track], t: float) -> list[Literal["in", "out"] | NearMiss]:
        return [self._one(result) for result in self._passages.update(tracks, t)]

    def finish(self) -> list[Literal["in", "out"] | NearMiss]:
        return [self._one(result) for result in self._passages.finish()]

    def facts(self) -> dict[str, Fact]:
        return {}

    def _one(self, result: Passage | Doubt) -> Literal["in", "out"] | NearMiss:
        if isinstance(result, Passage):
            return result.direction
        subject = Subject.of(result.track)
        return NearMiss(result.gate, result.text, result.start, result.end, result.fraction, subject, self.place)


class _Room:
    """Counts visitors of a zone, and how many are in it at once."""

    def __init__(self, params: CountingParams, rule: Counting, zone: str) -> None:
        edge = _EDGE * rule.view.diagonal
        self._presence = Presence(rule.zone(zone), rule.view, edge=edge, leave_s=params.leave_seconds)
        self._least = params.min_seconds
        self._counted: set[str] = set()
        self._most = 0
        self.place = zone

    def step(self, tracks: Sequence[Track], t: float) -> list[Literal["in", "out"] | NearMiss]:
        said: list[Literal["in", "out"] | NearMiss] = []
        inside, left = self._presence.update(tracks, t)
        for stay in inside:
            if stay.key not in self._counted and stay.seconds >= self._least:
                self._counted.add(stay.key)
                said.append("in")
        self._most = max(self._most, len(self._counted))
        for stay in left:
            if stay.key in self._counted:
                self._counted.discard(stay.key)
                said.append("out")
            else:
                text = f"dwell {stay.seconds:.1f} s < {self._least:g} s"
                share = stay.seconds / self._least if self._least else 1.0
                said.append(NearMiss("dwell", text, stay.since, stay.until, share, Subject.of(stay.track), self.place))
        return said

    def finish(self) -> list[Literal["in", "out"] | NearMiss]:
        return []

    def facts(self) -> dict[str, Fact]:
        """Of the period: how many are in now, and the most at once."""
        facts: dict[str, Fact] = {"present": len(self._counted), "most": self._most}
        self._most = len(self._counted)
        return facts


@register
class Counting(Rule[CountingParams]):
    """One event for each period; `count` is how many passed or came in."""

    Params = CountingParams
    pictured = False

    def __init__(self, params: CountingParams, view: View) -> None:
        super().__init__(params, view)
        self._counter = (
            _Gate(params, self, params.line) if params.line is not None else _Room(params, self, params.zone or "")
        )
        self._begin: float | None = None
        self._in = self._out = self._all_in = self._all_out = self._period = 0

    def step(self, tracks: Sequence[Track], motion: Motion, t: float) -> Iterable[Signal]:
        """See `Rule.step`."""
        if self._begin is None:
            self._begin = t
        while t - self._begin >= self.params.period_s:
            yield from self._report(self._begin + self.params.period_s)
        yield from self._add(self._counter.step(tracks, t))

    def finish(self, t: float) -> Iterable[Signal]:
        """See `Rule.finish`."""
        if self._begin is not None:
            yield from self._add(self._counter.finish())
            yield from self._report(t)

    def _add(self, said: Sequence[Literal["in", "out"] | NearMiss]) -> Iterator[NearMiss]:
        for one in said:
            if isinstance(one, NearMiss):
                yield one
            elif one == "in":
                self._in += 1
            else:
                self._out += 1

    def _report(self, end: float) -> Iterator[Signal]:
        """The period's counts, then a fresh period."""
        begin = end if self._begin is None else self._begin
        self._all_in += self._in
        self._all_out += self._out
        total = self._in + self._out if self.params.line is not None else self._in
        facts: dict[str, Fact] = {
            "in": self._in,
            "out": self._out,
            "net": self._in - self._out,
            "total": total,
            "in_since_start": self._all_in,
            "out_since_start": self._all_out,
            "period_s": end - begin,
        }
        self._period += 1
        key = str(self._period)
        yield Opened(key, begin, zone=self._counter.place, count=total, facts=facts | self._counter.facts())
        yield Closed(key, end)
        self._begin, self._in, self._out = end, 0, 0
