"""Pictures of files on the way of a device: gate, prepare, spool, upload. For a trial, a back-fill, and the demo.

The spool is one of its own (`data_dir/upload`): what is not through when the network goes is sent by the next call, and a
folder that was uploaded before costs nothing but a look.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from edge_agent.config.cloudcheck import times_of
from edge_agent.config.models import CameraConfig, Config
from edge_agent.inspect.pictures import pixels_of
from edge_agent.uplink.answers import Answer
from edge_agent.uplink.device_clock import DeviceClock
from edge_agent.uplink.link import Link
from edge_agent.uplink.maker import Maker, Told
from edge_agent.uplink.parcel import Parcel
from edge_agent.uplink.people import PeopleFinder
from edge_agent.uplink.spool import Day, Spool
from edge_agent.uplink.uploader import Uploader
from vision.capture.quality import judge
from vision.capture.schedule import CaptureTimes
from vision.errors import InputError
from vision.wire.messages import PRIORITIES, CaptureRequest

Result = Literal[
    "sent",
    "sent before",
    "waits",  # in the spool, for a next call
    "set aside",  # refused by the cloud
    "gate",  # refused by the gate
    "people",
    "unreadable",
    "no room",
]
_POLL_S = 2.0


@dataclass(frozen=True, slots=True)
class Item:
    """One file: what became of it and why; bytes of the file and of what went up (0: nothing)."""

    path: Path
    result: Result
    reason: str = ""
    before: int = 0
    after: int = 0


class Batch:
    """Uploads files for one camera of a config."""

    def __init__(
        self,
        config: Config,
        camera: CameraConfig,
        spool: Spool,
        link: Link,
        finder: PeopleFinder | None,
        clock: DeviceClock,
        *,
        captured_now: bool = False,
    ) -> None:
        """`captured_now`: the pictures count as taken now; else when their files were last changed."""
        if config.uplink is None or camera.capture is None:
            raise InputError(f"camera {camera.name}: uploading needs tier: cloud with capture, and uplink")
        self._camera, self._spool, self._link, self._clock = camera, spool, link, clock
        self._captured_now = captured_now
        self._maker = Maker(camera, config.uplink.site, finder)
        self._times: CaptureTimes = times_of(camera.capture, config)
        self._items: dict[str, Item] = {}  # by frame
        self._others: list[Item] = []
        self._uploader = Uploader(spool, link, clock=clock.now, random=random.random, on_answer=self._answered)

    @property
    def items(self) -> list[Item]:
        """All files so far."""
        return [*self._items.values(), *self._others]

    @property
    def trouble(self) -> str:
        """What keeps pictures from going up; empty where nothing does."""
        status = self._uploader.status()
        return "" if status == "ok" else status

    def add(self, files: Sequence[Path], told: Callable[[Item], None]) -> None:
        """Bring files into the spool; a day of which the gate refused all has its best one sent."""
        for path in files:
            item = self._added(path)
            told(item)
        if self._maker.capture.floor_per_day:
            for day in self._spool.held_days(self._camera.name):
                if not self._spool.sent_on(self._camera.name, day):
                    self._spool.release(self._camera.name, day)

    async def send(self, patience_s: float) -> None:
        """Upload all that waits; give up when the cloud is not reached, or takes nothing, for so long."""
        reached = time.monotonic()
        while self._spool.next_at() is not None:
            stored = self._uploader.outcomes["stored"] + self._uploader.outcomes["refused"]
            wait = await self._uploader.step()
            if self._uploader.outcomes["stored"] + self._uploader.outcomes["refused"] > stored:
                reached = time.monotonic()
            left = reached + patience_s - time.monotonic()
            if self._uploader.outcomes["denied"] or (wait and left <= 0):
                return
            await asyncio.sleep(min(wait, max(0.0, left)))

    async def answer(self, files: Sequence[Path], seconds: float) -> int:
        """Answer what the cloud asks this camera for with these pictures, one each, for so long; how many were sent."""
        left, until = list(files), time.monotonic() + seconds
        while left and time.monotonic() < until:
            self._spool.ask(await self._link.requests())
            now = self._clock.now()
            for request in self._spool.asked():
                if left and request.camera == self._camera.name and request.after <= now <= request.until:
                    self._added(left.pop(0), request)
                    self._spool.answered(request.id, "done")
            await self.send(max(0.0, until - time.monotonic()))
            await asyncio.sleep(min(_POLL_S, max(0.0, until - time.monotonic())))
        return len(files) - len(left)

    def counts(self) -> Counter[str]:
        """Files by result."""
        return Counter(item.result for item in self.items)

    def _added(self, path: Path, request: CaptureRequest | None = None) -> Item:
        try:
            raw = path.read_bytes()
            changed = path.stat().st_mtime
        except OSError as error:
            return self._other(Item(path, "unreadable", error.strerror or "cannot be read"))
        image = pixels_of(raw)
        if isinstance(image, str):
            return self._other(Item(path, "unreadable", image, len(raw)))
        verdict = judge(image, self._maker.capture.gate)
        told = Told(
            self._clock.now() if self._captured_now or request is not None else changed,
            "manual" if request is None else "follow_up",
            self._maker.capture.profile if request is None else request.profile,
            follows=None if request is None else request.follows or request.id,
            quality=verdict.quality.values(),
            facts={} if verdict.ok else {"gate": list[str](verdict.reasons)},
            priority=PRIORITIES["normal" if self._captured_now else "backfill"] if request is None else None,
            origin=hashlib.sha256(raw).hexdigest() + (request.id if request is not None else ""),
        )
        try:
            parcel = self._maker.parcel(image, told)
        except InputError as error:
            return self._other(Item(path, "unreadable", str(error), len(raw)))
        if parcel is None:
            return self._other(Item(path, "people", "there are people in it", len(raw)))
        return self._put(path, parcel, len(raw), ", ".join(verdict.reasons) if request is None else "", verdict.score)

    def _put(self, path: Path, parcel: Parcel, size: int, against: str, score: float) -> Item:
        held = score if against else None
        floor = self._maker.capture.floor_per_day
        item = Item(path, "gate", against, size) if against else Item(path, "waits", "", size)
        kept = "worse" if against and not floor else self._spool.put(parcel, Day(self._day(parcel), held=held))
        if kept == "known":
            waits = parcel.id in self._items or self._spool.waits(parcel.id)
            item = replace(item, result="waits" if waits else "sent before", reason="")
        elif kept == "full":
            item = replace(item, result="no room", reason="the spool is full of more valuable pictures")
        self._items[parcel.id] = item
        return item

    def _day(self, parcel: Parcel) -> str:
        return str(self._times.day(parcel.meta.captured))

    def _other(self, item: Item) -> Item:
        self._others.append(item)
        return item

    def _answered(self, parcel: Parcel, answer: Answer) -> None:
        item = self._items.get(parcel.id)
        if item is None:  # of an earlier call
            return
        if answer.outcome == "stored":
            reason = f"the best of its day ({item.reason})" if item.result == "gate" else ""
            self._items[parcel.id] = replace(item, result="sent", reason=reason, after=len(parcel.data))
        elif answer.outcome == "refused":
            self._items[parcel.id] = replace(item, result="set aside", reason=answer.reason)


def lines(items: Sequence[Item]) -> Iterator[tuple[str, str, str, str]]:
    """What became of each file: name, result, bytes, reason."""
    for item in items:
        size = f"{item.before / 1024:.0f} kB"
        if item.after:
            size += f" -> {item.after / 1024:.0f} kB"
        yield item.path.name, item.result, size, item.reason
