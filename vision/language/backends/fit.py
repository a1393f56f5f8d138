"""Whether a model fits: into the memory that is free, and into the share that it may have."""

from __future__ import annotations

from vision.errors import ModelError
from vision.language.backends.base import ModelSettings
from vision.language.backends.machine import free_memory
from vision.language.gguf import MemorySum, memory_needed, size
from vision.language.model import NoAnswer

_MARGIN = 128 << 20  # what the sum cannot know


def needs(settings: ModelSettings) -> MemorySum | None:
    """The sum for a local model, None for one that is elsewhere. Raises `ModelError` for files that cannot be read."""
    return None if settings.path is None else memory_needed(settings.path, settings.mmproj, settings.n_ctx)


def most_memory(settings: ModelSettings) -> int | None:
    """Bytes beyond which the model's process is ended: the share of the settings, else the sum and a third; None: any."""
    if settings.memory_mb is not None:
        return settings.memory_mb << 20
    try:
        needed = needs(settings)
    except ModelError:
        return None
    return None if needed is None else needed.total * 4 // 3 + _MARGIN


def refusal(settings: ModelSettings, free: int | None = None) -> NoAnswer | None:
    """Why the model must not be loaded: damaged (`unusable`), or too large (`memory`), with the sum; None where it may.

    `free`: bytes that may be used, default: what the machine says. `force` in the settings passes over the free memory
    and the share, not over a damaged file.
    """
    try:
        needed = needs(settings)
    except ModelError as error:
        return NoAnswer("unusable", str(error))
    if needed is None or settings.force:
        return None
    share = None if settings.memory_mb is None else settings.memory_mb << 20
    if share is not None and needed.total > share:
        return NoAnswer("memory", f"{_name(settings)} needs {needed}, but memory_mb allows {size(share)}{_FIX}")
    free = free_memory() if free is None else free
    if free is not None and needed.total > free:
        return NoAnswer("memory", f"{_name(settings)} needs {needed}, but {size(free)} are free{_FIX}")
    return None


_FIX = "; take a smaller model, a smaller n_ctx, or force: true"


def _name(settings: ModelSettings) -> str:
    return settings.path.name if settings.path else settings.backend
