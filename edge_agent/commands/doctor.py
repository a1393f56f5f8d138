"""`sightline doctor`: what this machine can run, what is missing, the exact fix; with a config, every camera in it."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vision.errors import InputError

if TYPE_CHECKING:
    from edge_agent.doctor.base import Finding


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor_command)


def doctor_command(
    config: Annotated[Path | None, typer.Option(help="Also look at every camera and receiver in this config.")] = None,
    model: Annotated[Path | None, typer.Option(help="Without a config: the ONNX model to time.")] = None,
    timeout: Annotated[float, typer.Option(min=2, max=300, help="Seconds for everything together.")] = 20.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Examine this machine, and the cameras and receivers of a config; says what to change.

    Exit status: 0 nothing failed, 2 the config is wrong, 3 something outside fails.
    """
    from edge_agent.doctor import show
    from edge_agent.doctor.examine import status

    if model is not None and not model.is_file():
        raise InputError(f"--model {model}: no such file")
    findings = _findings(config, model, time.monotonic() + timeout)
    code = status(findings)
    if as_json:
        typer.echo(json.dumps(show.as_json(findings, code), indent=2, ensure_ascii=False))
    else:
        from rich.console import Console

        show.table(findings, Console(width=None if sys.stdout.isatty() else 140, highlight=False))
    raise typer.Exit(code)


def _findings(path: Path | None, model: Path | None, deadline: float) -> list[Finding]:
    """First the config itself, which everything else builds upon; then all checks at the same time."""
    from edge_agent.config.check import check
    from edge_agent.doctor.base import Finding, Patient, jobs
    from edge_agent.doctor.examine import examine

    if path is None:
        patient = Patient(deadline, dict(os.environ), model=model)
        return examine(patient, jobs(patient))
    report = check(path)
    found = [Finding("fail", line, check="config", input=True) for line in report.errors]
    found += [Finding("warn", line, check="config") for line in report.warnings]
    if report.config is None:
        return found
    found = found or [Finding("ok", f"{path} is right", check="config")]
    patient = Patient(deadline, dict(os.environ), report.config, path)
    return [*found, *examine(patient, jobs(patient))]
