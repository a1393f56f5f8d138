"""Running checks: all at once, one deadline, no check takes the others down."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

import pytest

from edge_agent.doctor.base import Finding, Job, Patient, fail, jobs, ok, warn
from edge_agent.doctor.examine import examine, status
from vision.errors import ConfigError, MediaError


def patient(seconds: float = 20.0) -> Patient:
    return Patient(time.monotonic() + seconds, {})


def test_findings_come_in_the_order_of_the_jobs_with_their_subject() -> None:
    gate = threading.Event()

    def waits() -> Iterable[Finding]:
        assert gate.wait(10)
        yield ok("late")

    def opens() -> Iterable[Finding]:
        gate.set()  # would never come if the jobs ran one after the other
        yield warn("early", "x")

    found = examine(patient(), [Job("a", "one", waits), Job("b", "", opens)])
    assert [(f.check, f.subject, f.text) for f in found] == [("a", "one", "late"), ("b", "", "early")]


def test_what_does_not_answer_is_a_failure_and_nobody_waits_for_it() -> None:
    gate = threading.Event()

    def hangs() -> Iterable[Finding]:
        gate.wait(30)
        yield ok("never")

    found = examine(patient(0.2), [Job("a", "", hangs), Job("b", "", lambda: [ok("there")])])
    gate.set()
    assert [f.level for f in found] == ["fail", "ok"]


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConfigError("cam.yaml:3: PASSWORD not set"), 2, "PASSWORD not set"),  # the user's to mend
        (MediaError("no way there"), 3, "no way there"),  # outside
        (RuntimeError("rtsp://user:secret@host"), 3, "RuntimeError"),  # ours; its text may hold anything
    ],
)
def test_errors_of_a_check_are_findings(error: Exception, code: int, words: str) -> None:
    def breaks() -> Iterable[Finding]:
        raise error

    (found,) = examine(patient(), [Job("a", "", breaks)])
    assert status([found]) == code
    assert words in found.text
    assert "secret" not in found.text


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([], 0),
        ([ok("a"), warn("b")], 0),  # warnings alone are no failure
        ([ok("a"), fail("b")], 3),
        ([fail("a"), Finding("fail", "b", input=True)], 2),  # a wrong config comes first
        ([Finding("warn", "b", input=True)], 0),
    ],
)
def test_exit_status(findings: list[Finding], code: int) -> None:
    assert status(findings) == code


def test_checks_of_the_machine_need_no_config() -> None:
    found = examine(patient(), jobs(patient()))
    checked = [f.check for f in found]
    assert {"python", "packages", "processor", "clock", "disk", "inference"} <= set(checked)
    assert not {"camera", "alerts", "store", "api"} & set(checked)
    assert [f for f in found if f.level == "fail"] == []
