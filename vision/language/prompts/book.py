"""The prompts of this folder: one YAML file each, found by itself.

A file names its `version`, the event types it is for (`rules`, `"*"` for all others) and the text of the task in each
language. `frame.yaml` holds what all of them share. Whoever changes a text raises the version: a test keeps a digest of
each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from vision.language.base import LOCALES, Locale
from vision.language.fields import FIELDS, fields_for

_FRAME = "frame"


@dataclass(frozen=True, slots=True)
class Frame:
    """What all prompts of a language share; `picture` says what the picture shows, by kind."""

    system: str
    fields: str
    picture: Mapping[str, str]
    alarm: str
    context: str
    data: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked about events of the types in `rules`; `task` by language."""

    name: str
    version: int
    rules: tuple[str, ...]
    task: Mapping[Locale, str]

    @property
    def digest(self) -> str:
        """Twelve characters that change with any text that the model reads: this one, the frame, its fields."""
        asked = dict.fromkeys(name for rule in self.rules for name in fields_for(rule, rich=True))
        said = [self.name, *(self.task[locale] for locale in LOCALES)]
        for locale in LOCALES:
            shared = frame(locale)
            said += [shared.system, shared.fields, *shared.picture.values(), shared.alarm, shared.context, shared.data]
            said += [f"{name}{FIELDS[name].choices}{FIELDS[name].meaning[locale]}" for name in asked]
        return hashlib.sha256("\x1f".join(said).encode()).hexdigest()[:12]


@cache
def prompts() -> Mapping[str, Prompt]:
    """Every prompt by its name."""
    found = {}
    for name, raw in sorted(_files().items()):
        if name != _FRAME:
            task: dict[Locale, str] = {locale: raw[locale].strip() for locale in LOCALES}
            found[name] = Prompt(name, int(raw["version"]), tuple(raw["rules"]), task)
    return found


def prompt_for(event_type: str) -> Prompt:
    """The prompt for events of a type; the default one for a type that none names."""
    book = prompts()
    return next((prompt for prompt in book.values() if event_type in prompt.rules), book["default"])


@cache
def frame(locale: Locale) -> Frame:
    """What all prompts of a language share."""
    return Frame(**_files()[_FRAME][locale])


@cache
def _files() -> dict[str, dict[str, Any]]:
    folder = resources.files(__package__ or "vision.language.prompts")
    files = (entry for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    return {entry.name.removesuffix(".yaml"): yaml.safe_load(entry.read_text(encoding="utf-8")) for entry in files}
