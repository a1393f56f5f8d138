"""The client libraries of the extra `onvif`, imported when they are needed and not before."""

from __future__ import annotations

import importlib
import logging
from types import ModuleType

from vision.errors import InputError

HINT = "`sightline discover` needs the extra onvif; run: pip install 'sightline[onvif]'"


def library(name: str) -> ModuleType:
    """The module of that name. Raises `InputError` with the command that installs it where it is missing."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(f"{HINT} ({error})") from None
    finally:  # onvif.client sets up the root logger when it is imported, which is not its business
        root.handlers[:] = handlers
        root.setLevel(level)
