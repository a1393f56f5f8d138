"""From trigger to output over MQTT with a real broker, and how many parts a second the demo's recipe does.

    python -m benchmarks.inspect_latency [--parts 300] [--rate 4] [--out table.md]

A gateway behind mosquitto (started on 127.0.0.1) publishes a trigger for each part and notes when it gets the command for
its rejector; the output is switched for every verdict. Both ends are one machine's clock. Frames of the demo's parts come at
25 a second, as from a camera; the window reaches back (0.1 s before the trigger, nothing after it). The throughput is the
recipe alone, one thread, in CPU seconds a part, so that it does not depend on who else works on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import platform
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_agent.inspect.assets import FolderAssets
from edge_agent.inspect.live.service import LiveInspection, Surroundings
from edge_agent.inspect.recipes import load_recipe
from edge_agent.inspect.settings import InspectionConfig
from edge_agent.live.worker import Happening
from tests.peers.mosquitto import Broker, Listener
from vision.frame import Frame
from vision.inspect.inspector import Inspector

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "configs/inspection.yaml"
FPS = 25.0


class Gateway(Listener):
    """Notes when each command came, and acknowledges it."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker, "bench/out/command", name="gateway")
        self.came: dict[str, float] = {}

    def _message(self, client: Any, userdata: Any, message: Any) -> None:
        now = time.perf_counter()
        identity = json.loads(message.payload)["id"]
        self.came[identity.partition(".")[0]] = now
        client.publish("bench/out/ack", json.dumps({"id": identity}), qos=1)


def pictures() -> list[np.ndarray]:
    """The parts of the demo."""
    return [np.asarray(cv2.imread(str(path)), np.uint8) for path in sorted((ROOT / "demo/parts/line").glob("*.jpg"))]


def line_of(port: int, folder: Path, told: list[Happening]) -> LiveInspection:
    """The demo's recipe with triggers and outputs at the broker."""
    recipe = load_recipe(CONFIG).model_dump(mode="json")
    broker = {"type": "mqtt", "host": "127.0.0.1", "port": port}
    output = {
        "on": ["pass", "reject", "no_decision"], "pulse_s": 0.05, "deadline_s": 30,
        "actuator": {**broker, "topic": "bench/out"},
    }  # fmt: skip
    live = {
        "camera": "line",
        "triggers": [{**broker, "topic": "bench/part"}],
        "window": {"before_s": 0.1, "after_s": 0, "same_part_s": 0.001},
        "outputs": [output],
    }
    config = InspectionConfig.model_validate({**recipe, "live": live})
    return LiveInspection(config, Surroundings(CONFIG.parent, folder, told.append))


@dataclass(frozen=True)
class Measured:
    """Seconds a part: from the trigger's publishing to the command's arrival, to the verdict, the recipe in it."""

    output: list[float]
    decided: list[float]
    recipe: list[float]
    verdicts: dict[str, int]
    missed: int
    cpu: float


async def latencies(parts: int, rate: float, folder: Path) -> Measured:
    """Parts one after the other through a running line."""
    told: list[Happening] = []
    with Broker(folder) as broker, Gateway(broker) as gateway:
        line = line_of(broker.port, folder, told)
        await line.start()
        stop = threading.Event()
        camera = threading.Thread(target=_film, args=(line, stop))
        camera.start()
        await asyncio.sleep(1.0)
        sent: dict[str, float] = {}
        cpu = time.process_time()
        for number in range(parts):
            name = f"P{number}"
            sent[name] = time.perf_counter()
            gateway.client.publish("bench/part", json.dumps({"part": name}), qos=1)
            await asyncio.sleep(max(0.0, 1 / rate - (time.perf_counter() - sent[name])))
        began = time.monotonic()
        while len(gateway.came) < parts and time.monotonic() < began + 60:
            await asyncio.sleep(0.05)
        cpu = (time.process_time() - cpu) / parts
        stop.set()
        camera.join()
        verdicts = dict(line.verdicts)
        await line.close()
    came = [gateway.came[name] - at for name, at in sent.items() if name in gateway.came]
    facts = [h.event.facts for h in told if h.event.type == "defect"]
    decided, recipe = ([float(str(one[key])) for one in facts] for key in ("decided_s", "inspect_s"))
    return Measured(came, decided, recipe, verdicts, sum(h.event.type == "output_missed" for h in told), cpu)


def _film(line: LiveInspection, stop: threading.Event) -> None:
    shown = itertools.cycle(picture for picture in pictures() for _ in range(12))
    due = time.monotonic()
    for picture in shown:
        if stop.is_set():
            return
        line.frame(Frame.from_array(picture, t=time.time(), camera="line"))
        due += 1 / FPS
        time.sleep(max(0.0, due - time.monotonic()))


def throughput(parts: int) -> tuple[float, float]:
    """CPU seconds and wall seconds a part, the recipe alone."""
    inspector = Inspector(load_recipe(CONFIG), FolderAssets(CONFIG.parent))
    shown = pictures()
    for picture in shown:
        inspector.inspect(picture)
    cpu, wall = time.process_time(), time.perf_counter()
    for number in range(parts):
        inspector.inspect(shown[number % len(shown)])
    return (time.process_time() - cpu) / parts, (time.perf_counter() - wall) / parts


def _told(seconds: list[float]) -> str:
    return " / ".join(f"{1000 * float(v):.0f}" for v in np.percentile(seconds, (50, 95, 99, 100))) + " ms"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", type=int, default=300)
    parser.add_argument("--rate", type=float, default=4.0, help="parts a second while latency is measured")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    load = os.getloadavg()[0]
    cpu, wall = throughput(min(options.parts, 100))
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(latencies(options.parts, options.rate, Path(folder)))
    lines = [
        f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f} before, {os.getloadavg()[0]:.1f} after",
        "",
        "| figure | value |",
        "|---|---|",
        f"| parts, at {options.rate:g} a second | {options.parts}, {len(found.output)} came, {found.missed} missed |",
        f"| verdicts | {found.verdicts} |",
        f"| trigger to output p50 / p95 / p99 / longest | {_told(found.output)} |",
        f"| trigger heard to verdict | {_told(found.decided)} |",
        f"| the recipe in it | {_told(found.recipe)} |",
        f"| whole process with camera, gateway and record, CPU a part | {1000 * found.cpu:.0f} ms |",
        f"| recipe, CPU a part | {1000 * cpu:.1f} ms ({1 / cpu:.0f} parts a second and core) |",
        f"| recipe, wall a part at this load | {1000 * wall:.1f} ms ({1 / wall:.0f} parts a second) |",
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
