"""Charts as paths of an SVG that stretches to any width; words and marks lie over it in percent and keep their size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from edge_agent.inspect.line.records import Part
from edge_agent.inspect.line.shift import Groups, Measured, Watched
from edge_agent.inspect.line.tolerances import DISTANCES
from edge_agent.when import local_text
from vision.inspect.spc.charts import Chart

WIDE, HIGH = 1000, 300  # the SVG's own units
_MOST_MARKS = 150
_MOST_DOTS = 5000
_PAD = 0.08
Kind = Literal["center", "limit", "spec", "zone"]


@dataclass(frozen=True, slots=True)
class Trace:
    """A line over the whole chart: its path, its label at the right edge and where (percent from the top)."""

    kind: Kind
    path: str
    label: str
    y: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A point that broke a rule, in percent from the left and the top, with what it says."""

    x: float
    y: float
    title: str
    rules: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart ready to lay out. `line` joins the points, `dots` are they; `x_labels`: percent from the left and words."""

    title: str
    note: str
    line: str
    dots: str
    traces: tuple[Trace, ...]
    marks: tuple[Mark, ...]
    more: int
    y_labels: tuple[tuple[float, str], ...]
    x_labels: tuple[tuple[float, str], ...]
    spoken: str


class _Scale:
    """From values to the chart."""

    def __init__(self, count: int, values: Sequence[float], floor: float | None = None) -> None:
        low, high = min(values), max(values)
        pad = (high - low) * _PAD or abs(high) * 0.1 or 1.0
        self.low = low - pad if floor is None or low - pad > floor else floor
        self.high, self.count = high + pad, count

    def x(self, index: float) -> float:
        return (index + 0.5) / self.count

    def y(self, value: float) -> float:
        return (self.high - value) / (self.high - self.low)

    def path(self, values: Sequence[float]) -> str:
        """One point follows the other."""
        points = (f"{self.x(i) * WIDE:.1f} {self.y(v) * HIGH:.1f}" for i, v in enumerate(values))
        return "M" + "L".join(points) if values else ""

    def dots(self, values: Sequence[float]) -> str:
        """Each point; none where there are so many that they would cover the line."""
        if len(values) > _MOST_DOTS:
            return ""
        return "".join(f"M{self.x(i) * WIDE:.1f} {self.y(v) * HIGH:.1f}h0" for i, v in enumerate(values))

    def steps(self, values: Sequence[float]) -> str:
        """A level for each point; changes half-way between them."""
        runs: list[str] = [f"M0 {self.y(values[0]) * HIGH:.1f}"]
        for index, (before, after) in enumerate(pairwise(values)):
            if after != before:
                runs.append(f"H{(index + 1) / self.count * WIDE:.1f}V{self.y(after) * HIGH:.1f}")
        return "".join(runs) + f"H{WIDE}"

    def labels(self) -> tuple[tuple[float, str], ...]:
        """About four round values within the chart."""
        raw = (self.high - self.low) / 4
        power = 10 ** math.floor(math.log10(raw))
        step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= raw)
        first = math.ceil(self.low / step)
        last = math.floor(self.high / step)
        digits = max(0, -math.floor(math.log10(step)) + (step / power == 2.5))
        return tuple((100 * self.y(n * step), f"{n * step:.{digits}f}") for n in range(first, last + 1))


def number(value: float) -> str:
    """Four digits, as far as they say anything."""
    return f"{value:.4g}"


def percent(value: float) -> str:
    """A share in percent."""
    return f"{100 * value:.1f} %"


def rejects_plot(groups: Groups) -> Plot:
    """The p-chart."""
    chart = groups.chart
    shares = replace(
        chart,
        values=_hundred(chart.values),
        center=100 * chart.center,
        lower=_hundred(chart.lower),
        upper=_hundred(chart.upper),
    )
    first = [group[0].at for group in groups.members]
    times = [local_text(at)[11:16] if at is not None else f"part {group[0].number}"
             for at, group in zip(first, groups.members, strict=True)]  # fmt: skip
    sizes = sorted({len(group) for group in groups.members})
    many = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    names = [_member(group) for group in groups.members]
    return _plot("Rejects", f"percent of {many} parts a point; p-chart", shares, times, names, floor=0.0,
                 words=lambda v: f"{v:.1f} %")  # fmt: skip


def measure_plots(measured: Measured) -> tuple[Plot, Plot]:
    """The chart of the level and that of the spread below it."""
    level, spread, size = measured.pair.level, measured.pair.spread, len(measured.members[0])
    names = [_member(group) for group in measured.members]
    times = [local_text(group[0].at)[11:16] or str(group[0].number) for group in measured.members]
    note = "individuals" if size == 1 else f"mean of {size} parts; X-bar chart"
    floor = 0.0 if measured.key.name in DISTANCES else None
    upper = _plot(str(measured.key), note, level, times, names, floor=floor, spec=measured.limits)
    if size == 1:
        lower = _plot("Moving range", "of two parts in a row", spread, times[1:], names[1:], floor=0.0)
    else:
        lower = _plot("Range", f"within {size} parts; R chart", spread, times, names, floor=0.0)
    return upper, lower


def drift_plot(watched: Watched) -> Plot:
    """The sum of what scores lie above the usual; a sum above the limit is a drift."""
    scale = _Scale(len(watched.sums), [*watched.sums, watched.interval, 0.0], floor=0.0)
    marks = tuple(
        Mark(100 * scale.x(drift.index), 100 * scale.y(watched.sums[drift.index]),
             f"part {watched.parts[drift.index].number}: {drift}", "drift")
        for drift in watched.drifts
    )  # fmt: skip
    limit = Trace("limit", scale.steps([watched.interval] * 2), "limit", 100 * scale.y(watched.interval))
    title = f"{watched.region} · {watched.check}" if watched.region != watched.check else watched.check
    return Plot(
        title, "CUSUM of the score of parts that passed", scale.path(watched.sums), "", (limit,), marks, 0,
        scale.labels(), _ends([str(part.number) for part in watched.parts]),
        f"CUSUM of {title}: {len(watched.drifts)} drifts",
    )  # fmt: skip


def score_plot(watched: Watched) -> Plot:
    """The scores themselves, in units of the threshold."""
    scale = _Scale(len(watched.scores), [*watched.scores, 1.0], floor=0.0)
    limit = Trace("limit", scale.steps([1.0] * 2), "limit", 100 * scale.y(1.0))
    dots = scale.dots(watched.scores)
    return Plot(
        title="Score of parts that passed",
        note="in units of the threshold",
        line="" if dots else scale.path(watched.scores),
        dots=dots,
        traces=(limit,),
        marks=(),
        more=0,
        y_labels=scale.labels(),
        x_labels=_ends([str(part.number) for part in watched.parts]),
        spoken="scores of parts that passed",
    )


def _hundred(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(100 * value for value in values)


def _member(group: Sequence[Part]) -> str:
    first, last = group[0].number, group[-1].number
    return f"part {first}" if first == last else f"parts {first} to {last}"


def _ends(names: Sequence[str]) -> tuple[tuple[float, str], ...]:
    """The first, the middle and the last name below the chart."""
    places = sorted({0, len(names) // 2, len(names) - 1}) if len(names) > 4 else range(len(names))
    return tuple((100 * (place + 0.5) / len(names), names[place]) for place in places)


def _plot(
    title: str,
    note: str,
    chart: Chart,
    times: Sequence[str],
    names: Sequence[str],
    *,
    floor: float | None = None,
    spec: tuple[float | None, float | None] = (None, None),
    words: Callable[[float], str] = number,
) -> Plot:
    lower = chart.lower if floor is None else [max(floor, value) for value in chart.lower]
    all_values = [*chart.values, *lower, *chart.upper, chart.center, *(v for v in spec if v is not None)]
    scale = _Scale(len(chart.values), all_values, floor)
    traces = [
        Trace("center", scale.steps([chart.center] * 2), "mean", 100 * scale.y(chart.center)),
        Trace("limit", scale.steps(chart.upper), "UCL", 100 * scale.y(chart.upper[-1])),
    ]
    if floor is None or chart.lower[-1] > floor:
        traces.append(Trace("limit", scale.steps(chart.lower), "LCL", 100 * scale.y(chart.lower[-1])))
    for value, label in zip(spec, ("least", "most"), strict=True):
        if value is not None:
            traces.append(Trace("spec", scale.steps([value] * 2), label, 100 * scale.y(value)))
    marks = []
    for index, broken in chart.broken().items():
        told = f"{names[index]}: {words(chart.values[index])}; {'; '.join(rule.words for rule in broken)}"
        ids = " ".join(rule.id for rule in broken)
        marks.append(Mark(100 * scale.x(index), 100 * scale.y(chart.values[index]), told, ids))
    spoken = f"{title}: {len(chart.values)} points, mean {words(chart.center)}, {len(marks)} broke a rule"
    return Plot(
        title, note, scale.path(chart.values), scale.dots(chart.values), tuple(traces), tuple(marks[:_MOST_MARKS]),
        max(0, len(marks) - _MOST_MARKS), scale.labels(), _ends(times), spoken,
    )  # fmt: skip
