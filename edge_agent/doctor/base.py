"""The seam of a check: what it is given, what it finds, how it is registered.

A check is a function in a file of this folder; a new file is found by itself. `@check` registers one that looks at one
thing, `@check_each` one that looks at several at the same time, one job for each.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from edge_agent.config import Config
from vision.plugins import Plugins

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: what was found, and the change that mends it.

    `subject` says of what (a camera, a target). `input`: what is wrong stands in the config, not outside. No text ever
    holds a password.
    """

    level: Level
    text: str
    fix: str = ""
    check: str = ""
    subject: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    input: bool = False


def ok(text: str, **facts: Any) -> Finding:
    """All is well."""
    return Finding("ok", text, facts=facts)


def warn(text: str, fix: str = "", **facts: Any) -> Finding:
    """It works, but not as well as it could."""
    return Finding("warn", text, fix, facts=facts)


def fail(text: str, fix: str = "", **facts: Any) -> Finding:
    """It will not work."""
    return Finding("fail", text, fix, facts=facts)


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at: this machine, and the config where there is one. `deadline` in monotonic seconds."""

    deadline: float
    env: Mapping[str, str]
    config: Config | None = None
    path: Path | None = None
    model: Path | None = None

    def left(self, most: float = 3600.0, *, reserve: float = 1.0) -> float:
        """Seconds that may still be used, at least one tenth; `reserve` is kept for the way back."""
        return max(0.1, min(most, self.deadline - time.monotonic() - reserve))


Look = Callable[[], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Job:
    """One check of one thing. `alone`: it measures, and nothing else may run meanwhile."""

    check: str
    subject: str
    look: Look
    alone: bool = False


@dataclass(frozen=True, slots=True)
class _Registered:
    name: str
    order: int
    jobs: Callable[[Patient], list[Job]]


_plugins: Plugins[_Registered] = Plugins("edge_agent.doctor")


def check(
    name: str, *, order: int, alone: bool = False
) -> Callable[[Callable[[Patient], Iterable[Finding]]], Callable[[Patient], Iterable[Finding]]]:
    """Decorator: registers a check; `order` is its place in the report."""

    def keep(function: Callable[[Patient], Iterable[Finding]]) -> Callable[[Patient], Iterable[Finding]]:
        _plugins.add(name, _Registered(name, order, lambda patient: [Job(name, "", lambda: function(patient), alone)]))
        return function

    return keep


Each = Callable[[Patient, Config], Iterable[tuple[str, Look]]]


def check_each(name: str, *, order: int) -> Callable[[Each], Each]:
    """Decorator: registers a check of the config that gives one look for each subject; without a config it is not made."""

    def keep(function: Each) -> Each:
        def jobs(patient: Patient) -> list[Job]:
            if patient.config is None:
                return []
            return [Job(name, subject, look) for subject, look in function(patient, patient.config)]

        _plugins.add(name, _Registered(name, order, jobs))
        return function

    return keep


def jobs(patient: Patient) -> list[Job]:
    """All jobs for this patient, in the order of the report; imports the files of this folder at first use."""
    ordered = sorted(_plugins.all().values(), key=lambda registered: registered.order)
    return [job for registered in ordered for job in registered.jobs(patient)]
