"""Three days without network, with reboots: all pictures arrive at the real intake, once, the newest alarm first."""

from __future__ import annotations

import asyncio
import hashlib
import random
import socket
from pathlib import Path

import pytest

from cloud_adapter.queue.fake import FakeQueue
from edge_agent.uplink.device_clock import DeviceClock
from edge_agent.uplink.link import CloudLink
from edge_agent.uplink.parcel import Parcel
from edge_agent.uplink.spool import Limits, Spool
from edge_agent.uplink.uploader import Uploader
from tests.cloud_adapter.intake.serving import Clock, serving
from tests.edge_agent.uplink.making import parcel
from vision.wire.signing import Key

KINDS = ("normal", "normal", "normal", "backfill", "normal", "follow_up", "normal", "normal", "alarm", "normal")


class Boot:
    """The device from one reboot to the next: the spool alone is the same."""

    def __init__(self, folder: Path, url: str, key: Key, clock: Clock, chance: random.Random) -> None:
        system = DeviceClock(clock, lambda: clock.at)
        self.clock = clock
        self.spool = Spool(folder, Limits(min_free=0), system.now)
        self.link = CloudLink(url, key, system)
        self.uploader = Uploader(self.spool, self.link, clock=system.now, random=chance.random)

    async def live(self, until: float) -> None:
        """Try to send, as often as it likes, until then."""
        while self.clock.at < until:
            self.clock.at = min(until, self.clock.at + max(await self.uploader.step(), 1.0))

    async def down(self) -> None:
        await self.link.close()
        self.spool.close()


@pytest.mark.parametrize(("days", "count"), [(0.5, 24), pytest.param(3, 500, marks=pytest.mark.slow)])
def test_all_arrive_once_the_newest_alarm_first(tmp_path: Path, days: float, count: int) -> None:
    asyncio.run(_outage(tmp_path, days, count))


async def _outage(folder: Path, days: float, count: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clock, chance = Clock(), random.Random(5)
    queue = FakeQueue(clock)
    async with serving(folder, queue=queue, settings={"port": port}) as before:
        key, url = before.device.key, before.url
        first = parcel(9999, captured=clock.at)
        boot = Boot(folder / "spool", url, key, clock, chance)
        boot.spool.put(first)
        await boot.live(clock.at + 5)
        assert list(queue.jobs) == ["field-3/frame-09999"]

    pictures = await _without_network(boot, days, count, lambda: Boot(folder / "spool", url, key, clock, chance))
    boot = Boot(folder / "spool", url, key, clock, chance)
    assert boot.spool.stats().waiting == count

    async with serving(folder, queue=queue, settings={"port": port}) as after:
        after.device.key = key  # an intake that starts again knows its devices; `serving` has made a newer key beside
        for _ in range(20 * count):
            if boot.spool.stats().waiting == 0:
                break
            after.clock.at = clock.at
            await boot.live(clock.at + 10)
        stats = boot.spool.stats()
        assert (stats.waiting, stats.aside) == (0, 0)
        await boot.down()

    arrived = [id_.partition("/")[2] for id_ in queue.jobs if not id_.endswith("9999")]
    assert sorted(arrived) == sorted(pictures), "every picture, and none twice"
    order = sorted(pictures.values(), key=lambda p: (p.meta.priority, -p.meta.captured))
    assert arrived == [one.id for one in order], "alarms first, of each kind the newest first"
    for job in queue.jobs.values():
        assert job.meta is not None
        sent = pictures.get(job.meta.frame)
        assert sent is None or job.meta == sent.meta
        assert sent is None or hashlib.sha256(sent.data).hexdigest() == job.meta.sha256


async def _without_network(boot: Boot, days: float, count: int, start: object) -> dict[str, Parcel]:
    """Pictures at even intervals, tries to send all the while, and a reboot every few hours."""
    assert callable(start)
    pictures: dict[str, Parcel] = {}
    step = days * 86400 / count
    for number in range(count):
        await boot.live(boot.clock.at + step)
        one = parcel(number, kind=KINDS[number % len(KINDS)], captured=boot.clock.at)
        assert boot.spool.put(one) == "stored"
        pictures[one.id] = one
        if number % 20 == 19:
            await boot.down()
            boot = start()
    assert not boot.uploader.outcomes["stored"]
    await boot.down()
    return pictures
