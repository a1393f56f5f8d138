"""A verdict as one line of `verdicts.jsonl`, and everything that is needed to make it again."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_agent.inspect.assets import digest
from vision.errors import InputError
from vision.inspect.recipe import Recipe
from vision.inspect.result import CheckResult, Verdict

VERDICTS = "verdicts.jsonl"
RUN = "run.json"
PICTURES, HEAT, FILES = "pictures", "heat", "files"
_TIMES = ("ms",)  # what differs from one run to the next though nothing has changed

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """What all verdicts of a run share: the recipe, the digests of its files, the versions of the programs."""

    recipe: Recipe
    files: Mapping[str, str]
    folder: str
    versions: Mapping[str, str]
    orders: Mapping[str, Mapping[str, str]]

    @property
    def digest(self) -> str:
        """SHA-256 of the recipe with all files that it names: two runs of the same one judge alike."""
        return digest(_canonical({"recipe": self.recipe.model_dump(mode="json"), "files": dict(self.files)}))

    def write(self, out: Path) -> None:
        """Write `run.json`."""
        values = {
            "recipe": self.recipe.model_dump(mode="json"),
            "files": dict(self.files),
            "folder": self.folder,
            "digest": self.digest,
            "versions": dict(self.versions),
            "orders": {file: dict(order) for file, order in self.orders.items()},
        }
        (out / RUN).write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, out: Path) -> Run:
        """The run that was written into a folder. Raises InputError where there is none, or it has been changed."""
        path = out / RUN
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            run = cls(
                Recipe.model_validate(values["recipe"]),
                values["files"],
                values["folder"],
                values["versions"],
                values["orders"],
            )
            changed = run.digest != values["digest"]
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}); name a folder of `inspect run`") from None
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{path}: is no record of a run; name a folder of `inspect run`") from None
        if changed:
            raise InputError(f"{path}: has been changed since it was written; this run cannot be made again")
        return run


def versions() -> dict[str, str]:
    """The programs that a verdict depends on."""
    return {
        "sightline": version("sightline"),
        "opencv": cv2.__version__,
        "numpy": np.__version__,
        "onnxruntime": version("onnxruntime"),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def line(file: str, verdict: Verdict, *, picture: str, run_digest: str, run: Run, ms: float) -> Line:
    """The verdict on one part as JSON values; `picture` is the digest of its file."""
    leading = verdict.leading
    findings = verdict.findings
    return {
        "file": file,
        "verdict": verdict.outcome,
        "score": None if leading is None else _rounded(leading.score),
        "threshold": None if leading is None else _rounded(leading.threshold),
        "boxes": [[round(side, 2) for side in finding.box] for finding in findings],
        "reasons": list(verdict.reasons),
        "ms": round(ms, 2),
        "findings": [{"kind": f.kind, "area_px": _rounded(f.area_px), "score": _rounded(f.score)} for f in findings],
        "checks": [_check(result) for result in verdict.results],
        "picture": picture,
        "recipe": {"name": run.recipe.name, "version": run.recipe.version, "digest": run_digest},
        "files": dict(run.files),
    }


def _check(result: CheckResult) -> Line:
    return {
        "check": result.check,
        "region": result.region,
        "outcome": result.outcome,
        "score": _rounded(result.score),
        "threshold": _rounded(result.threshold),
        "measures": {key: _rounded(value) for key, value in result.measures.items()},
        "reasons": list(result.reasons),
    }


def _rounded(value: float | None) -> float | None:
    """Six digits: more are no message. JSON has neither infinity nor not-a-number."""
    if value is None or not np.isfinite(value):
        return None
    return float(f"{value:.6g}")


def comparable(entry: Mapping[str, Any]) -> bytes:
    """The bytes of a verdict that must be the same each time."""
    return _canonical({key: value for key, value in entry.items() if key not in _TIMES})


def dumped(entry: Mapping[str, Any]) -> str:
    """One line of `verdicts.jsonl`."""
    return json.dumps(entry, ensure_ascii=False, allow_nan=False)


def lines(out: Path) -> Iterator[Line]:
    """The verdicts in a folder, in their order. Raises InputError where they cannot be read."""
    path = out / VERDICTS
    try:
        text = path.read_text(encoding="utf-8")
        for row in text.splitlines():
            yield json.loads(row)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name a folder of `inspect run`") from None
    except ValueError:
        raise InputError(f"{path}: a line is no JSON; it has been changed since it was written") from None


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
