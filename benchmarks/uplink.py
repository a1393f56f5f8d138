"""Bytes on the wire for a picture, against the original: `python -m benchmarks.uplink [FOLDER…] [--max-px 1024]`.

Each picture goes through what a device does (crop none, at most 1024 px, JPEG or WebP) and is uploaded to a receiver on
this machine through a counting relay, so that the bytes are those of the whole conversation: TCP payload in both
directions, with headers, signature and acknowledgement; no TLS. Ratios are of this conversation to the original file.
Pictures that are smaller than 1024 px are not enlarged, and of those little can be saved: enlarged camera pictures stand
for what a field camera takes (`camera 8 MP`, `camera 2 MP`: the street photo resized, JPEG quality 95, as cameras write).
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from edge_agent.inspect.pictures import files_of, pixels_of
from edge_agent.uplink.device_clock import DeviceClock
from edge_agent.uplink.link import CloudLink
from edge_agent.uplink.parcel import Parcel
from edge_agent.uplink.prepare import Shape, prepare
from edge_agent.uplink.spool import Limits, Spool
from edge_agent.uplink.uploader import Uploader
from tests.edge_agent.uplink.receiver import KEY, receiving
from vision.capture.quality import Gate, judge
from vision.frame import Pixels
from vision.wire.messages import FrameMeta

SHAPES = {
    "JPEG q80": Shape(),
    "JPEG q60": Shape(quality=60),
    "WebP q80": Shape(format="webp"),
    "WebP q60": Shape(format="webp", quality=60),
}


@dataclass
class Relay:
    """Counts what passes between a device and the receiver."""

    target: int
    up: int = 0
    down: int = 0

    async def serve(self) -> tuple[asyncio.Server, int]:
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        return server, int(server.sockets[0].getsockname()[1])

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", self.target)
        await asyncio.gather(self._pump(reader, outer, up=True), self._pump(inner, writer, up=False))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        try:
            while data := await reader.read(65536):
                if up:
                    self.up += len(data)
                else:
                    self.down += len(data)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


def groups(folders: list[Path]) -> dict[str, list[tuple[Pixels, int]]]:
    """Pictures with the size of their files, by folder; and the larger ones that stand for cameras."""
    found: dict[str, list[tuple[Pixels, int]]] = {}
    for folder in folders:
        for path in files_of([folder]):
            image = pixels_of(path.read_bytes())
            if not isinstance(image, str):
                found.setdefault(folder.name, []).append((image, path.stat().st_size))
    source = found.get("photos", next(iter(found.values())))[0][0]
    for name, width in (("camera 2 MP", 1224), ("camera 8 MP", 2448)):
        large = np.asarray(
            cv2.resize(
                source, (width, round(width * source.shape[0] / source.shape[1])), interpolation=cv2.INTER_CUBIC
            ),
            np.uint8,
        )
        found[name] = [(large, len(cv2.imencode(".jpg", large, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]))]
    return found


def parcels(pictures: list[tuple[Pixels, int]], shape: Shape) -> tuple[list[Parcel], float]:
    """Ready parcels, and the milliseconds that preparing and judging one takes."""
    made, start = [], time.perf_counter()
    for number, (image, _) in enumerate(pictures):
        quality = judge(image, Gate()).quality.values()
        ready = prepare(image, shape)
        meta = FrameMeta(
            frame=f"bench-{number:05d}",
            site="north",
            camera="field-3",
            captured=time.time(),
            profile="potato",
            width=ready.width,
            height=ready.height,
            sha256=ready.sha256,
            quality=quality,
        )
        made.append(Parcel(meta, ready.data))
    return made, (time.perf_counter() - start) * 1000 / len(pictures)


async def wire_bytes(ready: list[Parcel]) -> tuple[int, int]:
    """Bytes up and down for all of them over one kept connection."""
    async with receiving(time.time) as receiver:
        relay = Relay(int(receiver.url.rpartition(":")[2]))
        server, port = await relay.serve()
        with tempfile.TemporaryDirectory() as folder, Spool(Path(folder), Limits(min_free=0)) as spool:
            link = CloudLink(f"http://127.0.0.1:{port}", KEY, DeviceClock())
            uploader = Uploader(spool, link, clock=time.time, random=random.random)
            for parcel in ready:
                spool.put(parcel)
            while spool.next_at() is not None:
                await asyncio.sleep(min(1.0, await uploader.step()))
            await link.close()
            assert len(receiver.arrived) == len(ready)
        server.close()
    return relay.up, relay.down


async def main() -> None:
    parser = argparse.ArgumentParser(description="Bytes on the wire per picture against the original.")
    parser.add_argument(
        "folders",
        nargs="*",
        type=Path,
        default=[Path("../shared/images") / n for n in ("leaves_potato", "leaves_rice", "photos")],
    )
    parser.add_argument("--max-px", type=int, default=1024)
    arguments = parser.parse_args()
    print(
        "| pictures | as | original kB | body kB | on the wire kB | headers, answer kB | wire / original | prepare ms |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, pictures in groups(arguments.folders).items():
        original = statistics.mean(size for _, size in pictures)
        for label, shape in SHAPES.items():
            ready, milliseconds = parcels(pictures, replace(shape, max_px=arguments.max_px))
            up, down = await wire_bytes(ready)
            body = statistics.mean(len(parcel.data) for parcel in ready)
            wire = (up + down) / len(ready)
            row = (
                f"{name} ({len(pictures)})",
                label,
                f"{original / 1024:.1f}",
                f"{body / 1024:.1f}",
                f"{wire / 1024:.1f}",
            )
            print(f"| {' | '.join(row)} | {(wire - body) / 1024:.2f} | {wire / original:.2f} | {milliseconds:.0f} |")


if __name__ == "__main__":
    asyncio.run(main())
