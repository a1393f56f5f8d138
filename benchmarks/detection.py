"""Person AP50 of the models beside the project on the PETS clip, and the CPU time of one picture, on one thread.

python -m benchmarks.detection
"""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

from tests.vision.detect.ap import PUBLISHED, ground_truth, person_ap50, pictures
from vision.detect.session import DetectorOptions, open_detector

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("SIGHTLINE_TEST_DATA", ROOT.parent / "shared"))


def main() -> None:
    images, truth = pictures(DATA), ground_truth(DATA)
    print(f"{'model':<24}{'input':>10}{'AP50':>8}{'published':>11}{'CPU ms':>9}")
    for model, published in PUBLISHED.items():
        for square in (True, False):
            detector = open_detector(DATA / "models" / model, DetectorOptions(square=square))
            width, height = detector.input_size(480, 360)
            if not square and width == height:
                continue  # holds fixed reshapes: its square is all there is
            ap, spent = person_ap50(detector, images, truth), []
            for image in list(images.values())[:30]:
                before = time.thread_time()
                detector.detect([image])
                spent.append(time.thread_time() - before)
            median = statistics.median(spent) * 1000
            print(f"{model:<24}{f'{width}x{height}':>10}{ap:>8.3f}{published:>11.3f}{median:>9.1f}")


if __name__ == "__main__":
    main()
