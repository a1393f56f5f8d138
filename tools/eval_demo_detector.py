"""Measures the demo's detector: AP on unseen rendered pictures, recall and false alarms on the demo's clips.

    python -m tools.scenes train --out EVAL --seed 901 --count 100 --places any --supersample 1
    python -m tools.scenes train --out EVAL --seed 902 --count 96 --places yard --supersample 1 --per-place 8
    python tools/eval_demo_detector.py demo/model/sightline-demo.onnx --data EVAL --demo demo

Needs onnxruntime, numpy, opencv and av; it decodes the network's output by itself, so that it can judge other decoders.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

Floats = NDArray[np.float32]
CLASSES = ("person", "car", "backpack")


@dataclass(frozen=True)
class Found:
    """Detections of one picture: xyxy in its pixels, scores, classes."""

    boxes: Floats
    scores: Floats
    classes: NDArray[np.intp]


class Network:
    """A YOLOX file with a fixed input."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._name = self._session.get_inputs()[0].name
        self.height, self.width = self._session.get_inputs()[0].shape[2:]
        grids = []
        for stride in (8, 16, 32):
            y, x = np.mgrid[: self.height // stride, : self.width // stride]
            grids.append(np.stack([x.ravel(), y.ravel(), np.full(x.size, stride)], 1))
        self._grid = np.concatenate(grids).astype(np.float32)

    def __call__(self, picture: NDArray[np.uint8], least: float = 0.01) -> Found:
        """Detections above `least` after class-wise NMS at IoU 0.5."""
        scale = min(self.height / picture.shape[0], self.width / picture.shape[1])
        small = cv2.resize(picture, (round(picture.shape[1] * scale), round(picture.shape[0] * scale)))
        canvas = np.full((self.height, self.width, 3), 114, np.uint8)
        canvas[: small.shape[0], : small.shape[1]] = small
        out = self._session.run(None, {self._name: canvas.transpose(2, 0, 1)[None].astype(np.float32)})[0][0]
        stride = self._grid[:, 2:]
        middle, size = (out[:, :2] + self._grid[:, :2]) * stride, np.exp(out[:, 2:4]) * stride
        scores = out[:, 4:5] * out[:, 5:]
        classes = scores.argmax(1)
        best = scores.max(1)
        keep = best > least
        boxes = np.concatenate([middle - size / 2, middle + size / 2], 1)[keep] / scale
        return _suppress(boxes, best[keep], classes[keep])


def iou(a: Floats, b: Floats) -> Floats:
    """IoU of every box of `a` with every box of `b`."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.prod(np.clip(high - low, 0, None), 2)
    areas = np.prod(a[:, 2:] - a[:, :2], 1)[:, None] + np.prod(b[:, 2:] - b[:, :2], 1)[None]
    return np.asarray(inter / np.maximum(areas - inter, 1e-9), np.float32)


def _suppress(boxes: Floats, scores: Floats, classes: NDArray[np.intp]) -> Found:
    order = np.argsort(-scores)
    keep: list[int] = []
    for i in order:
        same = [k for k in keep if classes[k] == classes[i]]
        if not same or iou(boxes[i][None], boxes[same]).max() < 0.5:
            keep.append(int(i))
    return Found(boxes[keep].astype(np.float32), scores[keep], classes[keep])


def average_precision(found: list[Found], truth: list[Floats], label: int, threshold: float) -> float:
    """All-point interpolated AP of one class; truth rows are class and xyxy."""
    scores: list[float] = []
    hits: list[bool] = []
    total = 0
    for picture, rows in zip(found, truth, strict=True):
        wanted = rows[rows[:, 0] == label][:, 1:]
        total += len(wanted)
        mine = picture.classes == label
        free = np.ones(len(wanted), bool)
        table = iou(picture.boxes[mine], wanted) if len(wanted) else np.zeros((int(mine.sum()), 0), np.float32)
        for score, overlaps in zip(picture.scores[mine], table, strict=True):
            values = np.where(free, overlaps, 0)
            best = int(values.argmax()) if len(values) else -1
            hit = best >= 0 and values[best] >= threshold
            if hit:
                free[best] = False
            scores.append(float(score))
            hits.append(bool(hit))
    if not total:
        return float("nan")
    good = np.array(hits, bool)[np.argsort(-np.array(scores), kind="stable")]
    recall = np.cumsum(good) / total
    precision = np.cumsum(good) / np.arange(1, len(good) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(np.concatenate([[0.0], recall])) * precision))


def score_pictures(network: Network, folder: Path) -> None:
    """Prints AP50 and AP (mean over IoU 0.50…0.95) per class, for every seed in the folder."""
    for listing in sorted(folder.glob("labels_*.json")):
        found, truth = [], []
        for name, rows in json.loads(listing.read_text()).items():
            found.append(network(np.asarray(cv2.imread(str(folder / name)), np.uint8)))
            truth.append(np.array(rows, np.float32).reshape(-1, 5))
        print(f"{listing.stem}: {len(truth)} pictures")
        for label, word in enumerate(CLASSES):
            count = sum(int((rows[:, 0] == label).sum()) for rows in truth)
            aps = [average_precision(found, truth, label, t) for t in np.arange(0.5, 0.96, 0.05)]
            print(f"  {word:9} {count:5} boxes  AP50 {aps[0]:.3f}  AP {np.mean(aps):.3f}")


def frames(path: Path) -> Iterator[NDArray[np.uint8]]:
    """All pictures of a clip, BGR."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def score_clip(network: Network, demo: Path, name: str, confidence: float, step: int) -> dict[str, Any]:
    """Recall of persons that are at least half visible, and boxes that meet nothing (IoU 0.3), on every `step`-th frame."""
    truth = json.loads((demo / "ground_truth" / f"{name}.json").read_text())
    rows: dict[int, list[tuple[str, list[float]]]] = {}
    for track in truth["tracks"]:
        for box in track["boxes"]:
            rows.setdefault(box[0], []).append((track["label"], box[1:]))
    result: dict[str, Any] = {"seen": 0, "found": 0, "false": 0, "frames": 0, "missed": []}
    for index, picture in enumerate(frames(demo / "clips" / f"{name}.mp4")):
        if index % step:
            continue
        result["frames"] += 1
        found = network(picture, confidence)
        every = np.array([box[:4] for _, box in rows.get(index, [])], np.float32).reshape(-1, 4)
        persons = found.boxes[found.classes == 0]
        for label, box in rows.get(index, []):
            if label != "person" or box[4] < 0.5 or (box[2] - box[0]) * (box[3] - box[1]) < 300:
                continue
            result["seen"] += 1
            if len(persons) and iou(np.array([box[:4]], np.float32), persons).max() >= 0.45:
                result["found"] += 1
            else:
                result["missed"].append(index)
        if len(persons):
            worst = iou(persons, every).max(1) if len(every) else np.zeros(len(persons))
            result["false"] += int((worst < 0.3).sum())
    return result


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, help="folder of unseen pictures")
    parser.add_argument("--demo", type=Path, help="the demo's folder")
    parser.add_argument("--confidence", type=float, default=0.4)
    parser.add_argument("--step", type=int, default=2)
    args = parser.parse_args()
    network = Network(args.model)
    if args.data:
        score_pictures(network, args.data)
    if args.demo:
        for path in sorted((args.demo / "clips").glob("*.mp4")):
            r = score_clip(network, args.demo, path.stem, args.confidence, args.step)
            share = f"{r['found'] / r['seen']:.3f}" if r["seen"] else "  -  "
            print(
                f"{path.stem:8} persons {r['seen']:4} found {share}  false persons {r['false']:3} in {r['frames']} frames"
                f"  missed at {r['missed'][:14]}"
            )


if __name__ == "__main__":
    main()
