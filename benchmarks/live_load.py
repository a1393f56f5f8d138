"""Load of `sightline run`: 1, 4, 8 and 16 RTSP cameras on this machine, quiet and busy ones mixed 3 : 1.

640x360, 15 pictures a second, H.264, key pictures 2 s apart; busy cameras show real footage in a loop (people all the time,
an `intrusion` rule for each quarter of the picture, so that events come often), quiet ones an empty room of real footage or
the demo's empty yard. detect.fps 5, YOLOX-nano, snapshots and clips on, every event to a signed webhook. Servers, feeds and
the receiver run beside it: what they use is not counted, but they use the same cores.

Columns: CPU seconds that a quiet and a busy camera cost in an hour: its stages as the agent counts them for each camera
(motion, detector, tracks, rules), and an equal share of everything else that the process used (receiving and decoding, which
are the same for all, evidence, store, sending). Frames dropped, by reason, of those sampled for
detection. Resident memory, the highest of samples each second. Latency: from the moment of the picture on which the rule was
sure (`opened`: taken from the camera's clock, here the same machine's, or else its arrival) to the arrival of the signed
`opened` message at the receiver, in the receiver's clock; so decoding, waiting, detecting, committing and sending are all in
it. "step": from the arrival of a picture to the end of its step, from the agent's own histogram.

    python -m benchmarks.live_load [--seconds 120] [--levels 1 4 8 16] [--write docs/figures-live.md]
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.live import LiveAgent, Sample, Usage, end_in_order, wait_for
from tests.e2e.live_scenes import CLIPS, encode
from tests.peers.rtsp import RtspFarm
from tests.peers.webhook import Receiver

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("SIGHTLINE_TEST_DATA", ROOT.parent / "shared"))
MODEL = DATA / "models/yolox_nano_416.onnx"
FPS, DETECT_FPS, GOP_S = 15, 5.0, 2
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
QUARTERS = {"nw": (0.0, 0.0), "ne": (0.5, 0.0), "sw": (0.0, 0.5), "se": (0.5, 0.5)}
# Name of the footage, second it begins at, length: people all the time, or nobody at all.
BUSY = (
    ("pets09_s2l1_vtest_480x360.mp4", 0, 30),
    ("intel_persons.mp4", 0, 30),
    ("airport_suitcases_1.mp4", 0, 20),
    ("pets09_s2l1_vtest_480x360.mp4", 40, 30),
)
QUIET = (("aboda_video4.avi", 0, 9), ("quiet.mp4", 0, 20))


def scene(folder: Path, name: str, start: float, length: float) -> Path:
    """A stretch of footage forwards and then backwards (no cut where the loop closes), as a camera would encode it."""
    out = folder / f"{Path(name).stem}-{start}.mp4"
    source = DATA / "footage" / name
    graph = (
        f"trim=start={start}:duration={length},setpts=PTS-STARTPTS,scale=640:360:flags=area,fps={FPS},format=yuv420p,"
        "split[a][b];[b]reverse,setpts=PTS-STARTPTS[c];[a][c]concat=n=2:v=1"
    )
    if not out.exists():
        encode(source if source.exists() else CLIPS / name, out, filters=graph, fps=FPS, quality=23, gop=GOP_S * FPS)
    return out


def camera(name: str, url: str) -> dict[str, Any]:
    zones = [
        {"name": zone, "polygon": [[x, y], [x + 0.5, y], [x + 0.5, y + 0.5], [x, y + 0.5]]}
        for zone, (x, y) in QUARTERS.items()
    ]
    return {
        "name": name,
        "source": url,
        "detect": {"fps": DETECT_FPS},
        "zones": zones,
        "rules": [
            {"type": "intrusion", "zone": zone, "classes": ["person"], "min_seconds": 0.4, "severity": "warning"}
            for zone in QUARTERS
        ],
    }


@dataclass
class Level:
    """What was measured at one number of cameras."""

    quiet: int
    busy: int
    seconds: float = 0.0
    cpu_s: float = 0.0
    stages: dict[str, Counter[str]] = field(default_factory=dict)  # camera -> stage -> CPU seconds
    drops: Counter[tuple[str, str]] = field(default_factory=Counter)  # (quiet or busy, reason)
    looked: Counter[str] = field(default_factory=Counter)  # quiet or busy -> frames taken through the pipeline
    inferences: Counter[str] = field(default_factory=Counter)
    rss_mb: list[float] = field(default_factory=list)
    latencies: list[tuple[float, float]] = field(default_factory=list)  # (receiver's clock, seconds)
    step_p95_s: float = 0.0
    queue_age_s: float = 0.0
    machine_busy: float = 0.0
    threads: int = 0
    ready_s: float = 0.0

    @property
    def cameras(self) -> int:
        return self.quiet + self.busy

    def hourly(self, kind: str) -> float | None:
        """CPU seconds of one camera of that kind in an hour."""
        rows = [sum(stages.values()) for name, stages in self.stages.items() if name.startswith(kind)]
        rest = self.cpu_s - sum(sum(stages.values()) for stages in self.stages.values())
        return (sum(rows) / len(rows) + rest / self.cameras) * 3600 / self.seconds if rows else None

    @property
    def hourly_process(self) -> float:
        return self.cpu_s / self.cameras * 3600 / self.seconds

    def percentile(self, share: float, part: slice = slice(None)) -> float:
        return percentile([latency for _, latency in sorted(self.latencies)][part], share)

    @property
    def drift(self) -> tuple[float, float]:
        """Median latency of the first and of the second half: growing delay would show."""
        half = len(self.latencies) // 2
        return self.percentile(0.5, slice(0, half)), self.percentile(0.5, slice(half, None))


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank; NaN of nothing."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else math.nan


def machine() -> tuple[float, float]:
    """Busy and total CPU time of the machine so far, all cores, in ticks."""
    numbers = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(numbers) - numbers[3] - numbers[4], sum(numbers)


def run_level(quiet: int, busy: int, folder: Path, clips: Path, *, seconds: float, warm_s: float) -> Level:
    """One agent with so many cameras, from its start to its end."""
    videos = {f"busy{n}": scene(clips, *BUSY[n % len(BUSY)]) for n in range(busy)}
    videos |= {f"quiet{n}": scene(clips, *QUIET[n % len(QUIET)]) for n in range(quiet)}
    level = Level(quiet, busy)
    with Receiver(SECRET) as receiver, RtspFarm(videos, prepare=False) as farm:
        config = {
            "model": {"path": str(MODEL)},
            "cameras": [camera(name, farm.url(name)) for name in videos],
            "alerts": [{"type": "webhook", "url": receiver.url, "secret": "${HOOK_SECRET}"}],
        }
        with LiveAgent(folder, config, {"HOOK_SECRET": SECRET}) as agent:
            began = time.monotonic()
            agent.start().wait_ready(90)
            wait_for("picture of every camera", lambda: all_online(agent), timeout=90)
            level.ready_s = time.monotonic() - began
            time.sleep(warm_s)
            measure(level, agent, receiver, seconds)
            agent.stop()
    return level


def all_online(agent: LiveAgent) -> bool:
    return all(row["state"] == "online" for row in agent.cameras().values())


def measure(level: Level, agent: LiveAgent, receiver: Receiver, seconds: float) -> None:
    first, before, machine_before, wall = agent.metrics(), agent.usage(), machine(), time.time()
    began = time.monotonic()
    now: Usage = before
    while time.monotonic() - began < seconds:
        time.sleep(1.0)
        now = agent.usage()
        level.rss_mb.append(now.rss_mb)
        if len(level.rss_mb) % 10 == 0:
            ages = [s.value for s in agent.metrics() if s.name == "sightline_camera_queue_age_seconds"]
            level.queue_age_s = max(level.queue_age_s, *ages)
    level.seconds = time.monotonic() - began
    last, after, machine_after = agent.metrics(), agent.usage(), machine()
    level.cpu_s, level.threads = after.cpu_s - before.cpu_s, after.threads
    level.machine_busy = (machine_after[0] - machine_before[0]) / max(1, machine_after[1] - machine_before[1])
    risen = _risen(first, last)
    for (name, camera_name, key), value in risen.items():
        kind = camera_name.rstrip("0123456789")
        if name == "sightline_camera_stage_cpu_seconds_total":
            level.stages.setdefault(camera_name, Counter())[key] += value  # type: ignore[assignment]  # seconds
        elif name == "sightline_camera_dropped_frames_total":
            level.drops[kind, key] += round(value)
        elif name == "sightline_camera_seen_total" and key in ("frames", "inferences"):
            (level.looked if key == "frames" else level.inferences)[kind] += round(value)
    level.step_p95_s = _histogram(first, last, 0.95)
    level.latencies = [
        (message.wall, message.wall - message.event["opened"]) for message in receiver.taken
        if message.stage == "opened" and message.event["type"] == "intrusion" and message.wall >= wall
    ]  # fmt: skip


def _risen(first: Sequence[Sample], last: Sequence[Sample]) -> dict[tuple[str, str, str], float]:
    """(name, camera, other label) -> by how much it has risen."""

    def flat(samples: Sequence[Sample]) -> dict[tuple[str, str, str], float]:
        found = {}
        for sample in samples:
            labels = dict(sample.labels)
            camera_name = labels.pop("camera", "")
            found[sample.name, camera_name, next(iter(labels.values()), "")] = sample.value
        return found

    before = flat(first)
    return {key: value - before.get(key, 0.0) for key, value in flat(last).items() if key[1]}


def _histogram(first: Sequence[Sample], last: Sequence[Sample], share: float) -> float:
    """Upper bound of the bucket in which that share of all cameras' steps ended."""
    counts: Counter[float] = Counter()
    for (name, _, key), value in _risen(first, last).items():
        if name == "sightline_camera_latency_seconds_bucket":
            counts[float(key.replace("+Inf", "inf"))] += round(value)
    total = max(counts.values(), default=0)
    return min((bound for bound, count in counts.items() if total and count >= share * total), default=math.nan)


