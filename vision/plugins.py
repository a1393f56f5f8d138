"""One file is one plugin: importing all files of a folder lets each of them register itself."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any, Generic, TypeVar

T = TypeVar("T")


def import_all(package: str) -> list[ModuleType]:
    """The modules of a package, by name; imports those that are not yet."""
    return [importlib.import_module(f"{package}.{name}") for name in names_of(package)]


def names_of(package: str) -> list[str]:
    """The names of a package's modules, sorted; imports none of them."""
    return [module.name for module in pkgutil.iter_modules(importlib.import_module(package).__path__)]


class Plugins(Generic[T]):
    """What the files of one package register, each under a name of its own."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._found: dict[str, T] = {}

    def add(self, name: str, plugin: T) -> None:
        """Make a plugin known. Raises `TypeError` for a name that is taken: a mistake of who wrote the file."""
        if name in self._found:
            raise TypeError(f"{self._package} has two of {name!r}")
        self._found[name] = plugin

    def all(self) -> dict[str, T]:
        """Every plugin by its name, sorted; imports the files at first use."""
        import_all(self._package)
        return dict(sorted(self._found.items()))


def kind_of(plugin: Any) -> str:
    """The name that a plugin's `Params` give it: the default of `type`, a literal. Raises `TypeError` without one."""
    kind = plugin.Params.model_fields["type"].default
    if not isinstance(kind, str):
        raise TypeError(f"{plugin.__name__}: Params.type needs a default of its own, not {kind!r}")
    return kind
