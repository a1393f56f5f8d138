"""A thousand slow devices at once: how much memory the intake takes for them, how long it bears with them.

The intake runs in a process of its own with its default settings and the embedded queue; 250 devices of four uploads each
come from this process over loopback. Pictures are JPEGs of about 120 kB.

* `silent`: 1,000 connections that send half a head and then nothing.
* `stalled`: 1,000 signed uploads that announce a picture and then send 10 bytes a second.
* `slow`: 1,000 real uploads of 8 kB/s, as over bad 4G: all of them are to be taken in.

Columns: answers by code; seconds from the first connection to the last answer (or closed connection); resident memory of
the intake before and at its highest (VmRSS and VmHWM of /proc; the decoder is another process, its own highest beside it);
and the median and longest time of proper uploads that were sent one after the other meanwhile.

    python -m benchmarks.slow_uploads [--count 1000] [--only silent stalled slow]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import itertools
import json
import os
import platform
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from cloud_adapter.database import CloudDatabase, address_in
from cloud_adapter.intake.app import build_intake
from cloud_adapter.intake.devices import Devices
from cloud_adapter.intake.server import IntakeServer
from cloud_adapter.intake.settings import IntakeSettings
from cloud_adapter.queue.opening import open_queue
from cloud_adapter.queue.settings import EmbeddedQueue
from vision.wire import signing
from vision.wire.headers import meta_header
from vision.wire.messages import FrameMeta

DEVICES = 251  # the last one sends properly meanwhile
MASTER = b"m" * 32
_NUMBERS = itertools.count()


async def serve(folder: Path) -> None:
    """The intake, until its stdin ends."""
    db = CloudDatabase(address_in(folder))
    devices = Devices(db, MASTER, (), time.time)
    keys = [devices.add(f"device-{n}").text() for n in range(DEVICES)]
    queue = open_queue(EmbeddedQueue(), db, folder, now=time.time)
    settings = IntakeSettings(port=0)
    app = build_intake(settings, db=db, queue=queue, devices=devices, profiles=("potato",))
    server = IntakeServer(app, settings)
    await server.start()
    print(json.dumps({"port": server.port, "keys": keys}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop()


@dataclass
class Run:
    port: int
    keys: list[signing.Key]
    picture: bytes
    answers: Counter[str] = field(default_factory=Counter)

    def head(self, key: signing.Key, body: bytes) -> bytes:
        frame = f"frame-{next(_NUMBERS):08d}"
        target = f"/v1/frames/{frame}"
        meta = FrameMeta(
            frame=frame,
            site="site",
            camera=key.device,
            captured=time.time(),
            profile="potato",
            width=1024,
            height=768,
            sha256=hashlib.sha256(body).hexdigest(),
        )
        nonce = f"nonce-{next(_NUMBERS):016d}"
        signed = signing.sign(
            key, method="PUT", target=target, body=body, created=int(time.time()), nonce=nonce, meta=meta_header(meta)
        )
        lines = [f"PUT {target} HTTP/1.1", "Host: h", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in signed.items()), "", ""]).encode()

    async def upload(self, number: int, chunk: int, every_s: float, *, silent: bool = False) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        body = self.picture + str(number).encode()  # each its own
        sent = b"PUT /v1/frames/" if silent else self.head(self.keys[number % (DEVICES - 1)], body)
        writer.write(sent)
        sending = asyncio.create_task(_drip(writer, b"" if silent else body, chunk, every_s))
        try:
            answer = await reader.readuntil(b"}\n")
            said = json.loads(answer.partition(b"\r\n\r\n")[2])
            self.answers[f"{answer.split()[1].decode()} {said.get('error', said.get('stored'))}"] += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            self.answers["closed"] += 1
        finally:
            sending.cancel()
            writer.close()

    async def proper(self, times: list[float]) -> None:
        while True:
            started = time.monotonic()
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            body = self.picture + f"proper {started}".encode()
            writer.write(self.head(self.keys[-1], body) + body)
            answer = await reader.readuntil(b"}\n")
            if b" 201 " not in answer.partition(b"\r\n")[0]:
                self.answers[f"proper one refused: {answer.split()[1].decode()}"] += 1
            times.append(time.monotonic() - started)
            writer.close()
            await asyncio.sleep(2.5)  # its rate is 30 a minute


async def _drip(writer: asyncio.StreamWriter, body: bytes, chunk: int, every_s: float) -> None:
    with contextlib.suppress(ConnectionError):
        for at in range(0, len(body), chunk):
            writer.write(body[at : at + chunk])
            await writer.drain()
            await asyncio.sleep(every_s)


def picture() -> bytes:
    """About 120 kB, as a camera's picture of leaves would have."""
    noise = np.random.default_rng(1).integers(0, 255, (768, 1024, 3), dtype=np.uint8)
    image = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return min(
        (cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, q])[1].tobytes() for q in range(50, 96, 5)),
        key=lambda data: abs(len(data) - 120_000),
    )


def memory(pid: int, name: str) -> float:
    """MB."""
    found = re.search(rf"{name}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def decoder_of(pid: int) -> float:
    """Highest resident memory of the child processes, MB."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return max((memory(int(child), "VmHWM") for child in children), default=0.0)


async def scenario(name: str, count: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.slow_uploads", "--serve", folder,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20,
        )  # fmt: skip
        assert child.stdin is not None
        assert child.stdout is not None
        ready = json.loads(await child.stdout.readline())
        run = Run(ready["port"], [signing.Key.parse(text) for text in ready["keys"]], picture())
        ways: dict[str, Callable[[int], Awaitable[None]]] = {
            "silent": lambda n: run.upload(n, 1, 3600, silent=True),
            "stalled": lambda n: run.upload(n, 10, 1),
            "slow": lambda n: run.upload(n, 4000, 0.5),
        }
        times: list[float] = []
        before = memory(child.pid, "VmRSS")
        proper = asyncio.create_task(run.proper(times))
        await asyncio.sleep(5)
        started = time.monotonic()
        await asyncio.gather(*(ways[name](number) for number in range(count)))
        took = time.monotonic() - started
        proper.cancel()
        highest, decoder = memory(child.pid, "VmHWM"), decoder_of(child.pid)
        child.stdin.close()
        await child.wait()
    answers = ", ".join(f"{n} x {code}" for code, n in sorted(run.answers.items()))
    waits = f"{statistics.median(times) * 1000:.0f} / {max(times) * 1000:.0f} ms"
    return f"| {name} | {answers} | {took:.0f} s | {before:.0f} -> {highest:.0f} MB | {decoder:.0f} MB | {waits} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--only", nargs="+", default=["silent", "stalled", "slow"])
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(arguments.serve))
        return
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {len(picture())} bytes each\n"
    )
    print(f"| {arguments.count} at once | answers | until the last | intake | decoder | a proper upload meanwhile |")
    print("|---|---|---|---|---|---|")
    for name in arguments.only:
        print(asyncio.run(scenario(name, arguments.count)), flush=True)


if __name__ == "__main__":
    main()
