"""A new model in the shadow of the line: it judges the parts that the line has judged, and nothing ever acts on it.

It works in the thread that keeps the records, once verdict and output are done, and lets parts go where that falls behind.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from edge_agent.inspect import verdicts
from edge_agent.inspect.line.shadow import recipe_and_assets
from edge_agent.inspect.live.station import Decision, inspected
from edge_agent.inspect.verdicts import Run
from vision.inspect.inspector import Inspector
from vision.inspect.result import combine

log = logging.getLogger("sightline.inspection")

_WAITING = 4  # parts whose records wait; with more it would only fall further behind
_LOWER = 10  # added to the thread's nice value


class LiveShadow:
    """One model by its name in a store, NAME@2 or NAME."""

    def __init__(self, reference: str, store: Path) -> None:
        """Read all that its recipe names. Raises `SightlineError` where it is not there or cannot be used."""
        self.reference = reference
        self.left_out = 0  # parts that it did not judge since it fell behind
        recipe, assets = recipe_and_assets(reference, store)
        self._inspector = Inspector(recipe, assets)
        run = Run(recipe, assets.digests, "", verdicts.versions(), {})
        self._recipe = {"name": recipe.name, "version": recipe.version, "digest": run.digest}

    def judge(self, decision: Decision, waiting: int) -> dict[str, Any] | None:
        """What it says of a part, with the same picture, order and readings; None where `waiting` records are too many."""
        if waiting > _WAITING:
            self.left_out += 1
            return None
        began = time.perf_counter()
        inspection = inspected(self._inspector, decision.taken)
        verdict = combine([*inspection.verdict.results, *(one.judge() for one in decision.measured)])
        leading = verdict.leading
        return {
            "model": self.reference,
            "recipe": self._recipe,
            "verdict": verdict.outcome,
            "severity": None if leading is None else float(f"{leading.severity:.6g}"),
            "reasons": list(verdict.reasons),
            "ms": round((time.perf_counter() - began) * 1000, 2),
        }


def step_back() -> None:
    """Let all other threads go first; where the system knows no priority of a single thread, nothing changes."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWER)
