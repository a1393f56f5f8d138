"""The shift report: one HTML page and three CSV files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from edge_agent.inspect.line.plots import Plot, drift_plot, measure_plots, rejects_plot, score_plot
from edge_agent.inspect.line.shift import LEAST_GROUPS, Measured, Shift
from edge_agent.inspect.line.tolerances import DISTANCES
from edge_agent.inspect.report import rendered
from edge_agent.when import local_iso, local_text
from vision.errors import InputError
from vision.inspect.spc.capability import Capability
from vision.inspect.spc.charts import Chart
from vision.inspect.spc.cusum import average_run_length
from vision.inspect.spc.drift import INTERVAL, LEARN, SLACK
from vision.inspect.spc.pareto import Cause
from vision.inspect.spc.rules import WESTERN_ELECTRIC, Rule

REPORT, PARTS, CHARTS, CAPABILITY = "shift.html", "parts.csv", "charts.csv", "capability.csv"
_LEAST_CPK = 1.33
_MATTERS = 0.005  # of good parts that a drift would have rejected: from there on it is urgent
_MOST_CAUSES = 15


@dataclass(frozen=True, slots=True)
class Note:
    """Something that somebody should look at."""

    level: Literal["alert", "warning"]
    about: str
    words: str


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that the template lays out."""

    title: str
    span: str
    total: int
    counts: Mapping[str, int]
    rate: str
    rate_span: str
    signals: int
    attention: tuple[Note, ...]
    unseen: tuple[str, ...]
    causes: tuple[Cause, ...]
    undecided: tuple[Cause, ...]
    rejects: Plot | None
    drifts: tuple[tuple[Plot, Plot], ...]
    run_length: int
    measures: tuple[tuple[Plot, Plot], ...]
    others: tuple[tuple[Plot, Plot], ...]
    capable: tuple[tuple[str, Capability], ...]
    rules: tuple[Rule, ...]
    basis: str


def write_shift(shift: Shift, out: Path, *, with_base: bool = False) -> Path:
    """Write `shift.html`, `parts.csv`, `charts.csv` and `capability.csv`; gives the page's path.

    Raises InputError where the folder cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        path = out / REPORT
        path.write_text(
            rendered("shift.html.j2", build(shift, with_base), ("inspect.css", "shift.css")), encoding="utf-8"
        )
        _table(out / PARTS, _part_rows(shift))
        _table(out / CHARTS, _chart_rows(shift))
        _table(out / CAPABILITY, _capability_rows(shift))
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written ({error.strerror}); name another folder") from None
    return path


def build(shift: Shift, with_base: bool = False) -> Page:
    """The page's content."""
    total = len(shift.parts)
    times = [part.at for part in shift.parts if part.at is not None]
    span = f"{local_text(min(times))} to {local_text(max(times))}" if times else f"{total} parts in their order"
    name = shift.recipe.name if shift.recipe is not None else "parts"
    usual = "of an earlier time when all was well (--baseline)" if with_base else "from these parts themselves"
    return Page(
        title=f"Shift report: {name}",
        span=span,
        total=total,
        counts=shift.counts,
        rate=f"{shift.counts['pass'] / total:.1%}" if total else "–",
        rate_span=f"{shift.yield_low:.1%} to {shift.yield_high:.1%}",
        signals=_signals(shift),
        attention=tuple(attention(shift)),
        unseen=tuple(unseen(shift)),
        causes=shift.causes[:_MOST_CAUSES],
        undecided=shift.undecided[:_MOST_CAUSES],
        rejects=None if shift.rejects is None else rejects_plot(shift.rejects),
        drifts=tuple((score_plot(watched), drift_plot(watched)) for watched in shift.watched),
        run_length=10 * round(average_run_length(0.0, SLACK, INTERVAL, sides=1) / 10),
        measures=tuple(measure_plots(measured) for measured in shift.toleranced),
        others=tuple(measure_plots(measured) for measured in shift.measures if measured not in shift.toleranced),
        capable=tuple((str(m.key), m.capability) for m in shift.measures if m.capability is not None),
        rules=WESTERN_ELECTRIC,
        basis=f"Control limits lie 3 sigma from the mean and come {usual}. Rules: Western Electric (1956); on ranges, and "
        "on shares of few rejects, only the first.",
    )


