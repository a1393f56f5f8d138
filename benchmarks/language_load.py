"""Detection undisturbed: the live agent with a language model that answers all the time, against none, round by round.

Cameras of real footage (live_load's busy scenes), every event to a signed webhook. In a round "model" the agent's own
model words its events as it does at a user's, and besides a second process of the same kind, with the same limits, is
asked about a picture without a pause, so that a model is computing all the time. In a round "none" the template words
the events. Rounds alternate, so that both meet the same machine; each is an agent of its own.

Columns: answers a second (the agent's own + the second process); CPU seconds a minute of the agent and of the models;
frames dropped of those sampled, by reason; latency from the moment of the picture on which the rule was sure to the
arrival of the signed `opened` message. The ratio is that of medians over rounds, and below it that of each pair of rounds.

    python -m benchmarks.language_load [--rounds 5] [--seconds 60] [--cameras 2] [--write docs/figures-language.md]

Not to be run under `nice`: the model's process would not be nicer than the agent any more.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.live_load import (
    BUSY,
    DETECT_FPS,
    MODEL,
    SECRET,
    Level,
    all_online,
    camera,
    commit,
    cpu_name,
    measure,
    percentile,
    scene,
)
from tests.e2e.live import TICK, LiveAgent, end_in_order, wait_for
from tests.peers.rtsp import RtspFarm
from tests.peers.webhook import Receiver

ROOT = Path(__file__).resolve().parent.parent
VLM = ROOT / "demo" / "model" / "vlm"
LANGUAGE = {
    "backend": "llama_cpp",
    "path": str(VLM / "sightline-demo-vlm.gguf"),
    "mmproj": str(VLM / "mmproj-sightline-demo-vlm.gguf"),
    "threads": 1,
    "picture_side": 128,
    "strips": False,
}


@dataclass
class Round:
    """One agent's life: what it cost, what it dropped, how late its alerts came."""

    model: bool
    level: Level
    own: int = 0  # answers of the agent's own model
    beside: float = 0.0  # answers a second of the second process
    models_cpu_s: float = 0.0

    @property
    def p50_ms(self) -> float:
        return self.level.percentile(0.5) * 1000

    @property
    def p95_ms(self) -> float:
        return self.level.percentile(0.95) * 1000

    @property
    def drops(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for (_, reason), count in self.level.drops.items():
            found[reason] += count
        return found

    @property
    def cpu_minute(self) -> float:
        return self.level.cpu_s * 60 / self.level.seconds

    @property
    def models_minute(self) -> float:
        return self.models_cpu_s * 60 / self.level.seconds

    @property
    def answers(self) -> float:
        return self.own / self.level.seconds + self.beside


def ask_forever() -> None:
    """In a process of its own: a model is asked without a pause until SIGTERM; prints how often it answered a second."""
    from edge_agent.language.child import ChildModel
    from edge_agent.language.child_sample import sample_picture
    from vision.events import Event
    from vision.language.backends.base import ModelSettings
    from vision.language.fields import schema_for
    from vision.language.prompts.task import task_for

    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: ended.append(number))
    files = {key: Path(str(LANGUAGE[key])) for key in ("path", "mmproj")}
    event = Event(id="1", type="intrusion", camera="yard", severity="alert", start=1.0, opened=1.0, at=1.0)
    task, schema, pictures = task_for(event), schema_for(event.type), [sample_picture(n) for n in range(16)]
    model, answers = ChildModel(ModelSettings(backend="llama_cpp", threads=1, **files), behind=True), 0
    model.warm_up()
    print("ready", flush=True)
    began = time.monotonic()
    while not ended:
        model.ask(task, [pictures[answers % len(pictures)]], {}, schema, 600.0)
        answers += 1
    print(answers / (time.monotonic() - began), flush=True)
    model.close()


class Asker:
    """That process, from entering the context to leaving it; `rate` is known afterwards."""

    rate = 0.0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from benchmarks.language_load import ask_forever; ask_forever()"],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == "ready", "the second model did not start"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdout is not None
        self._process.terminate()
        self.rate = float(self._process.stdout.readline() or 0.0)
        self._process.wait(60)
        self._process.stdout.close()

    @property
    def pid(self) -> int:
        return self._process.pid


def children_cpu_s(*parents: int) -> float:
    """CPU seconds so far of the processes that these have started and that run."""
    spent = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) in parents:
                spent += (int(fields[11]) + int(fields[12])) / TICK
    return spent


def run_round(model: bool, cameras: int, folder: Path, clips: Path, *, seconds: float, warm_s: float) -> Round:
    """One agent, from its start to its end."""
    videos = {f"busy{n}": scene(clips, *BUSY[n % len(BUSY)]) for n in range(cameras)}
    made = Round(model, Level(0, cameras))
    with Receiver(SECRET) as receiver, RtspFarm(videos, prepare=False) as farm:
        config: dict[str, Any] = {
            "model": {"path": str(MODEL)},
            "cameras": [camera(name, farm.url(name)) for name in videos],
            "alerts": [{"type": "webhook", "url": receiver.url, "secret": "${HOOK_SECRET}"}],
            **({"language": LANGUAGE} if model else {}),
        }
        with LiveAgent(folder, config, {"HOOK_SECRET": SECRET}) as agent:
            agent.start().wait_ready(90)
            wait_for("picture of every camera", lambda: all_online(agent), timeout=90)
            with Asker() if model else contextlib.nullcontext() as asker:
                time.sleep(warm_s)
                parents = (agent.pid, asker.pid) if asker else (agent.pid,)
                before, answered = children_cpu_s(*parents), answers_of(agent)
                measure(made.level, agent, receiver, seconds)
                made.models_cpu_s = children_cpu_s(*parents) - before
                made.own = answers_of(agent) - answered
            made.beside = asker.rate if asker else 0.0
            agent.stop()
    return made


