"""All profiles together: each job goes to the diagnoser of its profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cloud_adapter.diagnosis.advising import advice_table
from cloud_adapter.diagnosis.base import Calls, Diagnoser
from cloud_adapter.diagnosis.calibration import Calibration
from cloud_adapter.diagnosis.covers import CoverDiagnoser
from cloud_adapter.diagnosis.leaf import LeafDiagnoser
from cloud_adapter.diagnosis.models import Models
from cloud_adapter.diagnosis.outcome import Outcome, concluded
from cloud_adapter.diagnosis.references import examples
from cloud_adapter.diagnosis.settings import LeafProfile, Profile
from cloud_adapter.records import Diagnosis, Job, Picture


class ProfileDiagnoser:
    """See `Diagnoser`. A job of a profile that is not known ends as `failed`, with the names that are."""

    def __init__(self, diagnosers: Mapping[str, Diagnoser], *, now: Callable[[], float]) -> None:
        self._diagnosers, self._now = dict(diagnosers), now

    async def diagnose(self, job: Job, picture: Picture | None, calls: Calls) -> Diagnosis:
        """See `Diagnoser.diagnose`."""
        found = self._diagnosers.get(job.profile)
        if found is None:
            known = ", ".join(sorted(self._diagnosers)) or "none"
            why = f"there is no profile {job.profile!r}; known are: {known}"
            return concluded(job, Outcome("failed", "unsure", reasons=(why,)), self._now())
        return await found.diagnose(job, picture, calls)


def open_diagnoser(profiles: Mapping[str, Profile], models: Models, *, now: Callable[[], float]) -> ProfileDiagnoser:
    """Diagnosers for these profiles; reads their references and tables. Raises `ConfigError`, `InputError`."""
    return ProfileDiagnoser({name: _one(name, profile, models, now) for name, profile in profiles.items()}, now=now)


def _one(name: str, profile: Profile, models: Models, now: Callable[[], float]) -> Diagnoser:
    calibration = Calibration.read(profile.calibration)
    if not isinstance(profile, LeafProfile):
        return CoverDiagnoser(name, profile, models, calibration, now=now)
    advice = advice_table(profile.crop, profile.advice)
    return LeafDiagnoser(name, profile, models, examples(name, profile), advice, calibration, now=now)
