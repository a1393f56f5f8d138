"""Which measures of a recipe have limits that a drawing would state: the tolerance of Cp and Cpk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from edge_agent.inspect.line.records import Key, Part
from vision.inspect.check import CheckParams
from vision.inspect.checks.colour import ColourParams
from vision.inspect.checks.position import PositionParams
from vision.inspect.checks.size import SizeParams
from vision.inspect.fusion import REGION
from vision.inspect.recipe import Recipe

# they are never below 0 and pile up there: an index that takes them for normal would say nothing
DISTANCES = frozenset({"shift_mm", "shift_percent", "colour_difference"})
Limits = tuple[float | None, float | None]


def tolerances(recipe: Recipe | None) -> dict[Key, Limits]:
    """Least and most of each measure that has any; counts have none, they are no sizes."""
    found: dict[Key, Limits] = {}
    for region in recipe.regions if recipe is not None else ():
        for check in region.checks:
            for name, limits in _limits(check):
                found[Key(region.name, check.title, name)] = limits
    return found


def sensor_limits(parts: Sequence[Part]) -> dict[Key, Limits]:
    """Least and most of what sensors read, as the last part's line has them."""
    told: dict[str, Any] = next(
        (part.entry["live"] for part in reversed(parts) if (part.entry.get("live") or {}).get("sensors")), {}
    )
    found: dict[Key, Limits] = {}
    for sensor in told.get("sensors", ()):
        params = sensor.get("params") or {}
        if params.get("min") is not None or params.get("max") is not None:
            name = str(params.get("name"))
            key = f"{name}_{params.get('unit', '')}".rstrip("_")
            found[Key(REGION, name, key)] = (params.get("min"), params.get("max"))
    return found


def _limits(check: CheckParams) -> Iterator[tuple[str, Limits]]:
    if isinstance(check, SizeParams):
        for side in ("length", "width", "diameter", "area"):
            span = getattr(check, side)
            if span is not None:
                yield f"{side}_{check.unit}{'2' if side == 'area' else ''}", span
    elif isinstance(check, PositionParams):
        in_mm = check.tolerance_mm is not None
        yield "shift_mm" if in_mm else "shift_percent", (None, check.tolerance_mm if in_mm else check.tolerance)
        if check.angle_tolerance is not None:
            yield "turned_deg", (-check.angle_tolerance, check.angle_tolerance)
    elif isinstance(check, ColourParams):
        yield "colour_difference", (None, check.tolerance)
