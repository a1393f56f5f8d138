"""A shift in numbers: rejects, their causes, charts of every measure, capability, drift of the scores of good parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge_agent.inspect.line.records import Key, Part, Verdicts
from edge_agent.inspect.line.tolerances import DISTANCES, Limits, sensor_limits, tolerances
from edge_agent.inspect.report import kinds_of
from vision.inspect.anomaly.statistics import clopper_pearson
from vision.inspect.recipe import Recipe
from vision.inspect.spc.capability import Capability, capability
from vision.inspect.spc.charts import Chart, Pair, individuals, p_chart, xbar_r
from vision.inspect.spc.drift import INTERVAL, Drift, DriftWatch
from vision.inspect.spc.pareto import Cause, pareto

LEAST_VALUES = 8  # of a measure, for a chart
LEAST_GROUPS = 3
_LEAST_DISTINCT = 5


@dataclass(frozen=True, slots=True)
class Settings:
    """How parts are put together. `group`: parts of a point of the p-chart, or `every_s` seconds, where times are known.

    `subgroup`: parts of a point of X-bar and R; 1: individuals and moving range.
    """

    group: int = 50
    every_s: float | None = None
    subgroup: int = 1


@dataclass(frozen=True, slots=True)
class Groups:
    """The p-chart with the parts of each of its points."""

    chart: Chart
    members: tuple[tuple[Part, ...], ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure: its chart, its limits, its capability; `members` are the parts of each point of the level chart."""

    key: Key
    pair: Pair
    members: tuple[tuple[Part, ...], ...]
    limits: Limits
    capability: Capability | None


@dataclass(frozen=True, slots=True)
class Watched:
    """The score of one check on parts that passed, in units of the threshold; its sum, the limit of it, what it told."""

    region: str
    check: str
    parts: tuple[Part, ...]
    scores: tuple[float, ...]
    sums: tuple[float, ...]
    interval: float
    drifts: tuple[Drift, ...]


@dataclass(frozen=True, slots=True)
class Shift:
    """Everything that the report shows. `yield_low`, `yield_high`: 95 % interval of the share that passed."""

    parts: tuple[Part, ...]
    recipe: Recipe | None
    counts: Mapping[str, int]
    yield_low: float
    yield_high: float
    causes: tuple[Cause, ...]
    undecided: tuple[Cause, ...]
    rejects: Groups | None
    measures: tuple[Measured, ...]
    watched: tuple[Watched, ...]

    @property
    def toleranced(self) -> tuple[Measured, ...]:
        """The measures that a drawing has limits for: what happens to them matters to somebody."""
        return tuple(measured for measured in self.measures if measured.limits != (None, None))


def analysed(
    verdicts: Verdicts, settings: Settings, base: Verdicts | None = None, recipe: Recipe | None = None
) -> Shift:
    """The shift's numbers; limits come from `base`, a time when all was well, where it is given.

    `recipe` has the tolerances; default: that beside the verdicts.
    """
    parts = verdicts.parts
    counts = {kind: sum(part.verdict == kind for part in parts) for kind in ("pass", "reject", "no_decision")}
    recipe = recipe or verdicts.recipe
    known = base.parts if base is not None else ()
    low, high = clopper_pearson(counts["pass"], len(parts)) if parts else (0.0, 1.0)
    rejected = [kind for part in parts if part.verdict == "reject" for kind in _kinds(part)]
    undecided = [
        reason for part in parts if part.verdict == "no_decision" for reason in part.entry.get("reasons") or ()
    ]
    return Shift(
        parts=parts,
        recipe=recipe,
        counts=counts,
        yield_low=low,
        yield_high=high,
        causes=pareto(rejected),
        undecided=pareto(undecided),
        rejects=_rejects(parts, settings, known),
        measures=tuple(_measures(parts, known, settings, tolerances(recipe) | sensor_limits(parts))),
        watched=tuple(_watched(parts, known)),
    )


def _kinds(part: Part) -> tuple[str, ...]:
    return kinds_of({"findings": (), "checks": (), **part.entry})


def _rejects(parts: Sequence[Part], settings: Settings, known: Sequence[Part]) -> Groups | None:
    """A part without a decision has not passed, but it is no reject either: the chart leaves it out."""
    decided = [part for part in parts if part.verdict != "no_decision"]
    groups = [group for group in _grouped(decided, settings) if group]
    if len(groups) > 1 and settings.every_s is None and len(groups[-1]) < settings.group // 2:
        groups[-2:] = [groups[-2] + groups[-1]]  # a few last parts are no group of their own
    if len(groups) < LEAST_GROUPS:
        return None
    before = [part for part in known if part.verdict != "no_decision"]
    usual = sum(part.verdict == "reject" for part in before) / len(before) if before else None
    rejects = [sum(part.verdict == "reject" for part in group) for group in groups]
    return Groups(p_chart(rejects, [len(group) for group in groups], usual), tuple(groups))


def _grouped(parts: Sequence[Part], settings: Settings) -> list[tuple[Part, ...]]:
    if settings.every_s is None or any(part.at is None for part in parts):
        return [tuple(parts[i : i + settings.group]) for i in range(0, len(parts), settings.group)]
    found: dict[int, list[Part]] = {}
    for part in parts:
        assert part.at is not None  # asked above
        found.setdefault(int(part.at // settings.every_s), []).append(part)
    return [tuple(group) for _, group in sorted(found.items())]


def _measures(
    parts: Sequence[Part], known: Sequence[Part], settings: Settings, limits: Mapping[Key, Limits]
) -> Iterator[Measured]:
    for key in sorted({key for part in parts for key in part.measures}):
        having = [part for part in parts if key in part.measures]
        before = [part.measures[key] for part in known if key in part.measures]
        size = settings.subgroup
        values = [part.measures[key] for part in having]
        if len(having) < max(LEAST_VALUES, 2 * size) or len(set(values)) < _LEAST_DISTINCT:
            continue  # counts, and what never changes, are nothing for a chart of measured values
        whole = len(values) - len(values) % size
        if size == 1:
            pair = individuals(values, before if len(before) >= LEAST_VALUES else None)
        else:
            told = _cut(before, size) if len(before) >= 2 * size else None
            pair = xbar_r(_cut(values, size), told)
        members = tuple(tuple(having[i : i + size]) for i in range(0, whole, size))
        span = limits.get(key, (None, None))
        yield Measured(key, pair, members, span, None if key.name in DISTANCES else capability(values, *span))


def _cut(values: Sequence[float], size: int) -> list[Sequence[float]]:
    return [values[i : i + size] for i in range(0, len(values) - len(values) % size, size)]


def _watched(parts: Sequence[Part], known: Sequence[Part]) -> Iterator[Watched]:
    places = sorted({place for part in parts for place in part.scores})
    for place in places:
        good = tuple(part for part in parts if part.verdict == "pass" and place in part.scores)
        scores = tuple(part.scores[place].severity for part in good)
        base = [part.scores[place].severity for part in known if part.verdict == "pass" and place in part.scores]
        watch = DriftWatch(1.0, base=base or None)
        drifts = tuple(drift for score in scores if (drift := watch.update(score)) is not None)
        if watch.ready or drifts:
            yield Watched(*place, good, scores, tuple(watch.sums), INTERVAL, drifts)
