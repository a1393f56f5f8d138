"""The provider library is an extra: one line where it is missing."""

from __future__ import annotations

import importlib.util

from vision.errors import ModelError

_EXTRAS = {"openai": "cloud", "anthropic": "anthropic"}


def needed(sdk: str) -> None:
    """Raises `ModelError` with the command that installs what a family needs (`sdk`: openai, anthropic)."""
    if importlib.util.find_spec("pydantic_ai") is None or importlib.util.find_spec(sdk) is None:
        raise ModelError(f"cloud models need a library that is not installed; pip install 'sightline[{_EXTRAS[sdk]}]'")
