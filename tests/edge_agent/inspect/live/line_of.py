"""A line for tests: the demo's recipe, frames by hand, events in a list."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from edge_agent.inspect.live.service import LiveInspection, Surroundings
from edge_agent.inspect.settings import InspectionConfig
from edge_agent.live.worker import Happening
from vision.frame import Frame, Pixels

ROOT = Path(__file__).parents[4]
DEADLINE_S = 30.0


class Clock:
    """Real time, in which a test can skip the seconds between two parts."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def __call__(self) -> float:
        return time.time() + self.skipped


def config_of(live: dict[str, Any]) -> InspectionConfig:
    """The recipe of configs/inspection.yaml with another `live`."""
    inspection = yaml.safe_load((ROOT / "configs/inspection.yaml").read_text(encoding="utf-8"))["inspection"]
    live = {"camera": "line", "triggers": [{"type": "http"}], **live}
    return InspectionConfig.model_validate({**inspection, "live": live})


def line_of(live: dict[str, Any], data_dir: Path, told: list[Happening], clock: Clock | None = None) -> LiveInspection:
    """Not yet started."""
    return LiveInspection(config_of(live), Surroundings(ROOT / "configs", data_dir, told.append, clock or time.time))


def part(name: str) -> Pixels:
    """A part of the demo by the name of its file."""
    return np.asarray(cv2.imread(str(ROOT / "demo/parts" / f"{name}.jpg")), np.uint8)


def show(line: LiveInspection, picture: Pixels, clock: Clock | None = None) -> None:
    """The camera sees this now."""
    line.frame(Frame.from_array(picture, t=(clock or time.time)(), camera="line"))


async def until(true: Callable[[], object], what: str = "it") -> None:
    """Wait for something that comes by itself."""
    async with asyncio.timeout(DEADLINE_S):
        while not true():
            await asyncio.sleep(0.01)
    assert true(), what
