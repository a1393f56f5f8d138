"""What evidence costs: a packet in the ring, the ring's memory, a clip, a picture, a sweep of 20 000 files.

CPU time of the thread; medians of several rounds. On a 640x360 stream of 15 pictures a second at about 600 kbit/s, made of
the repository's own clip.

    python -m benchmarks.evidence
"""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import av

from edge_agent.config import EvidenceConfig
from edge_agent.live.retention import Retention
from edge_agent.snapshot import draw, encode_jpeg
from vision.delivery.store import Store
from vision.events import Event
from vision.media.recording import Recording, finish_clip
from vision.media.ring import PacketRing
from vision.rules.base import View

ROOT = Path(__file__).resolve().parent.parent
EPOCH = 1_700_000_000.0
ROUNDS = 9
RINGS = 20


def cpu(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Median CPU seconds of this thread."""
    spent = []
    for _ in range(rounds):
        begun = time.thread_time()
        work()
        spent.append(time.thread_time() - begun)
    return statistics.median(spent)


def resident() -> int:
    """Resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def stream(folder: Path, codec: str) -> Path:
    """60 s as a camera would send them."""
    path = folder / f"{codec}.mp4"
    rate = ["-b:v", "600k", "-maxrate", "700k", "-bufsize", "600k", "-g", "30", "-bf", "0", "-r", "15", "-t", "60"]
    extra = ["-x265-params", "log-level=none"] if codec == "libx265" else []
    source = ["-stream_loop", "4", "-i", str(ROOT / "demo/clips/car.mp4")]
    subprocess.run(
        ["ffmpeg", "-v", "error", *source, "-c:v", codec, "-preset", "veryfast", *extra, *rate, path], check=True
    )
    return path


def rings(path: Path) -> None:
    """A packet's way into the ring, and what 40 s of them take."""
    with av.open(str(path)) as container:
        source = container.streams.video[0]
        packets = [packet for packet in container.demux(source) if packet.size]
        times = [EPOCH + float((packet.dts or 0) * packet.time_base) for packet in packets]
        gc.collect()
        before, made = resident(), [PacketRing(40.0, 32 << 20) for _ in range(RINGS)]
        spent = []
        for ring in made:
            begun = time.thread_time()
            for packet, t in zip(packets, times, strict=True):
                ring.tap(packet, source, t)
            spent.append((time.thread_time() - begun) / len(packets))
        memory = (resident() - before) / RINGS
    print(f"| a packet into the ring | {statistics.median(spent) * 1e6:.1f} us |")
    print(
        f"| a ring of {made[0].seconds:.0f} s, counted / resident | {made[0].bytes / 1e6:.1f} / {memory / 1e6:.1f} MB |"
    )


def clips(path: Path, folder: Path, rounds: int) -> None:
    """A clip of 15 s."""
    ring = PacketRing(60.0, 32 << 20)
    with av.open(str(path)) as container:
        source = container.streams.video[0]
        for packet in container.demux(source):
            ring.tap(packet, source, EPOCH + float((packet.dts or 0) * packet.time_base))
    parts: list[Path] = []

    def written() -> None:
        recording = Recording(ring, folder / f"{len(parts)}.mp4.part", EPOCH + 20)
        recording.step(EPOCH + 35)
        recording.close()
        parts.append(recording.part)

    recorded = cpu(written, rounds)
    waiting = iter(tuple(parts))

    def finished() -> None:
        part = next(waiting)
        finish_clip(part, part.with_suffix(""))

    print(f"| a clip of 15 s, {path.stem} | {recorded * 1e3:.1f} + {cpu(finished, rounds) * 1e3:.1f} ms |")


def snapshot(path: Path) -> None:
    """A picture with its box and zone."""
    with av.open(str(path)) as container:
        image = next(container.decode(video=0)).to_ndarray(format="bgr24")
    event = Event(
        id="E", type="intrusion", camera="yard", severity="alert", start=EPOCH, opened=EPOCH, at=EPOCH, zone="yard",
        label="person", score=0.8, box=(0.2, 0.2, 0.5, 0.8),
    )  # fmt: skip
    view = View(640, 360, {"yard": ((10, 10), (600, 20), (600, 340), (10, 340))})
    print(f"| a picture of 640x360 | {cpu(lambda: encode_jpeg(draw(image, event, view))) * 1e3:.1f} ms |")


def sweeps(folder: Path) -> None:
    """20 000 pictures of ten days: nothing to do, counting, and the 2000 least valuable deleted."""
    folder.mkdir()
    store = Store(f"sqlite:///{folder / 'store.db'}")
    now = datetime(2025, 6, 15, tzinfo=UTC).timestamp()
    for day in range(1, 11):
        begin = datetime(2025, 6, day, tzinfo=UTC).timestamp()
        place = folder / "snapshots" / f"2025-06-{day:02}"
        place.mkdir(parents=True)
        for i in range(2000):
            name, t = f"{day:02}-{i:04}", begin + i
            (place / f"{name}.jpg").write_bytes(bytes(1000))
            os.utime(place / f"{name}.jpg", (t, t))
            store.record(Event(id=name, type="fall", camera="c", severity="info", start=t, opened=t, at=t), [], t)
    disk = [1 << 40]
    retention = Retention(
        folder, EvidenceConfig(min_free_gb=0), store, lambda: now, lambda _: None, lambda _: None,
        disk=lambda _: (40_000_000, 0, disk[0]),
    )  # fmt: skip
    print(f"| the first sweep of a day, 20 000 files | {cpu(retention.sweep, 1) * 1e3:.0f} ms |")
    print(f"| a sweep with nothing to do | {cpu(retention.sweep) * 1e6:.0f} us |")
    disk[0] = 0
    print(
        f"| making room on a full disk of 20 000 files | {cpu(lambda: retention.make_room(1_000_000), 1) * 1e3:.0f} ms |"
    )
    store.close()


def main() -> None:
    """The table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        h264 = stream(folder, "libx264")
        print("| what | CPU, memory |\n|---|---|")
        rings(h264)
        clips(h264, folder, ROUNDS)
        clips(stream(folder, "libx265"), folder, 3)
        snapshot(h264)
        sweeps(folder / "evidence")


if __name__ == "__main__":
    main()
