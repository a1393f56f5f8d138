"""An intake on a free port with devices that sign, a clock that tests move, and pictures made on the spot."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import cv2
import numpy as np

from cloud_adapter.database import CloudDatabase, address_in
from cloud_adapter.intake.app import INTAKE, build_intake
from cloud_adapter.intake.counters import Counters
from cloud_adapter.intake.devices import Devices
from cloud_adapter.intake.server import IntakeServer
from cloud_adapter.intake.settings import IntakeSettings
from cloud_adapter.queue.base import JobQueue
from cloud_adapter.queue.fake import FakeQueue
from vision.wire import signing
from vision.wire.headers import meta_header
from vision.wire.messages import FrameMeta, Readings

START = 1_790_000_000.0
MASTER = b"m" * 32
PROFILES = ("potato", "cover")


class Clock:
    """Time that tests move."""

    def __init__(self, at: float = START) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def jpeg(width: int = 64, height: int = 48, seed: int = 0, quality: int = 90) -> bytes:
    image = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", cv2.blur(image, (5, 5)), [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def webp(width: int = 64, height: int = 48, quality: int = 80) -> bytes:
    """Over 100: lossless."""
    image = np.full((height, width, 3), 90, np.uint8)
    return cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()


def meta_of(body: bytes, frame: str = "frame-001", **changes: Any) -> FrameMeta:
    wanted = {
        "frame": frame,
        "site": "north",
        "camera": "field-3",
        "captured": START - 60,
        "profile": "potato",
        "width": 64,
        "height": 48,
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    return FrameMeta.model_validate(wanted | changes)


@dataclass
class Answer:
    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]
    text: str


@dataclass
class Device:
    """What a device does: signs with its key at its own clock, each time with a new nonce."""

    key: signing.Key
    clock: Callable[[], float]
    numbers: Any = field(default_factory=itertools.count)

    def signed(
        self, method: str, target: str, body: bytes, *, meta: FrameMeta | str | None = None, nonce: str | None = None
    ) -> dict[str, str]:
        text = meta_header(meta) if isinstance(meta, FrameMeta) else meta
        return signing.sign(
            self.key,
            method=method,
            target=target,
            body=body,
            created=int(self.clock()),
            nonce=nonce or f"nonce-{next(self.numbers):016d}",
            meta=text,
        )


@dataclass
class Serving:
    """A running intake, and what is behind it."""

    url: str
    http: aiohttp.ClientSession
    server: IntakeServer
    queue: Any
    devices: Devices
    db: CloudDatabase
    clock: Clock
    device: Device
    app: Any

    @property
    def counters(self) -> Counters:
        counters: Counters = self.app[INTAKE].counters
        return counters

    async def send(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        async with self.http.request(method, self.url + target, data=body or None, headers=headers) as response:
            text = await response.text()
            body_ = await response.json() if response.content_type == "application/json" else {}
            return Answer(response.status, body_, response.headers, text)

    async def put(self, body: bytes, frame: str = "frame-001", device: Device | None = None, **meta: Any) -> Answer:
        target = f"/v1/frames/{frame}"
        sender = device or self.device
        return await self.send(
            "PUT", target, body, sender.signed("PUT", target, body, meta=meta_of(body, frame, **meta))
        )

    async def post_readings(self, **changes: Any) -> Answer:
        wanted = {"id": "reading-1", "site": "north", "camera": "field-3", "profile": "cover"}
        one = {"sensor": "tilt", "value": 2.5, "unit": "deg", "t": START}
        body = Readings.model_validate(wanted | {"readings": [one]} | changes).model_dump_json().encode()
        return await self.send("POST", "/v1/readings", body, self.device.signed("POST", "/v1/readings", body))


@asynccontextmanager
async def serving(
    folder: Path, *, queue: JobQueue | None = None, settings: Mapping[str, Any] | None = None, plain: bool = False
) -> AsyncIterator[Serving]:
    clock = Clock()
    db = CloudDatabase(address_in(folder))
    devices = Devices(db, MASTER, (), clock)
    known = {device.name for device in devices.all()}
    key = devices.rotate("field-3") if "field-3" in known else devices.add("field-3", site="north", plain=plain)
    wanted = IntakeSettings.model_validate({"port": 0} | dict(settings or {}))
    kept = queue if queue is not None else FakeQueue(clock)
    app = build_intake(wanted, db=db, queue=kept, devices=devices, profiles=PROFILES, now=clock)
    server = IntakeServer(app, wanted)
    await server.start()
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as http:
            yield Serving(server.url, http, server, kept, devices, db, clock, Device(key, clock), app)
    finally:
        await server.stop()
        db.close()


def served(folder: Path, use: Callable[[Serving], Awaitable[None]], **options: Any) -> None:
    """Run a coroutine against an intake of its own."""

    async def run() -> None:
        async with serving(folder, **options) as one:
            await use(one)

    asyncio.run(run())
