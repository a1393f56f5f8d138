"""From a file to a validated model, or to all that is wrong with it; for the configs of both applications."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from vision.delivery.env import Placed, filled
from vision.settings.document import Document, read
from vision.settings.problems import Loc, Problem, Problems, place
from vision.settings.schema import Schema
from vision.settings.wording import problems_of

# Values that are used late, if at all: their variables may be unset as long as nobody needs them.
LATE = frozenset(
    {"source", "record_source", "url", "base_url", "database", "servers", "address"}
    | {"secret", "password", "key", "api_key", "audit_key", "token", "authorization"}
)

_NOT_FINITE = "infinity and not-a-number cannot be used here; write a number"

M = TypeVar("M", bound=BaseModel)


@dataclass(slots=True)
class Draft(Generic[M]):
    """A file on its way to a model: `model` is None where `problems` say why."""

    kind: type[M]
    document: Document
    data: Any
    problems: Problems
    env: Mapping[str, str]
    model: M | None = None

    @property
    def context(self) -> dict[str, Any]:
        """What validators need to know: the folder that relative paths count from, and the variables."""
        return {"folder": self.document.folder, "env": self.env}

    def validate(self, said: list[Problem]) -> M | None:
        """Fill the model, or tell what is wrong beside what was `said` already."""
        try:
            self.model = self.kind.model_validate(self.data, context=self.context)
        except ValidationError as error:
            told = problems_of(error.errors(include_url=False), self.document, schema_of(self.kind))
            known = {p.loc for p in self.problems.found}
            self.problems.add(*(p for p in told if p.loc not in known and not _said_by_name(p, said)))
        return self.model

    def finish(self) -> M:
        """The model. Raises `ConfigError` with one line for each problem, in the order of the file, at most 20."""
        if self.model is not None:
            known = {p.loc for p in self.problems.found}
            wrong = _not_finite(self.model.model_dump(), (), self.document)
            self.problems.add(*(p for p in wrong if p.loc not in known))
        self.problems.raise_if_any()
        assert self.model is not None  # no problem, so there is a model
        return self.model


@cache
def schema_of(model: type[BaseModel]) -> Schema:
    """The JSON Schema of a config's model."""
    return model.model_json_schema()


def begin(path: Path, env: Mapping[str, str] | None, model: type[M]) -> Draft[M]:
    """The file at `path`, its variables filled in. Raises `ConfigError` where it cannot be read at all.

    Variables of secrets and addresses are filled in when they are used, all others now, from `env` (default: the
    process's environment).
    """
    document = read(path)
    problems = Problems(document.name)
    env = os.environ if env is None else env
    data = _prepared(document.data, (), document, problems, env)
    problems.add(*document.problems)
    return Draft(model, document, data, problems, env)


def load(path: str | Path, model: type[M], env: Mapping[str, str] | None = None) -> M:
    """The model in the file at `path`. Raises `ConfigError`: one line for each problem."""
    draft = begin(Path(path), env, model)
    draft.validate([])
    return draft.finish()


def _said_by_name(problem: Problem, names: list[Problem]) -> bool:
    """Whether a finer problem already tells of the same two equal names."""
    return problem.text.startswith("two ") and any(n.loc[: len(problem.loc)] == problem.loc for n in names)


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
    if next((step for step in reversed(loc) if isinstance(step, str)), None) in LATE:
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
