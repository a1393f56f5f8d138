"""From the config's `language:` to a model and the way it is asked."""

from __future__ import annotations

import functools
from pathlib import Path

from pydantic import SecretStr

from edge_agent.config import Config, LanguageConfig
from edge_agent.language.child import start_model
from edge_agent.language.service import Asking
from vision.errors import ConfigError, ModelError
from vision.language.backends.base import ModelSettings
from vision.language.crops import SIDE
from vision.language.gguf import read_gguf
from vision.language.model import LanguageModel
from vision.language.prompts.task import PromptOverride

_LEAST, _LARGEST = 64, 896  # of an encoder's side; larger pictures cost minutes on a processor


def model_settings(language: LanguageConfig) -> ModelSettings:
    """What the backend is told, secrets filled in. Raises `ConfigError` where a variable is not set."""
    return ModelSettings(
        backend=language.backend,
        path=language.path,
        mmproj=language.mmproj,
        n_ctx=language.n_ctx,
        threads=language.threads,
        seed=language.seed,
        temperature=language.temperature,
        memory_mb=language.memory_mb,
        idle_unload_s=language.idle_unload_s,
        url=language.url.filled_in() if language.url is not None else None,
        model=language.model,
        api_key=SecretStr(language.api_key.filled_in()) if language.api_key is not None else None,
        force=language.force,
    )


def model_for(language: LanguageConfig, *, behind: bool = False) -> LanguageModel | None:
    """The model that the config names, nothing loaded yet; None for the template.

    `behind`: it must not get in the way of cameras. Raises `ConfigError` or `InputError` where the settings are incomplete.
    """
    return None if language.backend == "template" else start_model(model_settings(language), behind=behind)


@functools.lru_cache(maxsize=8)
def encoder_side(mmproj: Path | None) -> int:
    """The side in pixels of the pictures that a vision part was made for; 512 where it does not say."""
    try:
        side = 0 if mmproj is None else read_gguf(mmproj).number("vision.image_size")
    except ModelError:
        side = 0
    return min(side, _LARGEST) if side >= _LEAST else SIDE


def asking_for(config: Config) -> Asking:
    """How this config's events are asked about. Raises `ConfigError` for a prompt that cannot be used."""
    language = config.language
    overrides = tuple(
        PromptOverride(task=p.task, context=p.context, camera=p.camera, rule=p.rule) for p in language.prompts
    )
    contexts = {camera.name: camera.context for camera in config.cameras if camera.context is not None}
    named = [(f"language.prompts[{number}]", override) for number, override in enumerate(overrides)]
    named += [(f"context of camera {name}", PromptOverride(context=text)) for name, text in contexts.items()]
    for place, override in named:
        if problem := override.problem():
            raise ConfigError(f"{place}: {problem}")
    return Asking(
        locale=language.locale,
        timezone=language.zone,
        contexts=contexts,
        overrides=overrides,
        side=language.picture_side or encoder_side(language.mmproj),
        sheets=language.strips,
        fields=language.fields,
        verified=frozenset((c.name, r.title) for c in config.cameras for r in c.rules if r.verify != "off"),
    )
