"""Person AP50 of four real models on the PETS clip, against the figures of an independent decoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vision.detect.session import DetectorOptions, open_detector
from vision.frame import Pixels
from vision.geometry import iou_matrix
from vision.media.reader import open_clip

# The models' AP50 by the protocol of the data notes: every 10th frame, IoU 0.5, scores above 0.05, all-point interpolation.
PUBLISHED = {
    "yolox_nano_416.onnx": 0.892,
    "nanodet_m_320.onnx": 0.907,
    "yolo11n_int8_320.onnx": 0.902,
    "yolov8n_int8_640.onnx": 0.895,
}


def ground_truth(folder: Path) -> dict[int, np.ndarray]:
    """Boxes by frame number (0-based), in pixels of the 480x360 clip."""
    rows: dict[int, list[list[float]]] = {}
    for line in (folder / "footage/PETS09-S2L1_gt_mot_768x576.txt").read_text().splitlines():
        frame, _, x, y, w, h = (float(v) for v in line.split(",")[:6])
        box = [x * 0.625, y * 0.625, (x + w) * 0.625, (y + h) * 0.625]
        rows.setdefault(int(frame) - 1, []).append(box)
    return {k: np.clip(np.array(v, np.float32), 0, [480, 360, 480, 360]).astype(np.float32) for k, v in rows.items()}


@pytest.fixture(scope="module")
def pictures(shared_data: Path) -> dict[int, Pixels]:
    with open_clip(shared_data / "footage/pets09_s2l1_vtest_480x360.mp4") as clip:
        return {frame.index: frame.image for frame in clip if frame.index % 10 == 0}


def average_precision(hits: list[tuple[float, bool]], total: int) -> float:
    """All-point interpolated AP of (score, is a hit)."""
    hit = np.array([good for _, good in sorted(hits, key=lambda row: -row[0])], np.float64)
    found = np.cumsum(hit)
    precision = np.maximum.accumulate((found / np.arange(1, len(hit) + 1))[::-1])[::-1]
    return float(np.sum(np.diff(np.concatenate([[0.0], found / total])) * precision))


def match(boxes: np.ndarray, scores: np.ndarray, truth: np.ndarray) -> list[tuple[float, bool]]:
    """Greedy matching by falling score at IoU 0.5."""
    overlap, free, rows = iou_matrix(boxes, truth), set(range(len(truth))), []
    for row in np.argsort(-scores):
        best = max(free, key=lambda k: overlap[row, k], default=None)
        good = best is not None and overlap[row, best] >= 0.5
        if good:
            free.discard(best)
        rows.append((float(scores[row]), bool(good)))
    return rows


CASES = [(model, True) for model in PUBLISHED] + [("yolox_nano_416.onnx", False)]  # the others hold fixed reshapes


@pytest.mark.parametrize(("model", "square"), CASES)
def test_person_ap50_is_that_of_an_independent_decoder(
    model: str, square: bool, shared_data: Path, pictures: dict[int, Pixels]
) -> None:
    truth = ground_truth(shared_data)
    detector = open_detector(shared_data / "models" / model, DetectorOptions(square=square))
    hits: list[tuple[float, bool]] = []
    for index, image in pictures.items():
        found = detector.detect([image])[0]
        found = found.where(found.class_id == 0)
        hits += match(found.xyxy, found.score, truth.get(index, np.zeros((0, 4), np.float32)))
    total = sum(len(truth.get(index, ())) for index in pictures)
    assert total == 467
    assert average_precision(hits, total) >= PUBLISHED[model] - 0.01


def test_a_square_model_is_cut_to_the_picture_only_where_it_can(shared_data: Path) -> None:
    wide = {"yolox_nano_416.onnx": (416, 256), "nanodet_m_320.onnx": (320, 320), "yolo11n_int8_320.onnx": (320, 320)}
    for model, size in wide.items():
        assert open_detector(shared_data / "models" / model).input_size(1280, 720) == size
