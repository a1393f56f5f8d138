"""Runs all checks at the same time, under one deadline; what does not answer in time is a finding, too."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from edge_agent.doctor.base import Finding, Job, Patient, fail
from vision.errors import ConfigError, InputError, SightlineError
from vision.settings.problems import clean


def examine(patient: Patient, jobs: Sequence[Job]) -> list[Finding]:
    """What every job found, in the order of the jobs; returns at the patient's deadline at the latest."""
    results: dict[int, list[Finding]] = {}
    for place, job in enumerate(jobs):
        if job.alone:
            results[place] = _looked(job)
    inbox: queue.SimpleQueue[tuple[int, list[Finding]]] = queue.SimpleQueue()
    waiting = [place for place, job in enumerate(jobs) if not job.alone]
    for place in waiting:
        # Daemons: one that hangs in a driver or in the name service must not keep the program from ending.
        run = threading.Thread(target=_run, args=(place, jobs[place], inbox), name=f"doctor-{place}", daemon=True)
        run.start()
    while len(results) < len(jobs):
        try:
            place, found = inbox.get(timeout=max(0.0, patient.deadline - time.monotonic()))
        except queue.Empty:
            break
        results[place] = found
    late = fail("no answer in time", "try again with a longer --timeout; if that does not help, something hangs there")
    return [
        replace(finding, check=job.check, subject=job.subject)
        for place, job in enumerate(jobs)
        for finding in results.get(place, [late])
    ]


def _run(place: int, job: Job, inbox: queue.SimpleQueue[tuple[int, list[Finding]]]) -> None:
    inbox.put((place, _looked(job)))


def _looked(job: Job) -> list[Finding]:
    """The findings of one job; no check can take the others down with it."""
    try:
        return list(job.look())
    except (ConfigError, InputError) as error:
        return [replace(fail(clean(str(error), 300)), input=True)]
    except SightlineError as error:
        return [fail(clean(str(error), 300))]
    except Exception as error:  # noqa: BLE001  # see above; the text may hold anything, the kind of error does not
        return [fail(f"the check itself failed ({type(error).__name__})", "please report this")]


def status(findings: Sequence[Finding]) -> int:
    """The exit status: 2 where the config is wrong, 3 where something outside fails, else 0."""
    failed = [finding for finding in findings if finding.level == "fail"]
    if any(finding.input for finding in failed):
        return 2
    return 3 if failed else 0
