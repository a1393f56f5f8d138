"""From a file to a `Config`, or to all that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_agent.config.crosscheck import cross_problems, name_problems
from edge_agent.config.models import CameraConfig, Config
from vision.settings.problems import Problems
from vision.settings.reading import begin, schema_of
from vision.settings.schema import Schema


def config_schema() -> Schema:
    """The JSON Schema of the config file."""
    return schema_of(Config)


def load_config(path: str | Path, env: Mapping[str, str] | None = None) -> Config:
    """The config in the file at `path`, with its relative paths resolved against the file's folder.

    Variables of secrets and addresses are filled in when they are used, all others now, from `env` (default: the
    process's environment). Raises `ConfigError`: one line for each problem, in the order of the file, at most 20.
    """
    return load_with_warnings(path, env)[0]


def load_with_warnings(path: str | Path, env: Mapping[str, str] | None = None) -> tuple[Config, list[str]]:
    """As `load_config`, and the lines about what is allowed but doubtful."""
    draft = begin(Path(path), env, Config)
    names = name_problems(draft.document)
    draft.problems.add(*names)
    config = draft.validate(names)
    cameras = _cameras(draft.data, config, draft.context)
    found, doubtful = cross_problems(draft.document, cameras, config)
    draft.problems.add(*found)
    warnings = Problems(draft.document.name)
    warnings.add(*doubtful)
    return draft.finish(), warnings.lines()


def _cameras(data: Any, config: Config | None, context: dict[str, Any]) -> dict[int, CameraConfig]:
    """The cameras that are well-formed each for itself, by their place in the file."""
    if config is not None:
        return dict(enumerate(config.cameras))
    found = {}
    entries = data.get("cameras")
    for i, entry in enumerate(entries if isinstance(entries, list) else []):
        try:
            found[i] = CameraConfig.model_validate(entry, context=context)
        except ValidationError:
            continue
    return found
