"""The tracker beside ByteTrack of the package `trackers` (its defaults), on the same detections, scored by TrackEval.

PETS clip, all 795 frames, persons found by `yolox_nano_416`; detection runs once. The same at lower rates, by leaving frames
out. CPU is that of the tracker alone (one thread's time), the median of several runs taken in turn. The last lines
compare the HOTA of our own tests with TrackEval's.

    python -m venv bench && bench/bin/pip install -e . -r benchmarks/requirements.txt
    bench/bin/python -m benchmarks.tracking
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.vision.track import pets
from tests.vision.track.hota import Seen, hota, overlaps, rank
from vision.detect.base import Detections
from vision.track.bytetrack import ByteTracker

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("SIGHTLINE_TEST_DATA", ROOT.parent / "shared"))
ROUNDS = 7
COLUMNS = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "switches")

Looks = Sequence[tuple[Detections, float]]
Stepper = Callable[[Any, float], Any]


def judged(truth: Sequence[Seen], found: Sequence[Seen]) -> dict[str, float]:
    """TrackEval's figures, in percent (`switches` is a count)."""
    from trackeval.metrics import CLEAR, HOTA, Identity

    true_ids, n = rank(truth)
    our_ids, m = rank(found)
    data = {
        "gt_ids": true_ids,
        "tracker_ids": our_ids,
        "similarity_scores": [overlaps(a[1], b[1]) for a, b in zip(truth, found, strict=True)],
        "num_gt_ids": n,
        "num_tracker_ids": m,
        "num_gt_dets": sum(map(len, true_ids)),
        "num_tracker_dets": sum(map(len, our_ids)),
        "num_timesteps": len(true_ids),
    }
    high = HOTA().eval_sequence(data)
    clear = CLEAR({"PRINT_CONFIG": False}).eval_sequence(data)
    identity = Identity({"PRINT_CONFIG": False}).eval_sequence(data)
    figures = {name: 100 * float(np.mean(high[name])) for name in ("HOTA", "DetA", "AssA")}
    figures |= {"MOTA": 100 * clear["MOTA"], "IDF1": 100 * identity["IDF1"], "switches": clear["IDSW"]}
    return figures


def theirs() -> tuple[Stepper, Callable[[Detections], Any]]:
    """Their tracker with its defaults, and how it wants detections (made outside the measured time)."""
    import supervision
    import trackers

    tracker = trackers.ByteTrackTracker()

    def wanted(found: Detections) -> Any:
        return supervision.Detections(
            xyxy=found.xyxy.astype(np.float64), confidence=found.score, class_id=found.class_id.astype(np.int64)
        )

    return lambda found, _t: tracker.update(found), wanted


def their_tracks(looks: Looks) -> list[Seen]:
    step, wanted = theirs()
    frames = []
    for found, t in looks:
        answer = step(wanted(found), t)
        kept = answer.tracker_id >= 0
        frames.append((answer.tracker_id[kept].astype(np.int64), answer.xyxy[kept].astype(np.float32)))
    return frames


def cpu_ms(step: Stepper, inputs: Sequence[tuple[Any, float]]) -> float:
    """CPU milliseconds a frame."""
    begin = time.thread_time()
    for found, t in inputs:
        step(found, t)
    return 1000 * (time.thread_time() - begin) / len(inputs)


def costs(looks: Looks) -> tuple[float, float]:
    """Median CPU milliseconds a frame of ours and of theirs, taken in turn."""
    ours_ms, theirs_ms = [], []
    for _ in range(ROUNDS):
        ours_ms.append(cpu_ms(ByteTracker().update, looks))
        step, wanted = theirs()
        theirs_ms.append(cpu_ms(step, [(wanted(found), t) for found, t in looks]))
    return statistics.median(ours_ms), statistics.median(theirs_ms)


def perfect(truth: Sequence[Seen], looks: Looks, sure: float) -> list[Seen]:
    """Detections above `sure` under their true identity: what no tracker that only chooses among them can beat by much."""
    import lap

    frames = []
    for (ids, boxes), (found, _) in zip(truth, looks, strict=True):
        near = found.where(found.score > sure)
        cost = 1 - overlaps(boxes, near.xyxy)
        _, chosen, _ = lap.lapjv(cost, extend_cost=True, cost_limit=0.9) if cost.size else (0, np.zeros(0, int), 0)
        rows = np.flatnonzero(np.asarray(chosen) >= 0)
        frames.append((ids[rows], near.xyxy[np.asarray(chosen)[rows]]))
    return frames


def row(name: str, figures: dict[str, float], ms: float | None = None) -> str:
    cells = "".join(f"{figures[c]:9.0f}" if c == "switches" else f"{figures[c]:9.2f}" for c in COLUMNS)
    return f"{name:<34}{cells}" + (f"{ms:10.3f}" if ms is not None else "")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    try:
        import trackers  # noqa: F401
        from trackeval import metrics  # noqa: F401
    except ImportError as error:
        print(f"{error.name} is missing; in an environment of its own: pip install -e . -r benchmarks/requirements.txt")
        return 2
    looks, truth = pets.people(DATA), pets.ground_truth(DATA)
    objects = sum(len(ids) for ids, _ in truth) / len(truth)
    versions = f"Python {platform.python_version()}, numpy {np.__version__}"
    print(f"PETS, {len(looks)} frames, {objects:.1f} people a frame; {versions}")
    print(f"{'':<34}" + "".join(f"{c:>9}" for c in COLUMNS) + f"{'CPU ms':>10}")
    for every in (1, 2, 5):
        some, answers = looks[::every], truth[::every]
        ours_ms, theirs_ms = costs(some)
        label = f"{10 / every:g} fps"
        print(row(f"{label}  sightline", judged(answers, pets.track(some)), ours_ms))
        print(row(f"{label}  trackers ByteTrack", judged(answers, their_tracks(some)), theirs_ms))
        print(row(f"{label}  perfect association", judged(answers, perfect(answers, some, 0.1))))
    worst = 0.0
    for name, found in (("sightline", pets.track(looks)), ("trackers", their_tracks(looks))):
        judge, own = judged(truth, found)["HOTA"], hota(truth, found).hota
        worst = max(worst, abs(judge - own))
        print(f"HOTA of {name}: TrackEval {judge:.4f}, our tests {own:.4f}")
    return 0 if worst < 0.01 else 1


if __name__ == "__main__":
    sys.exit(main())
