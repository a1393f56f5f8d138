"""A cloud tier to be ill-treated: its processes, devices that send until they are acknowledged, a provider with a bill.

with Rig(folder, nats=True) as rig:      # intake and workers are processes of their own
    rig.devices(senders=4)               # they send, and send again, until `rig.enough()`
    rig.processes["worker-0"].kill(); rig.processes["worker-0"].start()
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
import cv2
import numpy as np
from aiohttp import web

from cloud_adapter.database import CloudDatabase, address_in
from cloud_adapter.intake.devices import Devices
from tests.cloud_adapter.intake.serving import Device
from tests.e2e.cloud_process import MASTER, Spec
from tests.e2e.live import ROOT, TICK
from tests.peers.mosquitto import free_port
from tests.peers.nats import NatsServer
from vision.wire.messages import FrameMeta


@dataclass
class Process:
    """A process of the tier that can be killed and started again."""

    kind: str
    spec: Spec
    log: Path
    child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start; it gets to work by itself."""
        with self.log.open("ab") as log:
            words = [sys.executable, "-W", "default", "-m", "tests.e2e.cloud_process", self.kind]
            self.child = subprocess.Popen([*words, json.dumps(asdict(self.spec))], cwd=ROOT, stdout=log, stderr=log)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and wait."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        child, self.child = self.child, None
        if child is None:
            return
        assert child.poll() is None, f"{self.kind} ended by itself:\n{self.log.read_text()[-3000:]}"
        child.send_signal(how)
        try:
            child.wait(60)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(30)

    def memory_mb(self) -> float:
        """Resident memory of the process and its children (the intake's decoders)."""
        assert self.child is not None
        return sum(resident_mb(pid) for pid in family(self.child.pid))

    def cpu_s(self) -> float:
        """CPU seconds of the process and its children."""
        assert self.child is not None
        total = 0
        for pid in family(self.child.pid):
            fields = _stat(pid)
            total += int(fields[11]) + int(fields[12])
        return total / TICK


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


def family(pid: int) -> list[int]:
    """A process and its children."""
    others = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [pid, *(other for other in others if int((_stat(other) or ["", "0"])[1]) == pid)]


def _stat(pid: int) -> list[str]:
    """Fields from the state on; none for a process that has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


@dataclass
class Provider:
    """What the fake provider has seen; it bills each request that it took on, whether or not anyone heard the answer."""

    latency_s: tuple[float, float] = (0.02, 0.3)
    overloaded: float = 0.0  # share of requests that are turned away, unbilled
    poison: Callable[[bytes], bool] = lambda _: False  # pictures that it answers with 400, unbilled
    billed: Counter[str] = field(default_factory=Counter)  # by picture

    async def answer(self, request: web.Request) -> web.Response:
        data = await request.read()
        if random.random() < self.overloaded:
            return web.Response(status=503)
        if self.poison(data):
            return web.Response(status=400)
        self.billed[request.match_info["sha"]] += 1
        await asyncio.sleep(random.uniform(*self.latency_s))
        return web.json_response({"label": "healthy"})


class Rig:
    """The processes, and a thread in which devices and provider live."""

    def __init__(
        self, folder: Path, *, nats: bool, provider: Provider, workers: int = 2, slots: int = 4, decoders: int = 1
    ) -> None:
        self.folder, self.provider = folder, provider
        folder.mkdir(parents=True, exist_ok=True)
        self.nats = NatsServer(folder / "nats") if nats else None
        self.url = f"http://127.0.0.1:{free_port()}"
        provider_port = free_port()
        spec = Spec(
            str(folder),
            int(self.url.rpartition(":")[2]),
            f"http://127.0.0.1:{provider_port}",
            self.nats.address if self.nats else None,
            slots,
            decoders,
        )
        kinds = {"intake": "intake"} | {f"worker-{n}": "worker" for n in range(workers)}
        self.processes = {name: Process(kind, spec, folder / f"{name}.log") for name, kind in kinds.items()}
        self._provider_port = provider_port
        self.acknowledged: dict[str, str] = {}  # frame -> hash of what was sent
        self.refused: Counter[int] = Counter()  # answers that were no acknowledgement, by status; 0: none came
        self.sent_bytes = 0
        self._enough = threading.Event()
        self._over: asyncio.Event | None = None
        self._tasks: list[asyncio.Future[None]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="outside")

    def __enter__(self) -> Self:
        self.db = CloudDatabase(address_in(self.folder))
        self.key = Devices(self.db, MASTER, (), time.time).add("field-3", site="north")
        self._thread.start()
        self._do(self._serve())
        try:
            if self.nats:
                self.nats.start()
            for process in self.processes.values():
                process.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._enough.set()
        for process in self.processes.values():
            with contextlib.suppress(AssertionError):
                process.kill()
        if self.nats:
            self.nats.stop()
        self._do(self._cease())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()
        self.db.close()

    def devices(
        self, senders: int, picture: Callable[[int], bytes], *, begin: int = 0, limit: int | None = None
    ) -> None:
        """So many uploads at once, each sent until it is acknowledged; until `enough()`, or `limit` pictures."""
        numbers = itertools.count(begin) if limit is None else iter(range(begin, begin + limit))

        async def start() -> None:
            self._tasks += [asyncio.ensure_future(self._sender(numbers, picture)) for _ in range(senders)]

        self._do(start())

    def enough(self) -> None:
        """No new pictures; what is being sent is sent to the end."""
        self._enough.set()
        self.wait_sent()

    def idle(self) -> bool:
        """Whether all senders have come to their end."""
        return all(task.done() for task in self._tasks)

    def wait_sent(self, seconds: float = 300) -> None:
        """Until each sender has come to its end."""

        async def wait() -> None:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*self._tasks)

        self._do(wait(), seconds + 10)

    async def _sender(self, numbers: Iterator[int], picture: Callable[[int], bytes]) -> None:
        key = Device(self.key, time.time)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
            for number in numbers:
                if self._enough.is_set():
                    return
                body = await asyncio.to_thread(picture, number)
                meta = _meta(number, body)
                target = f"/v1/frames/{meta.frame}"
                while True:
                    headers = key.signed("PUT", target, body, meta=meta, nonce=f"n{random.getrandbits(100):030x}")
                    status = 0
                    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                        async with http.put(self.url + target, data=body, headers=headers) as response:
                            status = response.status
                            await response.read()
                    if status in (200, 201):
                        break
                    self.refused[status] += 1
                    await asyncio.sleep(random.uniform(0.05, 0.3))
                self.acknowledged[meta.frame] = meta.sha256
                self.sent_bytes += len(body)

    async def _serve(self) -> None:
        app = web.Application(client_max_size=10_000_000)
        app.router.add_post("/{sha}", self.provider.answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._provider_port).start()

    async def _cease(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._runner.cleanup()
        await asyncio.sleep(0.05)  # connections that are closing

    def _do(self, coroutine: object, seconds: float = 60) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(seconds)  # type: ignore[arg-type]


def _meta(number: int, body: bytes) -> FrameMeta:
    return FrameMeta(
        frame=f"frame-{number:07}",
        site="north",
        camera="field-3",
        captured=time.time(),
        profile="potato",
        priority=(5, 5, 5, 0)[number % 4],
        width=64,
        height=48,
        sha256=hashlib.sha256(body).hexdigest(),
    )


def noise(number: int, width: int = 64, height: int = 48, quality: int = 90) -> bytes:
    """A JPEG that no other number has."""
    image = np.random.default_rng(number).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
