"""What every verdict was made from, kept as `inspect run` keeps it, so that `inspect rerun FOLDER` makes it again.

data_dir/inspection/YYYYmmdd-HHMMSS-DIGEST/   one run of the agent with one recipe: run.json, verdicts.jsonl, pictures, …
"""

from __future__ import annotations

import contextlib
import logging
import queue
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import cv2

from edge_agent.inspect import verdicts
from edge_agent.inspect.assets import FolderAssets, digest
from edge_agent.inspect.live.shadow import LiveShadow, step_back
from edge_agent.inspect.live.station import Decision
from edge_agent.inspect.runner import heat_map
from edge_agent.inspect.verdicts import FILES, HEAT, PICTURES, VERDICTS, Line, Run
from vision.errors import OutsideError
from vision.inspect.fusion import Measured
from vision.inspect.recipe import Recipe
from vision.inspect.result import CheckResult

log = logging.getLogger("sightline.inspection")

_WAITING = 64  # parts that are not yet written; beyond, lines are written without their pictures
_END_S, _END_SHADOW_S = 3.0, 20.0  # within which what waits is written at the end
_LOOK_EVERY = 50  # parts between two looks at the space in use


@dataclass(frozen=True, slots=True)
class Keeping:
    """Whose pictures are kept, and how many bytes all runs may take; `shadow` judges every part, too, and is kept."""

    keep: Literal["all", "doubtful", "none"]
    most_bytes: int
    shadow: LiveShadow | None = None


class LiveRecord:
    """Writes in a thread of its own; `put` returns at once."""

    def __init__(self, folder: Path, recipe: Recipe, assets: FolderAssets, keeping: Keeping, now: float) -> None:
        """Make the run's folder. Raises `OutsideError` where that cannot be."""
        self._keeping = keeping
        self.run = Run(recipe, assets.digests, str(assets.folder.resolve()), verdicts.versions(), {})
        self.digest = self.run.digest
        stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d-%H%M%S")
        self.folder = folder / f"{stamp}-{self.digest[:8]}"
        self.without_picture = 0
        try:
            for name in (PICTURES, HEAT, FILES):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            for path, data in assets.content.items():
                (self.folder / FILES / self.run.files[path]).write_bytes(data)
            self.run.write(self.folder)
        except OSError as error:
            raise OutsideError(f"{self.folder}: cannot be written ({error.strerror}); check data_dir") from None
        self._items: queue.Queue[Decision | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="inspection-record", daemon=True)
        self._thread.start()

    def put(self, decision: Decision) -> None:
        """Keep what this verdict was made from."""
        self._items.put(decision)

    def stop(self) -> None:
        """Write what waits."""
        self._items.put(None)
        self._thread.join(_END_S if self._keeping.shadow is None else _END_SHADOW_S)

    def _work(self) -> None:
        count, told = 0, False
        if self._keeping.shadow is not None:
            step_back()
        while (decision := self._items.get()) is not None:
            try:
                self._write(decision)
                told = False
                if count % _LOOK_EVERY == 0:
                    _make_room(self.folder, self._keeping.most_bytes)
            except OSError as error:
                if not told:
                    log.error("verdicts are not kept: %s", error.strerror)  # noqa: TRY400  # its text says it all
                told = True
            except Exception:
                log.exception("a verdict could not be kept", extra={"part": decision.key})
            count += 1

    def _write(self, decision: Decision) -> None:
        keep = self._keeping.keep == "all" or (self._keeping.keep == "doubtful" and decision.verdict.outcome != "pass")
        if keep and self._items.qsize() > _WAITING:
            keep = False
            self.without_picture += 1
        entry = self._line(decision, keep=keep)
        shadow = self._keeping.shadow
        if shadow is not None and (said := shadow.judge(decision, self._items.qsize())) is not None:
            entry["shadow"] = said
        with (self.folder / VERDICTS).open("a", encoding="utf-8") as file:
            file.write(verdicts.dumped(entry) + "\n")

    def _line(self, decision: Decision, *, keep: bool) -> Line:
        frame, picture, heat = decision.taken.frame, "", None
        if frame is not None and keep:
            done, data = cv2.imencode(".png", frame.image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
            if done:
                picture = digest(data.tobytes())
                (self.folder / PICTURES / picture).write_bytes(data.tobytes())
            heat = heat_map(decision.inspection, frame.image)
            if heat is not None:
                (self.folder / HEAT / f"{digest(heat)}.png").write_bytes(heat)
        entry = verdicts.line(
            decision.key,
            decision.verdict,
            picture=picture,
            run_digest=self.digest,
            run=self.run,
            ms=decision.inspect_s * 1000,
        )
        return {**entry, "heat": None if heat is None else digest(heat), "live": _made_from(decision)}


def _made_from(decision: Decision) -> dict[str, Any]:
    """What the picture does not tell: trigger, order, readings, times."""
    trigger = decision.trigger
    return {
        "t": trigger.t,
        "part": trigger.part,
        "trigger": trigger.source,
        "order": dict(trigger.order),
        "no_picture": decision.taken.reason,
        "sharpness": round(decision.taken.sharpness, 3),
        "decided": decision.decided,
        "sensors": [one.to_dict() for one in decision.measured],
    }


def sensor_results(live: Mapping[str, Any]) -> list[CheckResult]:
    """What the readings in a record say of their part, judged again. Raises InputError where they are damaged."""
    return [Measured.of(told).judge() for told in live.get("sensors", [])]


def _make_room(current: Path, most_bytes: int) -> None:
    """Delete the oldest runs until all together fit, then the oldest pictures of the current one."""
    runs = sorted(path for path in current.parent.iterdir() if path.is_dir())
    sizes = {run: sum(file.stat().st_size for file in run.rglob("*") if file.is_file()) for run in runs}
    total = sum(sizes.values())
    for run in runs:
        if total <= most_bytes or run == current:
            break
        shutil.rmtree(run, ignore_errors=True)
        total -= sizes[run]
    if total <= most_bytes:
        return
    kept = [file for name in (PICTURES, HEAT) for file in (current / name).iterdir()]
    for file in sorted(kept, key=lambda file: file.stat().st_mtime):
        if total <= 0.9 * most_bytes:
            break
        with contextlib.suppress(OSError):
            total -= file.stat().st_size
            file.unlink()
