"""Training from a folder of good parts: the pictures as a run would cut them out, the model, a new version in the store."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from edge_agent.inspect.assets import digest
from edge_agent.inspect.models import ModelStore, Version
from edge_agent.inspect.pictures import pixels_of, read
from vision.errors import InputError
from vision.inspect.anomaly.backbone import open_backbone
from vision.inspect.anomaly.fit import Fitted, Part, Progress, Settings, fit
from vision.inspect.check import ScriptedAssets
from vision.inspect.inspector import Preparer
from vision.inspect.recipe import Recipe, Region


@dataclass(frozen=True, slots=True)
class Trained:
    """What training has made: the version now in use, the fit, seconds and bytes it took, pictures that were left out."""

    version: Version
    fitted: Fitted
    seconds: float
    size: int
    left_out: tuple[str, ...]


def train(
    files: Sequence[Path],
    name: str,
    store: Path,
    settings: Settings,
    *,
    backbone: Path | None = None,
    locate: Literal["whole", "part"] = "whole",
    progress: Progress | None = None,
    origin: Mapping[str, str] | None = None,
    shadow: bool = False,
) -> Trained:
    """Learn from the pictures, keep the model as the next version of `name` and take it into use.

    `origin` says in words where pictures come from, by their digests; kept with the model. With `shadow` a version that
    is in use stays in use.

    Raises:
        InputError: too few pictures that can be used, or a name that is none.
        ModelError: the backbone cannot be used.
        StoreError: the model cannot be kept.

    """
    began = time.monotonic()
    models = ModelStore(name, store)
    network = open_backbone(backbone)
    parts, left_out = parts_of(files, locate)
    parts = [replace(part, name=(origin or {}).get(part.sha256, part.name)) for part in parts]
    if not parts and left_out:
        raise InputError(f"none of {len(files)} pictures can be used: {left_out[0]}")
    fitted = fit(parts, network, settings, progress)
    version = models.add(fitted.model, locate)
    if not shadow or models.current() is None:
        models.take_over(version.version, "trained")
    size = (models.folder / version.file).stat().st_size
    return Trained(version, fitted, time.monotonic() - began, size, tuple(left_out))


def parts_of(files: Sequence[Path], locate: Literal["whole", "part"]) -> tuple[list[Part], list[str]]:
    """The parts as a run will see them, and what could not be used and why."""
    region = Region.model_validate({"checks": [{"type": "golden"}]})  # the check does not matter: only views are made
    recipe = Recipe.model_validate({"name": "training", "locate": {"find": locate}, "regions": [region]})
    preparer = Preparer(recipe, ScriptedAssets())
    parts, left_out = [], []
    for picture in read(files):
        pixels = pixels_of(picture.data)
        if isinstance(pixels, str):
            left_out.append(f"{picture.file}: {pixels}")
            continue
        prepared = preparer.prepare(pixels)
        if prepared.reason is not None:
            left_out.append(f"{picture.file}: {prepared.reason}")
            continue
        view = prepared.views[0]
        parts.append(Part(Path(picture.file).name, view.image, view.mask, digest(picture.data)))
    return parts, left_out
