"""Person AP50 on the PETS clip, as the data notes beside the project define it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vision.detect.base import Detector
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


def pictures(folder: Path) -> dict[int, Pixels]:
    """Every tenth frame by its number."""
    with open_clip(folder / "footage/pets09_s2l1_vtest_480x360.mp4") as clip:
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


def person_ap50(detector: Detector, images: dict[int, Pixels], truth: dict[int, np.ndarray]) -> float:
    """AP of class 0 over all pictures."""
    hits: list[tuple[float, bool]] = []
    for index, image in images.items():
        found = detector.detect([image])[0]
        found = found.where(found.class_id == 0)
        hits += match(found.xyxy, found.score, truth.get(index, np.zeros((0, 4), np.float32)))
    return average_precision(hits, sum(len(truth.get(index, ())) for index in images))
