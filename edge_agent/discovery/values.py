"""Values out of answers that may hold anything."""

from __future__ import annotations

import math
from typing import Any

from vision.settings.problems import clean


def text(value: Any, limit: int = 60) -> str:
    """A short text on one line; empty where there is none."""
    return clean(value, limit).strip() if isinstance(value, str) else ""


def number(value: Any) -> float | None:
    """A finite number that is not negative; None where it is none."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) and 0 <= found < 1e9 else None


def words(value: Any) -> list[Any]:
    """The answer as a list: the library gives None for an empty one."""
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]