def answers_of(agent: LiveAgent) -> int:
    """How often the agent's own model has answered."""
    return round(agent.metric("sightline_language_questions_total", outcome="answered") or 0)


HEAD = (
    "| round | model | alerts | latency p50 / p95 ms | dropped | answers/s | agent CPU s a minute | models CPU s a minute "
    "| machine busy |\n|---|---|---|---|---|---|---|---|---|"
)


def row(number: int, made: Round) -> str:
    sampled = made.level.cameras * DETECT_FPS * made.level.seconds
    drops = ", ".join(f"{reason} {count}" for reason, count in sorted(made.drops.items()) if count) or "none"
    cells = (
        number,
        "all the time" if made.model else "none",
        len(made.level.latencies),
        f"{made.p50_ms:.0f} / {made.p95_ms:.0f}",
        f"{drops} of {sampled:.0f}",
        f"{made.answers:.1f}" if made.model else "",
        f"{made.cpu_minute:.1f}",
        f"{made.models_minute:.1f}" if made.model else "",
        f"{100 * made.level.machine_busy:.0f} %",
    )
    return f"| {' | '.join(map(str, cells))} |"


def verdict(rounds: Sequence[Round]) -> str:
    """Medians side by side, and the ratio of the pairs."""
    without, with_model = ([made for made in rounds if made.model == which] for which in (False, True))

    def median(of: Callable[[Round], float], which: Sequence[Round]) -> float:
        return statistics.median(map(of, which))

    lines = []
    for name, unit, of in (
        ("latency p50", "ms", lambda made: made.p50_ms),
        ("latency p95", "ms", lambda made: made.p95_ms),
        ("agent CPU", "s a minute", lambda made: made.cpu_minute),
        ("frames dropped", "a round", lambda made: float(sum(made.drops.values()))),
    ):
        none, always = median(of, without), median(of, with_model)
        pairs = sorted(of(b) / of(a) for a, b in zip(without, with_model, strict=True) if of(a))
        ratio = f", ratio {always / none:.2f}" if none else ""
        spread = f" (pairs {pairs[0]:.2f} to {pairs[-1]:.2f}, median {statistics.median(pairs):.2f})" if pairs else ""
        lines.append(f"* {name}: {none:.1f} {unit} without, {always:.1f} with{ratio}{spread}")
    pooled = [
        percentile([s for made in which for _, s in made.level.latencies], 0.95) for which in (without, with_model)
    ]
    counts = [sum(len(made.level.latencies) for made in which) for which in (without, with_model)]
    lines.append(
        f"* p95 of all alerts together: {pooled[0] * 1000:.0f} ms of {counts[0]} without, {pooled[1] * 1000:.0f} ms of "
        f"{counts[1]} with, ratio {pooled[1] / pooled[0]:.2f}"
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="The live agent with a model that answers all the time, and without.")
    parser.add_argument("--rounds", type=int, default=5, help="of each kind")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--warm", type=float, default=8.0)
    parser.add_argument("--cameras", type=int, default=2)
    parser.add_argument("--write", type=Path, help="also write the table to this file")
    options = parser.parse_args()
    end_in_order()
    if not MODEL.exists():
        sys.exit(f"no {MODEL}; set SIGHTLINE_TEST_DATA")
    if os.nice(0) > 0:
        sys.exit("not under nice: the model would not be nicer than the agent any more")
    rounds: list[Round] = []
    with tempfile.TemporaryDirectory() as folder:
        clips = Path(folder) / "clips"
        clips.mkdir()
        print(HEAD, flush=True)
        for number in range(options.rounds):
            for model in (False, True) if number % 2 == 0 else (True, False):
                where = Path(folder) / f"round-{number}-{model}"
                made = run_round(model, options.cameras, where, clips, seconds=options.seconds, warm_s=options.warm)
                rounds.append(made)
                print(row(number + 1, made), flush=True)
                shutil.rmtree(where, ignore_errors=True)
    where_from = (
        f"{options.rounds} rounds of each kind, {options.seconds:.0f} s each, {options.cameras} busy cameras; "
        f"{os.cpu_count()} cores of {cpu_name()}, shared with RTSP server, feeds and receiver; "
        f"Python {platform.python_version()}; commit {commit()}."
    )
    table = "\n".join([HEAD, *(row(n // 2 + 1, made) for n, made in enumerate(rounds))])
    text = "\n\n".join(
        ["## Detection beside a model that answers all the time (`python -m benchmarks.language_load`)", where_from,
         verdict(rounds), table]
    ) + "\n"  # fmt: skip
    print("\n" + verdict(rounds))
    if options.write is not None:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
