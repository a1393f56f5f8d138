"""Models by name: the shipped catalogue, a user's file over it, entries of the config over both."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources

import yaml

from cloud_adapter.providers.settings import CatalogueFile, ModelEntry, ModelsSettings
from vision.errors import InputError
from vision.settings.reading import load


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All models that can be named; `dated` is the day of the shipped figures."""

    dated: date
    models: Mapping[str, ModelEntry]

    def find(self, name: str) -> ModelEntry:
        """The model of this name. Raises `InputError` with the nearest one."""
        found = self.models.get(name)
        if found is None:
            near = difflib.get_close_matches(name, self.models, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are: {', '.join(sorted(self.models))}"
            raise InputError(f"models: there is no model {name!r} in the catalogue; {hint}")
        return found


@cache
def shipped() -> CatalogueFile:
    """The catalogue that comes with the program."""
    text = resources.files(__package__).joinpath("catalogue.yaml").read_text(encoding="utf-8")
    return CatalogueFile.model_validate(yaml.safe_load(text))


def catalogue(settings: ModelsSettings | None = None) -> Catalogue:
    """What `settings` make of the shipped catalogue. Raises `ConfigError` for a file that cannot be read."""
    base = shipped()
    models = dict(base.models)
    dated = base.dated
    if settings is not None:
        if settings.catalogue is not None:
            own = load(settings.catalogue, CatalogueFile)
            models |= own.models
            dated = max(dated, own.dated)
        models |= settings.entries
    return Catalogue(dated, models)
