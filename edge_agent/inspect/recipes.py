"""Where a run's recipe comes from: a config file, a trained inspection by name, or a single good picture."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from edge_agent.inspect.settings import InspectionConfig, LiveConfig
from edge_agent.inspect.store import recipe_of
from vision.errors import InputError
from vision.inspect.recipe import Recipe, Region
from vision.settings.document import read
from vision.settings.problems import clean
from vision.settings.reading import load


class _Within(BaseModel):
    """A config file of which only the part about inspection is looked at here."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    inspection: InspectionConfig = Field(description="How parts are inspected.")


def load_recipe(path: Path) -> Recipe:
    """The recipe in a file: the whole of it, or what stands under `inspection:`. Raises ConfigError."""
    within = _within(path)
    return load(path, Recipe) if within is None else within.recipe


def load_live(path: Path) -> LiveConfig | None:
    """How the file says that a line is inspected; None where it holds a recipe alone. Raises ConfigError."""
    within = _within(path)
    return None if within is None else within.live


def _within(path: Path) -> InspectionConfig | None:
    """What stands under `inspection:`; None where there is no such key."""
    data: Any = read(path).data
    return load(path, _Within).inspection if isinstance(data, dict) and "inspection" in data else None


def chosen(name: str | None, golden: Path | None, config: Path | None, store: Path) -> tuple[Recipe, Path]:
    """The recipe that the user names in one of three ways, and the folder that its paths count from.

    Raises InputError where none or more than one is given.
    """
    given = [
        flag for flag, value in (("--name", name), ("--golden", golden), ("--config", config)) if value is not None
    ]
    if len(given) != 1:
        said = "say what a good part is:" if not given else f"{' and '.join(given)} say it twice; give one of"
        raise InputError(f"{said} --name NAME, --golden IMAGE or --config FILE")
    if golden is not None:
        if not golden.is_file():
            raise InputError(f"--golden {golden}: no such file; name the picture of a good part")
        check = Region.model_validate({"checks": [{"type": "golden"}]})
        return Recipe(name=golden.stem or "golden", reference=golden.name, regions=(check,)), golden.parent
    path = recipe_of(name, store) if name is not None else config
    assert path is not None  # one of the three was given
    return load_recipe(path), path.parent


def orders(path: Path | None, common: list[str]) -> dict[str, dict[str, str]]:
    """What is expected of parts: from KEY=VALUE for all ("*"), from a CSV with a column `file` for each.

    Raises InputError where either is not of that form.
    """
    found: dict[str, dict[str, str]] = {}
    for pair in common:
        key, sign, value = pair.partition("=")
        if not sign or not key.strip():
            raise InputError(f"--order {clean(pair)}: is not of the form KEY=VALUE")
        found.setdefault("*", {})[key.strip()] = value.strip()
    if path is None:
        return found
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            if "file" not in (table.fieldnames or ()):
                raise InputError(f"--orders {path}: has no column `file`; its first line must name the columns")
            for row in table:
                values = {k: v for k, v in row.items() if k and k != "file" and isinstance(v, str)}
                found[row["file"]] = values
    except OSError as error:
        raise InputError(f"--orders {path}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"--orders {path}: is no CSV file in UTF-8") from None
    return found
