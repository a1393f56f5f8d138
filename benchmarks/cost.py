"""CPU seconds of `replay` beside (a) the plain way and (b) the floor, in one run.

(a) plain: decode, the network on every sampled frame at its square size, ByteTrack of the package `trackers`.
(b) floor: decode, and as many runs of the network as replay made, at replay's input size, spread evenly over the frames as
they come; nothing else. "floor + pixels" adds what an inference cannot be without: the picture's conversion to BGR, the
letterbox and the decoding of the network's output.

Each role runs in a process of its own, in turn, several times; medians. "work" counts from the loaded model to the written
report, "process" the whole process with imports. On the first 70 s of `intel_persons.mp4` (somebody in view most of the
time) and on the repository's quiet clip.

    python -m benchmarks.cost            (environment: benchmarks/requirements.txt)
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("SIGHTLINE_TEST_DATA", ROOT.parent / "shared"))
MODEL = DATA / "models/yolox_nano_416.onnx"
FPS = 5.0

CONFIG = """
version: 1
model: {{path: {model}, threads: 1}}
cameras:
  - name: hall
    detect: {{fps: {fps}, always: {always}}}
    zones: [{{name: floor, polygon: [[0.02, 0.02], [0.98, 0.02], [0.98, 1], [0.02, 1]]}}]
    rules: [{{type: intrusion, zone: floor, min_seconds: 1}}]
