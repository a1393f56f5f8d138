"""The seam of a check: parameters, what it sees, what it says.

A check is a class with a `Params` model and one method: `look` at a view of the part and say what is wrong with it. The
same view gives the same answer, to the last bit: no clock, no randomness without a fixed seed, no state from part to part.
Register with `@register`; a new file in `vision/inspect/checks` is found by itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from vision.errors import InputError
from vision.inspect.part import View
from vision.inspect.result import CheckResult
from vision.plugins import Plugins, kind_of


class CheckParams(BaseModel):
    """Parameters every check has; a check's own `Params` adds to them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    type: str
    name: str | None = Field(None, description="Name of this check in verdicts; default: its type.")

    @property
    def title(self) -> str:
        """The check's name in verdicts and reports."""
        return self.name or self.type


class Assets(Protocol):
    """The files that a recipe names. Whoever reads them keeps their digests, so that a verdict can be made again."""

    def read(self, path: str) -> bytes:
        """The file's content; `path` is as the recipe has it. Raises InputError where it cannot be read."""


class ScriptedAssets:
    """Files that are already in memory: the fake for tests."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self._files = dict(files or {})

    def read(self, path: str) -> bytes:
        """The content given for this path."""
        if path not in self._files:
            raise InputError(f"{path}: no such file; check the path in the recipe")
        return self._files[path]


P = TypeVar("P", bound=CheckParams)


class Check(ABC, Generic[P]):
    """One kind of look at a part. Whatever it needs from files it reads once, when it is made."""

    Params: ClassVar[type[CheckParams]]

    def __init__(self, params: P, assets: Assets) -> None:
        self.params = params

    @abstractmethod
    def look(self, view: View) -> CheckResult:
        """What is wrong with this part. What cannot be judged is `CheckResult.undecided`, not an exception."""


CheckType = type[Check[Any]]
_plugins: Plugins[CheckType] = Plugins("vision.inspect.checks")


def register(check: CheckType) -> CheckType:
    """Class decorator: makes the check known under the literal of its `Params.type`."""
    _plugins.add(kind_of(check), check)
    return check


def check_types() -> dict[str, CheckType]:
    """Every check by its type; imports the files of the checks' folder at first use."""
    return _plugins.all()
