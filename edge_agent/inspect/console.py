"""What a run looks like on the terminal: a bar while it goes on, a table when it is done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from edge_agent.inspect.runner import counts
from edge_agent.inspect.verdicts import Line

_SHOWN = 20
_COLOURS = {"reject": "red", "no_decision": "yellow", "pass": "green"}


class Bar:
    """How many are done; silent where stderr is no terminal."""

    def __init__(self, title: str) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._progress.add_task(title, total=None)

    def __enter__(self) -> Self:
        self._progress.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.__exit__(None, None, None)

    def show(self, done: int, total: int) -> None:
        """`done` of `total` are through."""
        self._progress.update(self._task, completed=done, total=total)


def tell(told: Sequence[Line], report: Path) -> None:
    """The parts that did not pass, the numbers, the report."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=160)
    wrong = [entry for entry in told if entry["verdict"] != "pass"]
    if wrong:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for title in ("verdict", "part", "score", "why"):
            table.add_column(title, overflow="fold")
        for entry in wrong[:_SHOWN]:
            kind = entry["verdict"]
            score = "" if entry["score"] is None else f"{entry['score']:.3g} > {entry['threshold']:.3g}"
            if kind == "no_decision":
                score = ""
            why = escape("; ".join(entry["reasons"]))
            table.add_row(f"[{_COLOURS[kind]}]{kind}[/]", escape(Path(entry["file"]).name), score, why)
        console.print(table)
        if len(wrong) > _SHOWN:
            console.print(f"[dim]and {len(wrong) - _SHOWN} more, see the report[/dim]")
    found = counts(told)
    times = sorted(entry["ms"] for entry in told)
    console.print(
        f"{len(told)} parts: {found['pass']} pass, {found['reject']} reject, {found['no_decision']} no decision; "
        f"{times[len(times) // 2]:.0f} ms a part (median)"
    )
    console.print(f"report: {report}", soft_wrap=True)
