"""From a file to a `Config`, or to all that is wrong with it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from edge_agent.config.crosscheck import cross_problems, name_problems
from edge_agent.config.document import Document, read
from edge_agent.config.models import CameraConfig, Config
from edge_agent.config.problems import Loc, Problem, Problems, place
from edge_agent.config.schema import Schema
from edge_agent.config.wording import problems_of
from vision.delivery.env import Placed, filled

# Values that are used late, if at all: their variables may be unset as long as nobody needs them.
_LATE = frozenset({"source", "record_source", "url", "secret", "password", "api_key", "token", "address"})

_NOT_FINITE = "infinity and not-a-number cannot be used here; write a number"


@cache
def config_schema() -> Schema:
    """The JSON Schema of the config file."""
    return Config.model_json_schema()


def load_config(path: str | Path, env: Mapping[str, str] | None = None) -> Config:
    """The config in the file at `path`, with its relative paths resolved against the file's folder.

    Variables of secrets and addresses are filled in when they are used, all others now, from `env` (default: the
    process's environment). Raises `ConfigError`: one line for each problem, in the order of the file, at most 20.
    """
    return load_with_warnings(path, env)[0]


def load_with_warnings(path: str | Path, env: Mapping[str, str] | None = None) -> tuple[Config, list[str]]:
    """As `load_config`, and the lines about what is allowed but doubtful."""
    document = read(Path(path))
    problems = Problems(document.name)
    data = _prepared(document.data, (), document, problems, os.environ if env is None else env)
    names = name_problems(document)
    problems.add(*document.problems, *names)
    context = {"folder": document.folder}
    config = None
    try:
        config = Config.model_validate(data, context=context)
    except ValidationError as error:
        told = problems_of(error.errors(include_url=False), document, config_schema())
        known = {p.loc for p in problems.found}
        problems.add(*(p for p in told if p.loc not in known and not _said_by_name(p, names)))
    warnings = Problems(document.name)
    cameras = _cameras(data, config, context)
    found, doubtful = cross_problems(document, cameras, config)
    problems.add(*found)
    warnings.add(*doubtful)
    if config is not None:
        known = {p.loc for p in problems.found}
        problems.add(*(p for p in _not_finite(config.model_dump(), (), document) if p.loc not in known))
    problems.raise_if_any()
    return cast("Config", config), warnings.lines()


def _said_by_name(problem: Problem, names: list[Problem]) -> bool:
    """Whether a finer problem already tells of the same two equal names."""
    return problem.text.startswith("two ") and any(n.loc[: len(problem.loc)] == problem.loc for n in names)


def _cameras(data: Any, config: Config | None, context: dict[str, Path]) -> dict[int, CameraConfig]:
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


def _prepared(value: Any, loc: Loc, document: Document, problems: Problems, env: Mapping[str, str]) -> Any:
    """The values with variables filled in; those of late values keep their text and learn their place."""
    if isinstance(value, dict):
        return {key: _prepared(item, (*loc, key), document, problems, env) for key, item in value.items()}
    if isinstance(value, list):
        return [_prepared(item, (*loc, i), document, problems, env) for i, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        problems.add(Problem(document.line(loc), loc, _NOT_FINITE))
    return _filled(value, loc, document, problems, env) if type(value) is str else value


def _filled(text: str, loc: Loc, document: Document, problems: Problems, env: Mapping[str, str]) -> str | Placed:
    """A text with its variables, or with its place where they are filled in later."""
    if loc[-1] in _LATE:
        return Placed(text, f"{document.name}:{document.line(loc)}: {place(loc)}")
    try:
        return filled(text, env) if "${" in text else text
    except ValueError as error:
        problems.add(Problem(document.line(loc), loc, str(error)))
        return text


def _not_finite(value: Any, loc: Loc, document: Document) -> list[Problem]:
    """Numbers written as texts, "inf" or "nan", that got as far as this."""
    if isinstance(value, dict):
        return [p for key, item in value.items() for p in _not_finite(item, (*loc, key), document)]
    if isinstance(value, list | tuple):
        return [p for i, item in enumerate(value) for p in _not_finite(item, (*loc, i), document)]
    if isinstance(value, float) and not math.isfinite(value):
        return [Problem(document.line(loc), loc, _NOT_FINITE)]
    return []
