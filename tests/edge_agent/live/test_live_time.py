"""Live times are epoch seconds: the same pictures give the same events, only later."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.config import load_config
from edge_agent.config.detector import open_model
from vision.events import Event
from vision.frame import Frame
from vision.media.reader import open_clip
from vision.pipeline import Pipeline

EPOCH = 1_763_900_000.0


def events(root: Path, clip: str, offset: float) -> list[Event]:
    config = load_config(root / "configs/security.yaml")
    camera = config.camera("yard")
    pipeline = Pipeline(camera, open_model(config.model))
    last: dict[str, Event] = {}
    with open_clip(root / "demo/clips" / clip, camera=camera.name) as source:
        for frame in source.frames(camera.detect.fps):
            shifted = Frame(frame.picture, t=frame.t + offset, index=frame.index, camera=camera.name)
            last |= {event.id: event for event in pipeline.step(shifted)}
    last |= {event.id: event for event in pipeline.finish()}
    return sorted(last.values(), key=lambda event: (event.type, event.start))


@pytest.mark.parametrize("clip", ["climb.mp4", "bag.mp4"])
def test_epoch_times_change_nothing(root: Path, clip: str) -> None:
    here, later = events(root, clip, 0.0), events(root, clip, EPOCH)
    assert here
    assert [(e.type, e.state, e.zone, e.label) for e in later] == [(e.type, e.state, e.zone, e.label) for e in here]
    for a, b in zip(here, later, strict=True):
        # a sum of large times rounds differently, so that a look may come one sampled picture sooner or later
        assert b.start - EPOCH == pytest.approx(a.start, abs=0.25)
        assert (b.end or 0) - EPOCH == pytest.approx(a.end, abs=0.45)
