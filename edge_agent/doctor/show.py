"""The report of the doctor, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge_agent.doctor.base import Finding
from vision.settings.problems import clean

_STYLE = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def table(findings: Sequence[Finding], console: Console) -> None:
    """Prints a line for each finding, with its fix below it, and the sum."""
    shown = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    shown.add_column(no_wrap=True)
    shown.add_column(no_wrap=True)
    shown.add_column(overflow="fold")
    before = ""
    for finding in findings:
        what = " ".join(word for word in (finding.check, finding.subject) if word)
        text = Text(clean(finding.text, 400))
        if finding.fix:
            text.append(f"\n-> {clean(finding.fix, 400)}", style="dim" if finding.level == "ok" else "bold")
        shown.add_row(Text(finding.level, style=_STYLE[finding.level]), Text("" if what == before else what), text)
        before = what
    console.print(shown)
    console.print(Text(summary(findings)))


def summary(findings: Sequence[Finding]) -> str:
    """The sum in a line."""
    count = {level: sum(finding.level == level for finding in findings) for level in _STYLE}
    if not count["fail"] and not count["warn"]:
        return "all is well"
    some = [f"{count['fail']} failed"] if count["fail"] else []
    some += [f"{count['warn']} {'warning' if count['warn'] == 1 else 'warnings'}"] if count["warn"] else []
    return ", ".join([*some, f"{count['ok']} ok"])


def as_json(findings: Sequence[Finding], status: int) -> dict[str, Any]:
    """The report as plain values."""
    return {"status": status, "findings": [_plain(finding) for finding in findings]}


def _plain(finding: Finding) -> dict[str, Any]:
    keys = ("level", "check", "subject", "text", "fix")
    return {**{key: getattr(finding, key) for key in keys}, "facts": dict(finding.facts)}
