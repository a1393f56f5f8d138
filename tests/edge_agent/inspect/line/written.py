"""Verdicts as a run writes them, made up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_agent.inspect.assets import digest


def png(number: int) -> bytes:
    """A small picture, another one for every number."""
    return bytes(cv2.imencode(".png", np.full((16, 16, 3), number % 251, np.uint8))[1].tobytes())


def check(
    name: str, score: float | None, outcome: str, region: str = "part", measures: Mapping[str, float] | None = None
) -> dict[str, Any]:
    threshold = None if score is None else 1.0
    return {
        "check": name, "region": region, "outcome": outcome, "score": score, "threshold": threshold,
        "measures": dict(measures or {}), "reasons": [],
    }  # fmt: skip


def entry(
    number: int,
    *,
    score: float = 0.3,
    verdict: str | None = None,
    checks: Sequence[dict[str, Any]] | None = None,
    kind: str = "scratch",
    at: float | None = None,
    measures: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """One line; rejected above a score of 1 unless `verdict` says otherwise."""
    verdict = verdict or ("reject" if score > 1 else "pass")
    if checks is None:
        checks = [] if verdict == "no_decision" else [check("anomaly", score, verdict, measures=measures)]
    return {
        "file": f"line/{number:04d}.png", "verdict": verdict, "score": score, "threshold": 1.0, "boxes": [],
        "reasons": [] if verdict == "pass" else [f"reason {kind}"], "ms": 5.0,
        "findings": [{"kind": kind, "area_px": 4.0, "score": score}] if verdict == "reject" else [],
        "checks": list(checks), "picture": digest(png(number)),
        "recipe": {"name": "plate", "version": "1", "digest": "d" * 64}, "files": {},
    } | ({} if at is None else {"live": {"t": at}})  # fmt: skip


def written(folder: Path, rows: Sequence[Mapping[str, Any]], *, pictures: bool = False) -> Path:
    """The folder of a run with these lines; their pictures are those of `png`, by the number in the file's name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "verdicts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    if pictures:
        (folder / "pictures").mkdir()
        for row in rows:
            (folder / "pictures" / str(row["picture"])).write_bytes(png(int(Path(str(row["file"])).stem)))
    return folder
