"""The models of all profiles, each opened once; in the form that the probe found to work."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

from cloud_adapter.diagnosis.settings import CoverProfile, LeafProfile, Profile
from cloud_adapter.providers.base import VisionBackend
from cloud_adapter.providers.catalogue import Catalogue
from cloud_adapter.providers.probe import probes
from cloud_adapter.providers.registry import open_backend


class Models:
    """Backends by name. `find` raises `KeyError` for a name that no profile uses."""

    def __init__(self, backends: Mapping[str, VisionBackend]) -> None:
        self._backends = dict(backends)

    @classmethod
    def open(cls, names: Iterable[str], catalogue: Catalogue, data_dir: Path | None = None) -> Models:
        """Open these models; nothing is asked yet. Raises what `open_backend` raises."""
        known = {} if data_dir is None else probes(data_dir)
        modes = {name: report.mode for name, report in known.items()}
        found = {}
        for name in sorted(set(names)):
            mode = modes.get(name)
            fits = mode if mode in catalogue.find(name).modes else None
            found[name] = open_backend(name, catalogue, fits)
        return cls(found)

    def find(self, name: str) -> VisionBackend:
        """The backend of a model."""
        return self._backends[name]

    async def close(self) -> None:
        """Let all connections go."""
        await asyncio.gather(*(backend.close() for backend in self._backends.values()))


def models_of(profiles: Mapping[str, Profile]) -> set[str]:
    """Names of the models that these profiles ask."""
    names: set[str | None] = set()
    for profile in profiles.values():
        if isinstance(profile, LeafProfile):
            names |= {profile.model, profile.second_model}
            names |= {profile.first_model} if profile.first_question else set()
        elif isinstance(profile, CoverProfile):
            names.add(profile.model)
    return {name for name in names if name is not None}
