"""Whether looking at several pictures at once pays on this machine's CPU: CPU time a picture, by number of pictures.

    python -m benchmarks.batching [MODEL.onnx]

Side by side in one run, one thread, medians; the ratio to one picture is what decides `model.batch`.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from vision.detect.rectangular import resized
from vision.detect.session import DetectorOptions, OnnxDetector, open_detector

DATA = Path(os.environ.get("SIGHTLINE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared"))
_SIZES = (1, 2, 4, 8)
_ROUNDS = 15


def main(path: Path) -> None:
    family = open_detector(path).family.name
    model = resized(path.read_bytes(), 416, 256, one=False)
    rng = np.random.default_rng(1)
    pictures = [rng.integers(0, 255, (360, 640, 3), dtype=np.uint8) for _ in range(max(_SIZES))]
    detectors = {size: OnnxDetector(model, path.name, DetectorOptions(batch=size, family=family)) for size in _SIZES}
    spent: dict[int, list[float]] = {size: [] for size in _SIZES}
    for _ in range(_ROUNDS + 2):  # two to warm up; the sizes take turns, so that noise hits all alike
        for size, detector in detectors.items():
            before = time.thread_time()
            detector.detect(pictures[:size])
            spent[size].append((time.thread_time() - before) / size)
    medians = {size: statistics.median(times[2:]) for size, times in spent.items()}
    print(f"{path.name}, 416x256, one thread\n\n| pictures at once | ms CPU a picture | ratio |\n|---|---|---|")
    for size, seconds in medians.items():
        print(f"| {size} | {1000 * seconds:.2f} | {seconds / medians[1]:.2f} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA / "models/yolox_nano_416.onnx")
