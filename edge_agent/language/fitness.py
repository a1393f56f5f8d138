"""Whether the config's language model fits this machine, in a line: for the check of a config. Nothing is loaded."""

from __future__ import annotations

from pathlib import Path

from edge_agent.config import Config
from edge_agent.language.child_probe import remembered
from edge_agent.language.settings import model_settings
from vision.errors import SightlineError
from vision.language.backends.base import ModelSettings
from vision.language.backends.fit import needs, refusal

CACHE = "language-probe.json"  # in the data folder: how long answers took


def fitness(config: Config, data_dir: Path) -> tuple[str, list[str]]:
    """The model with the memory it needs and the seconds of an answer, as far as `doctor` has measured it; warnings."""
    language = config.language
    if language.backend == "template":
        return "the template (no model)", []
    try:
        settings = model_settings(language)
        size, refused = needs(settings), refusal(settings)
    except SightlineError as error:
        return language.backend, [f"language: {error}"]
    if refused is not None:
        return language.backend, [f"language: {refused}"]
    name = settings.path.name if settings.path is not None else f"{settings.model or 'a model'} at {settings.url}"
    fits = "" if size is None else f", fits: {size}"
    return f"{name}{fits}, {_answer(settings, data_dir, language.deadline_s)}", []


def _answer(settings: ModelSettings, data_dir: Path, deadline_s: float) -> str:
    known = remembered(settings, data_dir / CACHE)
    if known is None or known.answer_s is None:
        return "an answer's time is not measured yet (sightline doctor)"
    late = f", later than deadline_s {deadline_s:g}" if known.answer_s > deadline_s else ""
    return f"an answer takes about {known.answer_s:.1f} s{late}"
