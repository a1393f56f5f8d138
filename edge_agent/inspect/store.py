"""What was learned from good parts, by name: a folder each, with the recipe that uses it.

STORE/NAME/recipe.yaml     names the files beside it; `inspect run --name NAME` runs it
STORE/NAME/…               the model, the reference, whatever training has left
"""

from __future__ import annotations

import re
from pathlib import Path

from vision.errors import InputError
from vision.settings.problems import choice, clean

DEFAULT_STORE = Path("inspection")
RECIPE = "recipe.yaml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")


def folder_of(name: str, store: Path) -> Path:
    """Where what is called `name` lies, whether or not it is there. Raises InputError for a name that is none."""
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise InputError(f"--name {clean(name)}: letters, digits, _ . - are allowed, beginning with a letter or digit")
    return store / name


def recipe_of(name: str, store: Path) -> Path:
    """The recipe of that name. Raises InputError where there is none."""
    path = folder_of(name, store) / RECIPE
    if path.is_file():
        return path
    known = sorted(entry.parent.name for entry in store.glob(f"*/{RECIPE}")) if store.is_dir() else []
    told = (
        choice(name, known)
        if known
        else f"none is in {store}; train one: sightline inspect train GOOD_DIR --name {name}"
    )
    raise InputError(f"--name {name}: no such inspection in {store}; {told}")
