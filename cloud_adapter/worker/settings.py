"""How jobs are worked off: the section `worker` of the cloud config."""

from __future__ import annotations

from pydantic import Field

from vision.settings.values import Value


class WorkerSettings(Value):
    """Several `sightline cloud worker` processes may run beside each other; these are the values of one."""

    workers: int = Field(4, ge=1, le=256, description="Jobs that one process works at at the same time.")
    call_seconds: float = Field(60, ge=1, le=600, description="Whole-call deadline of one question to a model.")
    job_seconds: float = Field(300, ge=5, le=3600, description="A job that takes longer is given back and tried again.")
    backoff_seconds: float = Field(
        2, gt=0, le=300, description="First wait after a failed call, drawn at random up to this and doubled each time."
    )
    backoff_max_seconds: float = Field(600, ge=1, le=86400, description="Longest wait after a failed call.")
    circuit_failures: int = Field(
        5, ge=1, le=1000, description="Failures in a row after which an endpoint is left alone for a while."
    )
    circuit_seconds: float = Field(
        30, ge=1, le=3600, description="How long at first; doubled each time, up to 10 minutes."
    )
    recheck_seconds: float = Field(
        600,
        ge=1,
        le=86400,
        description="How often jobs look whether an endpoint that was closed has been opened again.",
    )
