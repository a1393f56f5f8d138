"""Several pictures in one run of the network give what each gives alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vision.detect.rectangular import resized
from vision.detect.session import DetectorOptions, OnnxDetector
from vision.media.reader import open_clip


def test_pictures_together_are_seen_as_alone(root: Path) -> None:
    model = (root / "demo/model/sightline-demo.onnx").read_bytes()
    free = resized(model, 416, 256, one=False)
    alone = OnnxDetector(model, "demo", DetectorOptions())
    together = OnnxDetector(free, "free", DetectorOptions(batch=3))
    assert alone.batch == 1  # the file fixes it
    assert together.batch == 3
    assert OnnxDetector(free, "free", DetectorOptions()).batch == 1  # on the CPU more gain nothing
    with open_clip(root / "demo/clips/climb.mp4") as clip:
        images = [frame.image for frame in list(clip.frames(1.0))[4:9]]  # five: a whole batch and a rest
    want, got = alone.detect(images), together.detect(images)
    assert sum(len(found) for found in want) > 3
    for one, other in zip(want, got, strict=True):
        assert len(one) == len(other)
        assert np.allclose(one.xyxy, other.xyxy, atol=0.05)
        assert np.allclose(one.score, other.score, atol=1e-4)


def test_pictures_of_different_sizes_are_looked_at_one_by_one(root: Path) -> None:
    model = (root / "demo/model/sightline-demo.onnx").read_bytes()
    detector = OnnxDetector(resized(model, 416, 256, one=False), "free", DetectorOptions(batch=4))
    sizes = [(360, 640), (480, 640)]
    found = detector.detect([np.zeros((h, w, 3), np.uint8) for h, w in sizes])
    assert len(found) == 2
