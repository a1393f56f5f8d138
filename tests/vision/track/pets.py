"""The PETS clip for the tracker: ground truth and detections of every frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.vision.track.hota import Seen
from vision.detect.base import Detections
from vision.detect.session import DetectorOptions, open_detector
from vision.media.reader import open_clip
from vision.track.bytetrack import ByteTracker, TrackParams

CLIP = "footage/pets09_s2l1_vtest_480x360.mp4"
TRUTH = "footage/PETS09-S2L1_gt_mot_768x576.txt"
MODEL = "models/yolox_nano_416.onnx"
SCALE = 0.625  # the truth was drawn at 768x576


def ground_truth(folder: Path) -> list[Seen]:
    """Ids and boxes of the 795 frames, in pixels of the clip."""
    rows = np.loadtxt(folder / TRUTH, delimiter=",")
    frames = []
    for number in range(1, 796):
        here = rows[rows[:, 0] == number]
        corner = here[:, 2:4] * SCALE
        boxes = np.concatenate([corner, corner + here[:, 4:6] * SCALE], axis=1)
        frames.append((here[:, 1].astype(np.int64), boxes.astype(np.float32)))
    return frames


def people(folder: Path, *, square: bool = False) -> list[tuple[Detections, float]]:
    """Detections of persons and the time of every frame."""
    detector = open_detector(folder / MODEL, DetectorOptions(square=square))
    person = detector.names.index("person")
    seen = []
    with open_clip(folder / CLIP) as clip:
        for frame in clip:
            found = detector.detect([frame.image])[0]
            seen.append((found.where(found.class_id == person), frame.t))
    return seen


def track(seen: Sequence[tuple[Detections, float]], params: TrackParams | None = None) -> list[Seen]:
    """Every returned track of every frame, as `replay --tracks` would write them."""
    tracker = ByteTracker(params)
    frames = []
    for detections, t in seen:
        tracks = tracker.update(detections, t)
        ids = np.array([track.id for track in tracks], np.int64)
        frames.append((ids, np.array([track.box for track in tracks], np.float32).reshape(-1, 4)))
    return frames
