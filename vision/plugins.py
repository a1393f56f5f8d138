"""One file is one plugin: importing all files of a folder lets each of them register itself."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def import_all(package: str) -> list[ModuleType]:
    """The modules of a package, by name; imports those that are not yet."""
    folder = importlib.import_module(package)
    return [importlib.import_module(f"{package}.{module.name}") for module in pkgutil.iter_modules(folder.__path__)]
