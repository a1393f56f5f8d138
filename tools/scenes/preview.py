"""Single frames of a clip, to look at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from .clips import SCRIPTS
from .demo import Stage, scene
from .render import Renderer


def run_still(clip: str, times: list[float], out: Path, draw: bool) -> None:
    """Writes ``CLIP_TIME.png`` for each time."""
    stage = Stage(SCRIPTS[clip](), Renderer())
    plan = scene()
    for t in times:
        picture, items = stage.frame(t)
        if draw:
            size = np.array([picture.shape[1], picture.shape[0]])
            for zone in [*plan["zones"], *plan["masks"]]:
                cv2.polylines(picture, [(np.array(zone["polygon"]) * size).astype(np.int32)], True, (0, 220, 255), 1)
            for line in plan["lines"]:
                cv2.polylines(picture, [(np.array(line["points"]) * size).astype(np.int32)], False, (255, 120, 0), 1)
            for item in items:
                x1, y1, x2, y2 = (int(v) for v in item.box)
                cv2.rectangle(picture, (x1, y1), (x2, y2), (0, 255, 0), 1)
                cv2.putText(
                    picture,
                    f"{item.label} {item.visibility:.2f}",
                    (x1, y1 - 3),
                    cv2.FONT_HERSHEY_SIMPLEX,
                    0.35,
                    (0, 255, 0),
                    1,
                )
        cv2.imwrite(str(out / f"{clip}_{t:05.1f}.png"), picture)
