"""Which moment of an event becomes its picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agent.config import EvidenceConfig
from edge_agent.evidence import EvidenceKeeper
from vision.events import Event
from vision.frame import Frame
from vision.rules.base import View


def event(at: float) -> Event:
    return Event(id="E", type="climbing", camera="c", severity="alert", start=0, opened=9, at=at)


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (9.0, 9),  # told as it happens
        (7.0, 7),  # told two seconds later: the picture is from then
        (1.0, 5),  # longer ago than frames are kept: the oldest there is
    ],
)
def test_the_picture_is_that_of_the_moment(at: float, shown: int, tmp_path: Path) -> None:
    keeper = EvidenceKeeper(EvidenceConfig(clips=False))
    for t in range(10):
        frame = Frame.from_array(np.full((48, 64, 3), 20 * t, np.uint8), t=float(t), index=t)
        keeper.take([event(at)] if t == 9 else [], frame)
    kept, notes = keeper.write(tmp_path / "no.mp4", tmp_path, View(64, 48))
    picture = cv2.imread(str(tmp_path / str(kept[0].evidence.snapshot)))
    assert notes == []
    assert picture is not None
    assert np.median(picture) == pytest.approx(20 * shown, abs=3)
