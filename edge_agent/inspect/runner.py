"""A recipe over pictures: a verdict each, everything kept that is needed to make it again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from edge_agent.inspect import verdicts
from edge_agent.inspect.assets import FolderAssets, digest
from edge_agent.inspect.clips import parts_of
from edge_agent.inspect.pictures import PartPicture, pixels_of
from edge_agent.inspect.settings import LiveConfig
from edge_agent.inspect.verdicts import FILES, HEAT, PICTURES, VERDICTS, Line, Run
from vision.errors import InputError
from vision.frame import Pixels
from vision.inspect.inspector import Inspection, Inspector, Prepared
from vision.inspect.recipe import Recipe
from vision.inspect.result import CheckResult, combine

Keep = Literal["all", "doubtful", "none"]
HEAT_UNIT = 64  # grey levels of a kept heat map for one threshold

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Job:
    """What to inspect and how. `orders` says by a picture's name what is expected of that very part.

    `live`: its triggers and window say where in a clip parts are; without it the clip itself does.
    """

    recipe: Recipe
    folder: Path
    files: tuple[Path, ...]
    out: Path
    keep: Keep = "all"
    orders: Mapping[str, Mapping[str, str]] | None = None
    live: LiveConfig | None = None


def run(job: Job, progress: Progress | None = None) -> list[Line]:
    """Inspect every part; write verdicts, pictures, heat maps and `run.json` into the output folder.

    Raises InputError or ModelError where the recipe cannot be used; a bad picture is a verdict, not an error.
    """
    assets = FolderAssets(job.folder)
    for name in job.recipe.references:  # a damaged one would make every part look faulty
        if isinstance(reason := pixels_of(assets.read(name)), str):
            raise InputError(f"{name}: {reason}; take the reference again")
    inspector = Inspector(job.recipe, assets)
    made = Run(job.recipe, assets.digests, str(job.folder.resolve()), verdicts.versions(), job.orders or {})
    _prepare(job.out)
    for name, data in assets.content.items():
        (job.out / FILES / made.files[name]).write_bytes(data)
    made.write(job.out)
    run_digest = made.digest
    told: list[Line] = []
    with (job.out / VERDICTS).open("w", encoding="utf-8") as file:
        for part in parts_of(job.files, job.live):
            found = judged(inspector, part, made, run_digest)
            _keep(job, found, part.data)
            file.write(verdicts.dumped(found.entry) + "\n")
            file.flush()  # what is judged stays judged, whatever happens to the rest
            told.append(found.entry)
            if progress is not None:
                progress(len(told), max(len(told), len(job.files)))  # how many a clip holds shows at its end
    return told


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on one picture, and its heat map as a file (see `heat_map`)."""

    entry: Line
    heat: bytes | None


def judged(
    inspector: Inspector,
    part: PartPicture,
    made: Run,
    run_digest: str,
    *,
    order: Mapping[str, str] | None = None,
    more: Sequence[CheckResult] = (),
) -> Judged:
    """The verdict on one picture. The time counts from the file's bytes to the verdict.

    `order`: in place of the run's, what is expected of this part. `more`: results of its sensors.
    """
    began = time.perf_counter()
    pixels = part.pixels
    if isinstance(pixels, str):
        inspection = Inspection(combine([CheckResult.undecided("picture", pixels)]), Prepared(reason=pixels))
    else:
        inspection = inspector.inspect(pixels, order_of(made.orders, part.file) if order is None else order)
    if more:
        together = combine([*inspection.verdict.results, *more])
        inspection = Inspection(together, inspection.prepared)
    ms = (time.perf_counter() - began) * 1000
    entry = verdicts.line(
        part.file, inspection.verdict, picture=digest(part.data), run_digest=run_digest, run=made, ms=ms
    )
    heat = None if isinstance(pixels, str) else heat_map(inspection, pixels)
    clip = {} if part.clip is None else {"clip": dict(part.clip)}
    return Judged({**entry, "heat": None if heat is None else digest(heat), **clip}, heat)


def order_of(orders: Mapping[str, Mapping[str, str]], file: str) -> Mapping[str, str]:
    """What is expected of the part in this file: by its path, its name, or for all ("*")."""
    common = orders.get("*", {})
    return {**common, **orders.get(Path(file).name, {}), **orders.get(file, {})}


def _prepare(out: Path) -> None:
    """An empty place for a run; what an earlier one left is taken away, so that nothing of it is taken for this one's."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in (PICTURES, HEAT, FILES):
            shutil.rmtree(out / name, ignore_errors=True)
            (out / name).mkdir()
    except OSError as error:
        raise InputError(f"--out {out}: cannot be made a folder ({error.strerror}); name another") from None


def _keep(job: Job, found: Judged, data: bytes) -> None:
    if job.keep == "none" or (job.keep == "doubtful" and found.entry["verdict"] == "pass"):
        return
    (job.out / PICTURES / found.entry["picture"]).write_bytes(data)
    if found.heat is not None:
        (job.out / HEAT / f"{found.entry['heat']}.png").write_bytes(found.heat)


def heat_map(inspection: Inspection, picture: Pixels) -> bytes | None:
    """Where the checks saw what, over the original picture, as a grey PNG (`HEAT_UNIT`: the threshold); None without any."""
    height, width = picture.shape[:2]
    total: npt.NDArray[np.float32] | None = None
    views = {view.region: view for view in inspection.prepared.views}
    for result in inspection.verdict.results:
        if result.heat is None or result.region not in views:
            continue
        view = views[result.region]
        placed = np.asarray(cv2.warpAffine(result.heat, view.to_native, (width, height)), np.float32)
        total = placed if total is None else np.maximum(total, placed)
    if total is None:
        return None
    levels = np.clip(np.rint(total * HEAT_UNIT), 0, 255).astype(np.uint8)
    done, data = cv2.imencode(".png", levels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return data.tobytes() if done else None


def counts(told: Sequence[Line]) -> dict[str, int]:
    """How many parts came to which verdict."""
    return {kind: sum(entry["verdict"] == kind for entry in told) for kind in ("pass", "reject", "no_decision")}