HEAD = (
    "| cameras (quiet + busy) | CPU s an hour: a quiet camera | a busy one | process / camera | cores in use "
    "| inferences/s | dropped | RSS MB | latency p50 / p95 s | step p95 s | events |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


def row(level: Level) -> str:
    drops: Counter[str] = Counter()
    for (_, reason), count in level.drops.items():
        drops[reason] += count
    dropped = ", ".join(f"{reason} {count}" for reason, count in sorted(drops.items()) if count) or "none"
    sampled = level.cameras * DETECT_FPS * level.seconds
    cells = [
        f"{level.cameras} ({level.quiet} + {level.busy})",
        *(f"{cost:.0f}" if (cost := level.hourly(kind)) is not None else "" for kind in ("quiet", "busy")),
        f"{level.hourly_process:.0f}",
        f"{level.cpu_s / level.seconds:.2f}",
        f"{sum(level.inferences.values()) / level.seconds:.1f}",
        f"{dropped} of {sampled:.0f}",
        f"{max(level.rss_mb):.0f}",
        f"{level.percentile(0.5):.2f} / {level.percentile(0.95):.2f}",
        f"≤ {level.step_p95_s:g}",
        f"{len(level.latencies)}",
    ]
    return f"| {' | '.join(cells)} |"


def report(levels: Sequence[Level], seconds: float) -> str:
    where = (
        f"{seconds:.0f} s at each level; {os.cpu_count()} cores of {cpu_name()}, shared with the RTSP server, its feeds and "
        f"the receiver; Python {platform.python_version()}; commit {commit()}."
    )
    lines = ["## Load of the live agent (`python -m benchmarks.live_load`)", "", where, "", HEAD, *map(row, levels), ""]
    for level in levels:
        early, late = level.drift
        shares: Counter[str] = Counter()
        for stages in level.stages.values():
            shares.update(stages)
        parts = ", ".join(f"{stage} {value:.1f}" for stage, value in shares.most_common())
        unseen = level.cpu_s - sum(shares.values())
        lines.append(
            f"* {level.cameras}: all online {level.ready_s:.1f} s after the start; median latency of the first half "
            f"{early:.2f} s, of the second {late:.2f} s; oldest picture waiting {level.queue_age_s:.2f} s; "
            f"{level.threads} threads; machine {100 * level.machine_busy:.0f} % busy; CPU s by stage: {parts}, outside of "
            f"stages {unseen:.1f}."
        )
    if len(levels) > 1:
        few, many = levels[0], levels[-1]
        each = (max(many.rss_mb) - max(few.rss_mb)) / max(1, many.cameras - few.cameras)
        lines += ["", f"Memory for each further camera, from {few.cameras} to {many.cameras}: {each:.1f} MB."]
    return "\n".join(lines) + "\n"


def cpu_name() -> str:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return models[0].partition(":")[2].strip() if models else platform.machine()


def commit() -> str:
    asked = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or "unknown"


def mixed(cameras: int) -> tuple[int, int]:
    """How many quiet and busy ones: one in four is busy."""
    busy = max(1, round(cameras / 4))
    return cameras - busy, busy


def main() -> None:
    parser = argparse.ArgumentParser(description="Load of the live agent by number of cameras.")
    parser.add_argument("--levels", type=int, nargs="+", default=[1, 4, 8, 16], help="numbers of cameras, mixed 3 : 1")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--warm", type=float, default=20.0)
    parser.add_argument("--write", type=Path, help="also write the table to this file")
    parser.add_argument("--keep", type=Path, help="folder for the agents' data and logs")
    options = parser.parse_args()
    end_in_order()
    if not MODEL.exists():
        sys.exit(f"no {MODEL}; set SIGHTLINE_TEST_DATA")
    mixes: Mapping[int, tuple[int, int]] = {level: mixed(level) for level in options.levels}
    levels = []
    with tempfile.TemporaryDirectory() as folder:
        base = options.keep or Path(folder)
        clips = Path(folder) / "clips"
        clips.mkdir()
        print(HEAD, flush=True)
        for count, (quiet, busy) in mixes.items():
            shutil.rmtree(base / f"level-{count}", ignore_errors=True)
            levels.append(
                run_level(quiet, busy, base / f"level-{count}", clips, seconds=options.seconds, warm_s=options.warm)
            )
            print(row(levels[-1]), flush=True)
    text = report(levels, options.seconds)
    print("\n" + text)
    if options.write is not None:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
