"""What the values of every config have in common."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo

from vision.delivery.env import filled


def _resolved(path: Path, info: ValidationInfo) -> Path:
    """A relative path counts from the config file's folder; variables that are still in it are filled in."""
    context = info.context or {}
    if "${" in str(path):
        path = Path(filled(str(path), context.get("env", os.environ)))
    folder = context.get("folder")
    return path if folder is None else Path(folder) / path.expanduser()


ConfigPath = Annotated[Path, AfterValidator(_resolved)]


class Value(BaseModel):
    """A group of keys: unknown ones are errors, and nothing changes it once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)
