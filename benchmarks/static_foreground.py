"""CPU time of the static-foreground model a sampled picture, beside reading nothing but the same pictures.

    python benchmarks/static_foreground.py CLIP… [--fps 5] [--seconds 60]

No detector runs: nobody is cut out, so that everything that moves is looked at, which is the dear case.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from pathlib import Path

import av
import cv2
import numpy as np

from vision.frame import Pixels
from vision.motion.cells import shrunk
from vision.motion.static import StaticForeground


def lumas(path: Path, fps: float, seconds: float) -> list[tuple[float, Pixels]]:
    """Sampled brightness planes with their times."""
    found: list[tuple[float, Pixels]] = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for number, frame in enumerate(container.decode(stream)):
            t = number / float(stream.average_rate or 25)
            if t > seconds:
                break
            if not found or t - found[-1][0] >= 1 / fps - 1e-3:
                found.append((t, frame.to_ndarray(format="gray8").astype(np.uint8)))
    return found


ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("SIGHTLINE_TEST_DATA", ROOT.parent / "shared"))
CLIPS = ("aboda_video4.avi", "intel_persons.mp4", "pets09_s2l1_vtest_480x360.mp4")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="*", type=Path, default=[DATA / "footage" / name for name in CLIPS])
    parser.add_argument("--fps", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, OpenCV {cv2.__version__}")
    print("| clip | pictures | size | cells | median ms | mean ms | 95 % ms |")
    print("|---|---|---|---|---|---|---|")
    for path in arguments.clips:
        pictures = lumas(path, arguments.fps, arguments.seconds)
        height, width = pictures[0][1].shape
        model, took = StaticForeground(width, height), []
        for t, luma in pictures:
            before = time.thread_time()
            model.step(luma, t, ())
            took.append(1000 * (time.thread_time() - before))
        cells = shrunk(pictures[0][1]).shape
        print(
            f"| {path.name} | {len(took)} | {width}x{height} | {cells[1]}x{cells[0]} | {np.median(took):.2f} |"
            f" {np.mean(took):.2f} | {np.percentile(took, 95):.2f} |"
        )


if __name__ == "__main__":
    main()
