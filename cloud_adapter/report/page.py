"""A self-contained page: pictures, diagnoses, what they cost, what the guard decided and why."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment

from cloud_adapter.actions.commands import CommandRow
from cloud_adapter.budget.costs import CostRow
from cloud_adapter.records import MICRO, Diagnosis

FILE = "report.html"
LINES = "diagnoses.jsonl"


@dataclass(frozen=True, slots=True)
class Line:
    """One diagnosis with its picture (an encoded JPEG, None for readings alone) and what actions made of it."""

    diagnosis: Diagnosis
    picture: bytes | None
    commands: tuple[CommandRow, ...] = ()
    truth: str | None = None  # what a rendered picture shows

    @property
    def frame(self) -> str:
        """The frame's id."""
        return self.diagnosis.job.rpartition("/")[2]

    def to_dict(self) -> dict[str, Any]:
        """The line in `diagnoses.jsonl`."""
        d = self.diagnosis
        return {
            "frame": self.frame,
            "device": d.device,
            "camera": d.camera,
            "captured": round(d.captured, 3),
            "outcome": d.outcome,
            "label": d.label,
            "confidence": round(d.confidence, 4),
            "calibrated": d.calibrated,
            "candidates": [{"label": c.label, "confidence": round(c.confidence, 4)} for c in d.candidates],
            "severity": d.severity,
            "advice": d.advice,
            "reasons": list(d.reasons),
            "models": [opinion.model for opinion in d.opinions],
            "cost_usd": d.cost_microusd / MICRO,
            "action": self._action(),
        }

    def _action(self) -> dict[str, Any]:
        if not self.commands:
            return {"mode": "none", "decision": "not_asked", "reasons": []}
        first = self.commands[0]
        return {
            "name": first.action,
            "mode": first.mode,
            "decision": first.state,
            "reasons": list(first.reasons),
            "approved_by": first.approved_by,
            "told": first.told,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """Everything on the page."""

    title: str
    said: str  # a sentence or two on what this is
    lines: Sequence[Line]
    costs: Sequence[CostRow]
    notes: Sequence[str]  # what else a reader should know: what the gate kept back, the audit log
    audit: str


def write_report(out: Path, report: Report) -> Path:
    """Write `report.html` and `diagnoses.jsonl` into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / LINES).open("w", encoding="utf-8") as file:
        for line in report.lines:
            file.write(json.dumps(line.to_dict(), ensure_ascii=False) + "\n")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(moment=_moment, words=_words, picture=_picture, share="{:.0%}".format)
    folder = resources.files("cloud_adapter.report")
    template = environment.from_string(folder.joinpath("report.html.j2").read_text(encoding="utf-8"))
    style = folder.joinpath("report.css").read_text(encoding="utf-8")
    labels = Counter(line.diagnosis.label for line in report.lines if line.diagnosis.outcome == "diagnosed")
    path = out / FILE
    path.write_text(
        template.render(
            report=report,
            style=style,
            labels=labels.most_common(),
            review=sum(line.diagnosis.outcome == "review" for line in report.lines),
            asked=[command for line in report.lines for command in line.commands],
            usd=sum(row.usd for row in report.costs),
            calls=sum(row.calls for row in report.costs),
        ),
        encoding="utf-8",
    )
    return path


def _moment(t: float) -> str:
    return datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _words(name: str) -> str:
    return name.replace("_", " ")


def _picture(data: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()