def attention(shift: Shift) -> Iterator[Note]:
    """What somebody should look at, the worst first."""
    for watched in shift.watched:
        if watched.drifts:
            first, last = watched.drifts[0], watched.drifts[-1]
            many = "" if last is first else f"; the last of {len(watched.drifts)} rises"
            whole = replace(last, before=first.before, rate_before=first.rate_before)
            place = f"part {watched.parts[last.index].number}, probably since part {watched.parts[last.since].number}"
            level: Literal["alert", "warning"] = "alert" if (last.rate_now or 0) >= _MATTERS else "warning"
            yield Note(level, f"{watched.region} · {watched.check}", f"{whole} (seen at {place}{many})")
    if shift.rejects is not None and shift.rejects.chart.out:
        chart = shift.rejects.chart
        high = sum(chart.values[index] > chart.center for index in chart.out)
        yield Note(
            "alert" if high else "warning",
            "rejects",
            f"{_points(len(chart.out))} of {len(chart.values)} broke a rule, {high} above the mean of {chart.center:.1%}",
        )
    poor = [m for m in shift.measures if m.capability is not None and m.capability.cpk.value < _LEAST_CPK]
    for measured in sorted(poor, key=_cpk):
        index = measured.capability.cpk  # type: ignore[union-attr]  # only those that have one
        yield Note(
            "alert" if index.value < 1 else "warning",
            str(measured.key),
            f"Cpk {index.value:.2f} ({index.low:.2f} to {index.high:.2f}), at least {_LEAST_CPK} is usual",
        )
    for measured in shift.toleranced:
        out = {*measured.pair.level.out, *measured.pair.spread.out}
        if out:
            words = f"{_points(len(measured.pair.level.out))} of the level and {len(measured.pair.spread.out)} of the spread"
            yield Note("warning", str(measured.key), f"{words} broke a rule")


def unseen(shift: Shift) -> Iterator[str]:
    """What could not be looked at, for want of parts: it must not be taken for well."""
    if shift.rejects is None:
        yield f"rejects over time: fewer than {LEAST_GROUPS} groups of parts"
    watched = {(each.region, each.check) for each in shift.watched}
    unwatched = sorted({place for part in shift.parts for place in part.scores} - watched)
    if unwatched:
        names = ", ".join(f"{region} · {check}" for region, check in unwatched)
        yield f"drift of scores: fewer than {LEARN} parts that passed ({names})"
    for measured in shift.toleranced:
        if measured.capability is None and measured.key.name not in DISTANCES:
            yield f"capability of {measured.key}: too few values, or all are the same"


def _signals(shift: Shift) -> int:
    """Points that broke a rule, of rejects and of measures with a tolerance, and drifts."""
    pairs = [chart for measured in shift.toleranced for _, chart in _pair(measured)]
    charts = pairs if shift.rejects is None else [shift.rejects.chart, *pairs]
    return sum(len(chart.out) for chart in charts) + sum(len(watched.drifts) for watched in shift.watched)


def _points(count: int) -> str:
    return f"{count} point{'' if count == 1 else 's'}"


def _cpk(measured: Measured) -> float:
    return measured.capability.cpk.value if measured.capability is not None else 0.0


def _charts(shift: Shift) -> Iterator[tuple[str, Chart]]:
    if shift.rejects is not None:
        yield "rejects", shift.rejects.chart
    for measured in shift.measures:
        yield from _pair(measured)


def _pair(measured: Measured) -> Iterator[tuple[str, Chart]]:
    yield str(measured.key), measured.pair.level
    yield f"{measured.key}, spread", measured.pair.spread


def _table(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def _part_rows(shift: Shift) -> Iterator[Sequence[Any]]:
    keys = sorted({key for part in shift.parts for key in part.measures})
    head = ("number", "time", "file", "verdict", "score", "threshold", "reasons")
    yield (*head, *(f"{key.region}/{key.check}/{key.name}" for key in keys))
    for part in shift.parts:
        entry = part.entry
        told = "; ".join(str(reason) for reason in entry.get("reasons") or ())
        yield (
            part.number, local_iso(part.at), _cell(part.file), part.verdict, entry.get("score"), entry.get("threshold"),
            _cell(told), *(part.measures.get(key) for key in keys),
        )  # fmt: skip


def _cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def _chart_rows(shift: Shift) -> Iterator[Sequence[Any]]:
    yield "chart", "point", "value", "center", "lower", "upper", "rules"
    for name, chart in _charts(shift):
        broken = chart.broken()
        for index, value in enumerate(chart.values):
            rules = " ".join(rule.id for rule in broken.get(index, ()))
            yield name, index + 1, value, chart.center, chart.lower[index], chart.upper[index], rules


def _capability_rows(shift: Shift) -> Iterator[Sequence[Any]]:
    names = ("cp", "cpk", "pp", "ppk")
    head = ("measure", "parts", "mean", "sigma_within", "sigma_overall", "least", "most", "outside")
    yield (*head, *(f"{name}{end}" for name in names for end in ("", "_low", "_high")))
    for measured in shift.measures:
        found = measured.capability
        if found is None:
            continue
        numbers: list[float | None] = []
        for name in names:
            index = getattr(found, name)
            numbers += [None] * 3 if index is None else [index.value, index.low, index.high]
        yield (
            str(measured.key), found.count, found.mean, found.within, found.overall, found.lower, found.upper,
            found.outside, *numbers,
        )  # fmt: skip
