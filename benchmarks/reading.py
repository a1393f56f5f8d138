"""CPU per frame of reading recordings, beside cv2.VideoCapture: `python benchmarks/reading.py [CLIP…]`.

Columns, CPU milliseconds a decoded frame (all threads together), the best of `--rounds`, measured in turn in one process:
decode    every frame decoded, no pixels made
luma      and the brightness plane of every frame
bgr       and the colours of every frame
5 fps     brightness of every frame, colours of five a second: what the pipeline asks for
grab      cv2.VideoCapture.grab: decoding only, with its own threads
read      cv2.VideoCapture.read: decoding and colours, with its own threads
read 1    the same with one thread
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2

from vision.media.reader import open_clip

Way = Callable[[Path, int], int]


def ours(luma: bool = False, bgr: bool = False, sampled: float | None = None) -> Way:
    def run(path: Path, limit: int) -> int:
        count, due = 0, 0.0
        with open_clip(path) as clip:
            for frame in clip:
                if luma:
                    _ = frame.luma
                if bgr or (sampled is not None and frame.t >= due):
                    _ = frame.image
                    due += 1 / sampled if sampled else 0
                count += 1
                if count == limit:
                    break
        return count

    return run


def opencv(read: bool, threads: int | None = None) -> Way:
    def run(path: Path, limit: int) -> int:
        parameters = [] if threads is None else [cv2.CAP_PROP_N_THREADS, threads]
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, parameters)
        step = (lambda: capture.read()[0]) if read else capture.grab
        count = 0
        while count < limit and step():
            count += 1
        capture.release()
        return count

    return run


WAYS: dict[str, Way] = {
    "decode": ours(),
    "luma": ours(luma=True),
    "bgr": ours(bgr=True),
    "5 fps": ours(luma=True, sampled=5),
    "grab": opencv(read=False),
    "read": opencv(read=True),
    "read 1": opencv(read=True, threads=1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--frames", type=int, default=300, help="read so many frames of each clip")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    data = Path(os.environ.get("SIGHTLINE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared"))
    footage = data / "footage"
    clips = options.clips or sorted(p for p in footage.glob("*") if p.suffix in {".mp4", ".avi", ".gif"})
    if not clips:
        sys.exit(f"no clips given and none in {footage}")
    cv2.setNumThreads(1)
    print(
        f"Python {platform.python_version()}, PyAV {av.__version__}, OpenCV {cv2.__version__}, {os.cpu_count()} cores"
    )
    print(f"{'CPU ms a frame':36s}{'size':>10s}  " + "".join(f"{name:>8s}" for name in WAYS))
    for path in clips:
        best = dict.fromkeys(WAYS, float("inf"))
        for _ in range(options.rounds):
            for name, way in WAYS.items():
                began = time.process_time()
                count = way(path, options.frames)
                best[name] = min(best[name], (time.process_time() - began) * 1000 / max(1, count))
        with open_clip(path) as clip:
            size = f"{clip.width}x{clip.height}"
        print(f"{path.name:36.36s}{size:>10s}  " + "".join(f"{value:8.2f}" for value in best.values()))


if __name__ == "__main__":
    main()
