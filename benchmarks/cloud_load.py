"""Pictures of 120 kB per second: through the real intake into the queue, and through workers whose model takes 0.8 to 2.5 s.

Two figures for each queue. *Queue alone*: put (durable picture, durable row or message), take, read the picture, done,
by one process. *Whole way*: four devices upload signed pictures as fast as they are acknowledged for `--seconds`; one intake
with one decoder (it re-encodes every picture), one worker process with 64 calls at a time; devices and provider run on the
same machine and take their part of its cores. Memory is read every 2 s after a third of the time; its slope is that of the
straight line through it.

    python -m benchmarks.cloud_load [--seconds 120] [--queues embedded nats]
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from cloud_adapter.database import CloudDatabase, address_in
from cloud_adapter.records import Job
from tests.e2e.cloud_kill import ended
from tests.e2e.cloud_process import Spec, queue_of
from tests.e2e.cloud_rig import Provider, Rig, resident_mb
from tests.e2e.live import end_in_order
from tests.peers.nats import NatsServer

WIDTH, HEIGHT, BYTES = 1024, 768, 120_000
ALONE = 300


def pictures(folder: Path, count: int) -> list[Path]:
    """Different pictures of about 120 kB: a rendered field with noise, made before the clock runs."""
    chance = np.random.default_rng(1)
    rows = np.linspace(60, 180, HEIGHT, dtype=np.float32)[:, None, None] * np.array([0.4, 1.0, 0.5], np.float32)
    waves = 30 * np.sin(np.arange(WIDTH, dtype=np.float32) / 9)[None, :, None]
    files = []
    for number in range(count):
        noise = chance.normal(0, 11, (HEIGHT // 2, WIDTH // 2, 1)).astype(np.float32)
        image = rows + waves + cv2.resize(noise, (WIDTH, HEIGHT))[:, :, None]
        data = cv2.imencode(".jpg", np.clip(image, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 82])[1]
        files.append(folder / f"{number}.jpg")
        files[-1].write_bytes(data.tobytes())
    return files


def alone(folder: Path, nats: bool) -> tuple[float, float]:
    """Puts per second, and jobs taken, read and done per second; one after the other, as one process does."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        server = NatsServer(Path(place) / "nats") if nats else None
        if server:
            server.start()
        db = CloudDatabase(address_in(Path(place)))
        try:
            return asyncio.run(_alone(Spec(place, 0, "", server.address if server else None), db))
        finally:
            db.close()
            if server:
                server.stop()


async def _alone(spec: Spec, db: CloudDatabase) -> tuple[float, float]:
    queue = queue_of(spec, db)
    datas = [os.urandom(BYTES) for _ in range(ALONE)]
    await queue.depth()
    began = time.monotonic()
    for number, data in enumerate(datas):
        key = hashlib.sha256(data).hexdigest()
        job = Job(id=f"d/{number:08}", device="d", received=0, profile="p", camera="c", site="s", picture=key)
        await queue.put(job, data)
    middle = time.monotonic()
    for _ in datas:
        claim = await queue.take(5)
        assert claim is not None
        assert claim.job.picture is not None
        await queue.picture(claim.job.picture)
        await queue.done(claim)
    end = time.monotonic()
    await queue.close()
    return ALONE / (middle - began), ALONE / (end - middle)


@dataclass
class Whole:
    """What was measured on the whole way."""

    acknowledged: float = 0.0  # per second
    ended: float = 0.0
    cpu_ms: dict[str, float] = field(default_factory=dict)  # per picture
    memory_mb: dict[str, float] = field(default_factory=dict)  # at the end
    slope: dict[str, float] = field(default_factory=dict)  # MB per 1,000 pictures
    refused: int = 0


def whole(folder: Path, nats: bool, files: list[Path], seconds: float) -> Whole:
    """The whole way for so long; when the pictures are used up, it ends earlier."""
    provider = Provider(latency_s=(0.8, 2.5))
    with (
        tempfile.TemporaryDirectory(dir=folder) as place,
        Rig(Path(place), nats=nats, provider=provider, workers=1, slots=64) as rig,
    ):
        rig.devices(1, lambda n: files[-1 - n].read_bytes(), limit=1)  # until everything stands
        rig.wait_sent()
        while not ended(rig):
            time.sleep(0.1)
        rig.devices(4, lambda n: files[n].read_bytes(), limit=len(files) - 1, begin=1)
        return _watched(rig, seconds)


def _watched(rig: Rig, seconds: float) -> Whole:
    children = rig.processes
    cpu = {name: process.cpu_s() for name, process in children.items()}
    sent, done, began = len(rig.acknowledged), ended(rig), time.monotonic()
    refused = sum(rig.refused.values())
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in [*children, "nats"]}
    while (passed := time.monotonic() - began) < seconds and not rig.idle():
        time.sleep(2)
        if passed > seconds / 3:
            for name, process in children.items():
                seen[name].append((len(rig.acknowledged), process.memory_mb()))
            if rig.nats and rig.nats.process:
                seen["nats"].append((len(rig.acknowledged), resident_mb(rig.nats.process.pid)))
    passed, count = time.monotonic() - began, len(rig.acknowledged) - sent
    result = Whole(count / passed, (ended(rig) - done) / passed)
    result.cpu_ms = {name: 1000 * (p.cpu_s() - cpu[name]) / max(1, count) for name, p in children.items()}
    for name, points in seen.items():
        if len(points) > 2:
            x, y = np.array(points).T
            result.memory_mb[name] = float(y[-1])
            result.slope[name] = float(np.polyfit(x, y, 1)[0] * 1000) if x[-1] > x[0] else 0.0
    result.refused = sum(rig.refused.values()) - refused
    rig.enough()
    until = time.monotonic() + 120
    while ended(rig) < len(rig.acknowledged) and time.monotonic() < until:
        time.sleep(0.5)
    assert ended(rig) >= len(rig.acknowledged), "some pictures did not come to their end"
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description="Pictures per second through intake, queue and workers.")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--pictures", type=int, default=2500, help="how many different ones at most")
    parser.add_argument("--queues", nargs="+", choices=["embedded", "nats"], default=["embedded", "nats"])
    options = parser.parse_args()
    end_in_order()
    print(
        "| queue | alone: put/s | alone: take, read, done/s | whole way: acknowledged/s | ended/s | refused "
        "| CPU ms a picture | memory MB at the end | MB more per 1,000 pictures |\n|---|---|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory(prefix="sightline-load-") as folder:
        files = pictures(Path(folder), options.pictures)
        size = sum(file.stat().st_size for file in files) / len(files)
        for kind in options.queues:
            puts, takes = alone(Path(folder), kind == "nats")
            got = whole(Path(folder), kind == "nats", files, options.seconds)
            cells = [
                kind,
                f"{puts:.0f}",
                f"{takes:.0f}",
                f"{got.acknowledged:.1f}",
                f"{got.ended:.1f}",
                f"{got.refused}",
            ]
            cells += [
                ", ".join(f"{name} {value:{form}}" for name, value in values.items())
                for values, form in ((got.cpu_ms, ".0f"), (got.memory_mb, ".0f"), (got.slope, "+.1f"))
            ]
            print(f"| {' | '.join(cells)} |", flush=True)
    print(f"{len(os.sched_getaffinity(0))} cores, pictures of {size / 1000:.0f} kB on average", file=sys.stderr)


if __name__ == "__main__":
    main()