"""


def replay(clip: Path, always: bool) -> dict[str, Any]:
    """What the command does, from the loaded model to the report."""
    from edge_agent import output
    from edge_agent.config import load_config
    from edge_agent.config.detector import open_model
    from edge_agent.replay import replay as run
    from edge_agent.report import assemble

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(CONFIG.format(model=MODEL, fps=FPS, always=str(always).lower()))
        config = load_config(path)
        detector = open_model(config.model)
        detector.input_size(768, 432)
        out = Path(folder) / "out"
        before = time.process_time()
        results = run(config, [clip], out, detector=detector)
        output.write_events(results, out)
        totals = output.summary(results, wall_s=1, cpu_s=1, model=detector.description, notes=[])
        assemble.write(out, config, path, results, totals)
        return {
            "work": time.process_time() - before,
            "inferences": totals["inferences"],
            "size": detector.input_size(results[0].width, results[0].height),
            "stages": totals["stage_cpu_s"],
            "events": [
                (e.type, round(e.start, 1), None if e.end is None else round(e.end, 1)) for e in results[0].events
            ],
        }


def _session() -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return options, ort


def _sampled(clip: Path) -> Any:
    """(frame, is sampled) of every decoded frame, one decoding thread."""
    import av

    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        due = 0.0
        for frame in container.decode(stream):
            taken = frame.time >= due - 1e-6
            if taken:
                due += 1 / FPS
            yield frame, taken


def floor(clip: Path, inferences: int, width: int, height: int, *, pixels: bool) -> dict[str, Any]:
    """Decode everything and run the network `inferences` times: on one prepared input, or on the frames themselves."""
    import numpy as np

    from vision.detect.rectangular import resized
    from vision.detect.session import DetectorOptions, open_detector

    options, ort = _session()
    session = ort.InferenceSession(
        resized(MODEL.read_bytes(), width, height), options, providers=["CPUExecutionProvider"]
    )
    blob = np.full((1, 3, height, width), 114, np.float32)
    session.run(None, {"images": blob})
    detector = open_detector(MODEL, DetectorOptions(input_size=(width, height)))
    detector.detect([np.zeros((height, width, 3), np.uint8)])
    total, done, taken_so_far = sum(taken for _, taken in _sampled(clip)), 0, 0
    before = time.process_time()
    for frame, taken in _sampled(clip):
        taken_so_far += taken
        if taken and done < round(inferences * taken_so_far / total):
            done += 1
            if pixels:
                detector.detect([frame.to_ndarray(format="bgr24")])
            else:
                session.run(None, {"images": blob})
    assert done == inferences
    return {"work": time.process_time() - before}


def plain(clip: Path) -> dict[str, Any]:
    """Decode, the square network on every sampled frame, decode its output, ByteTrack of `trackers`."""
    import cv2
    import numpy as np
    import supervision as sv
    from trackers import ByteTrackTracker

    from vision.detect.families.yolox import Yolox
    from vision.detect.letterbox import letterbox
    from vision.detect.nms import nms

    cv2.setNumThreads(1)
    options, ort = _session()
    session = ort.InferenceSession(str(MODEL), options, providers=["CPUExecutionProvider"])
    tracker, family, people = ByteTrackTracker(frame_rate=FPS), Yolox(), set()
    before = time.process_time()
    for frame, taken in _sampled(clip):
        if not taken:
            continue
        blob, fit = letterbox(frame.to_ndarray(format="bgr24"), 416, 416, family.style)
        found = family.decode(session.run(None, {"images": blob}), 416, 416, 0.1)
        rows = nms(found.xyxy, found.score, found.class_id, 0.5)
        rows = rows[found.class_id[rows] == 0]
        boxes = fit.back(found.xyxy[rows])
        detections = sv.Detections(
            xyxy=boxes.reshape(-1, 4), confidence=found.score[rows], class_id=np.zeros(len(rows), int)
        )
        people |= {int(n) for n in tracker.update(detections).tracker_id if n >= 0}
    return {"work": time.process_time() - before, "people": len(people)}


def _run(*arguments: object) -> dict[str, Any]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cost", *map(str, arguments)],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**json.loads(done.stdout.splitlines()[-1]), "process": spent}


def compare(name: str, clip: Path, rounds: int) -> None:
    """Print the table of one clip."""
    runs: dict[str, list[dict[str, Any]]] = {"replay": [], "plain": [], "floor": [], "pixels": []}
    for _ in range(rounds):
        ours = _run("--role", "replay", clip)
        runs["replay"].append(ours)
        runs["plain"].append(_run("--role", "plain", clip))
        for role in ("floor", "pixels"):
            runs[role].append(_run("--role", role, clip, "--inferences", ours["inferences"], "--size", *ours["size"]))
    every = _run("--role", "always", clip)
    work = {role: statistics.median(run["work"] for run in rows) for role, rows in runs.items()}
    process = {role: statistics.median(run["process"] for run in rows) for role, rows in runs.items()}
    ours = runs["replay"][0]
    print(f"\n{name}: {ours['inferences']} inferences at {ours['size'][0]}x{ours['size'][1]}, medians of {rounds}")
    print(f"  {'CPU seconds':<12}{'work':>8}{'process':>10}")
    for role in runs:
        print(f"  {role:<12}{work[role]:>8.2f}{process[role]:>10.2f}")
    for role, target in (("floor", 1.15), ("pixels", 1.15), ("plain", 0.6 if "persons" in name else 0.15)):
        ratio = work["replay"] / work[role]
        print(
            f"  replay / {role}: work {ratio:.2f}, process {process['replay'] / process[role]:.2f} (target at most {target})"
        )
    print(f"  events: {ours['events']}")
    print(f"  with an inference on every sampled frame: {every['events']} ({every['inferences']} inferences)")
    print(f"  stages: {ours['stages']}")


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU cost of replay beside the plain way and the floor.")
    parser.add_argument("--role", choices=["replay", "always", "plain", "floor", "pixels"])
    parser.add_argument("clip", nargs="?", type=Path)
    parser.add_argument("--inferences", type=int, default=0)
    parser.add_argument("--size", type=int, nargs=2)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if options.role in ("replay", "always"):
        print(json.dumps(replay(options.clip, options.role == "always")))
    elif options.role == "plain":
        print(json.dumps(plain(options.clip)))
    elif options.role in ("floor", "pixels"):
        print(json.dumps(floor(options.clip, options.inferences, *options.size, pixels=options.role == "pixels")))
    else:
        from vision.media.clips import cut_clip

        with tempfile.TemporaryDirectory() as folder:
            clip = Path(folder) / "intel_persons.mp4"
            cut_clip(DATA / "footage/intel_persons.mp4", clip, 0, 70, pre=0, post=0)
            compare("intel_persons, first 70 s", clip, options.rounds)
            compare("quiet scene", ROOT / "demo/clips/quiet.mp4", options.rounds)


if __name__ == "__main__":
    main()
