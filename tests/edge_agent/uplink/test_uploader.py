"""What each answer of the cloud, and each fault of the network, means for a picture and for the pause after it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from edge_agent.uplink.answers import judged
from edge_agent.uplink.device_clock import DeviceClock
from edge_agent.uplink.link import CloudLink
from edge_agent.uplink.spool import Limits, Spool
from edge_agent.uplink.uploader import Uploader
from tests.edge_agent.uplink.making import START, Clock, parcel
from tests.edge_agent.uplink.receiver import KEY, Receiver, receiving
from vision.wire.messages import CaptureRequest

ACK = b'{"id": "frame-00001", "stored": "new"}'
JUDGED = {
    "stored": (201, {}, ACK, "stored"),
    "known": (200, {}, ACK.replace(b"new", b"known"), "stored"),
    "stored, but another frame": (200, {}, ACK.replace(b"00001", b"00002"), "unreachable"),
    "a login page": (200, {}, b"<html>please pay</html>", "unreachable"),
    "a redirect to one": (302, {"Location": "http://portal/"}, b"", "denied"),
    "damaged on the way": (400, {}, b'{"error": "wrong_digest"}', "failed"),
    "wrong meta": (400, {}, b'{"error": "wrong_meta", "told": "site: x"}', "refused"),
    "400 of somebody else": (400, {}, b"Bad Request", "failed"),
    "other picture": (409, {}, b'{"error": "conflict"}', "refused"),
    "too large, says a proxy": (413, {}, b"<html>", "refused"),
    "no picture": (415, {}, b'{"error": "type"}', "refused"),
    "key unknown": (401, {}, b'{"error": "wrong_signature"}', "denied"),
    "wrong clock": (401, {}, b'{"error": "clock_skew", "server_time": 5.0}', "clock"),
    "wrong clock, by the date": (401, {"Date": "Mon, 23 Nov 2026 16:00:00 GMT"}, b'{"error": "clock_skew"}', "clock"),
    "wrong clock, no time given": (401, {}, b'{"error": "clock_skew"}', "denied"),
    "not its site": (403, {}, b'{"error": "site"}', "denied"),
    "no intake there": (404, {}, b"", "denied"),
    "slow down": (429, {"Retry-After": "7"}, b"{}", "busy"),
    "not now": (503, {"Retry-After": "nonsense"}, b"", "busy"),
    "broken": (500, {}, b"", "failed"),
    "a proxy without its server": (502, {}, b"", "unreachable"),
}


@pytest.mark.parametrize("name", JUDGED)
def test_what_an_answer_means(name: str) -> None:
    status, headers, body, outcome = JUDGED[name]
    answer = judged(status, headers, body, "frame-00001", START)
    assert answer.outcome == outcome
    assert (answer.ack is not None) == (outcome == "stored")
    if name == "slow down":
        assert answer.retry_s == 7
    if outcome == "clock":
        assert answer.server_time in (5.0, 1795449600.0)


def test_an_answer_shows_no_terminal_codes() -> None:
    answer = judged(403, {}, b'{"error": "x", "told": "\\u001b[31mred\\n\\u0000"}', "frame-00001", START)
    assert answer.reason == "HTTP 403:  [31mred  "


class Device:
    """A spool and the way up, with a clock of its own; nothing waits for real."""

    def __init__(self, folder: Path, url: str, *, clock: Clock | None = None, **link: Any) -> None:
        self.clock = clock or Clock()
        self.system = DeviceClock(self.clock, lambda: self.clock.at)
        self.spool = Spool(folder, Limits(min_free=0), self.system.now)
        self.link = CloudLink(url, KEY, self.system, **link)
        self.uploader = Uploader(self.spool, self.link, clock=self.system.now, random=lambda: 0.5)

    async def settle(self, seconds: float, most: int = 2000) -> None:
        """Let so much of the device's time go by, sending whenever it wants to."""
        until = self.clock.at + seconds
        for _ in range(most):
            wait = await self.uploader.step()
            if wait and self.clock.at + wait > until:
                break
            self.clock.at += wait
        self.clock.at = max(self.clock.at, until)

    async def close(self) -> None:
        await self.link.close()
        self.spool.close()


def run(folder: Path, use: Callable[[Device, Receiver], Awaitable[None]], **link: Any) -> None:
    async def work() -> None:
        clock = Clock()
        async with receiving(clock) as receiver:
            device = Device(folder, receiver.url, clock=clock, **link)
            try:
                await use(device, receiver)
            finally:
                await device.close()

    asyncio.run(work())


def test_pictures_arrive_signed_whole_and_in_their_order(tmp_path: Path) -> None:
    async def use(device: Device, receiver: Receiver) -> None:
        for number, kind in enumerate(["normal", "alarm", "backfill"]):
            device.spool.put(parcel(number, kind=kind))
        await device.settle(1)
        assert receiver.arrived == ["frame-00001", "frame-00000", "frame-00002"]
        assert receiver.pictures["frame-00001"] == parcel(1).data
        assert receiver.metas["frame-00001"] == parcel(1, kind="alarm").meta
        assert device.spool.stats().waiting == 0
        assert device.uploader.status() == "ok"

    run(tmp_path, use)


FAULTS = {
    # script, seconds until it is through at the latest, requests
    "one error": ([(500, "", {})], 10, 2),
    "cut while sending": (["cut", "cut"], 20, 3),
    "a login page for a while": ([(200, "<html>", {})] * 3, 30, 4),
    "asked for patience": ([(429, {}, {"Retry-After": "100"})], 130, 2),
    "a proxy": ([(503, "", {}), (502, "", {})], 30, 3),
    "denied twice": ([(401, {"error": "wrong_signature", "told": "no"}, {})] * 2, 200, 3),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_pass_and_the_picture_arrives_once(tmp_path: Path, name: str) -> None:
    script, seconds, requests = FAULTS[name]

    async def use(device: Device, receiver: Receiver) -> None:
        receiver.script = list(script)  # type: ignore[arg-type]  # of the table's mixed values
        device.spool.put(parcel(1))
        await device.uploader.step()
        assert device.uploader.status() != "ok"
        assert device.uploader.paused_s > 0
        if name == "asked for patience":
            assert device.uploader.paused_s >= 100
        await device.settle(seconds)
        assert receiver.arrived == ["frame-00001"]
        assert receiver.asked == requests
        assert device.uploader.status() == "ok"

    run(tmp_path, use)


def test_a_lost_answer_does_not_cost_the_body_twice_where_it_is_known(tmp_path: Path) -> None:
    async def use(device: Device, receiver: Receiver) -> None:
        receiver.script = ["lost"]
        device.spool.put(parcel(1))
        await device.settle(30)
        assert receiver.arrived == ["frame-00001"]
        assert device.spool.stats().waiting == 0
        assert device.spool.put(parcel(1)) == "known"

    run(tmp_path, use)


def test_a_picture_that_always_fails_lets_others_pass_and_is_not_given_up(tmp_path: Path) -> None:
    async def use(device: Device, receiver: Receiver) -> None:
        receiver.script = [(500, "", {})] * 3
        device.spool.put(parcel(1, kind="alarm"))
        for number in (2, 3, 4):
            device.spool.put(parcel(number))
        await device.settle(3600)
        assert receiver.arrived[0] != "frame-00001"
        assert set(receiver.arrived) == {f"frame-0000{n}" for n in (1, 2, 3, 4)}

    run(tmp_path, use)


REFUSED = {
    "conflict": (409, {"error": "conflict", "told": "another picture has this id"}, {}),
    "wrong": (400, {"error": "wrong_meta", "told": "site"}, {}),
    "too large": (413, "", {}),
    "type": (415, {"error": "type"}, {}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_never_taken_is_put_aside_and_the_next_goes_at_once(tmp_path: Path, name: str) -> None:
    async def use(device: Device, receiver: Receiver) -> None:
        receiver.script = [REFUSED[name]]
        for number in (1, 2):
            device.spool.put(parcel(number))
        await device.settle(0)
        assert receiver.arrived == ["frame-00001"]  # the newer one was refused
        stats = device.spool.stats()
        assert (stats.waiting, stats.aside) == (0, 1)

    run(tmp_path, use)


@pytest.mark.parametrize("off_s", [-20_000_000.0, 4000.0], ids=["a device in its first hour", "an hour ahead"])
def test_a_wrong_clock_is_set_by_the_server_and_the_picture_goes_at_once(tmp_path: Path, off_s: float) -> None:
    async def work() -> None:
        async with receiving(Clock()) as receiver:
            device = Device(tmp_path, receiver.url, clock=Clock(START + off_s))
            device.spool.put(parcel(1))
            assert await device.uploader.step() == 0
            assert receiver.arrived == ["frame-00001"]
            assert abs(device.system.now() - START) < 1
            device.spool.put(parcel(2))
            asked = receiver.asked
            await device.uploader.step()
            assert receiver.asked == asked + 1, "learned once"
            await device.close()

    asyncio.run(work())


def test_a_clock_that_somebody_sets_is_believed_again() -> None:
    system, monotonic = Clock(1000.0), Clock(0.0)
    clock = DeviceClock(system, monotonic)
    clock.learn(START)
    system.at, monotonic.at = 1010.0, 10.0
    assert clock.now() == START + 10
    system.at, monotonic.at = START + 500, 20.0  # NTP found a server
    assert clock.now() == START + 500


def test_nobody_there_is_waited_for(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    async def work() -> None:
        device = Device(tmp_path, f"http://127.0.0.1:{port}")
        device.spool.put(parcel(1))
        for _ in range(12):
            device.clock.at += await device.uploader.step()
        assert "refused" in device.uploader.status()
        assert device.uploader.paused_s == 0
        assert 100 < await device.uploader.step() <= 300
        async with receiving(device.clock, port=port) as receiver:
            await device.settle(300)
            assert receiver.arrived == ["frame-00001"]
        await device.close()

    asyncio.run(work())


def test_wishes_come_with_an_acknowledgement_and_by_asking(tmp_path: Path) -> None:
    wish = CaptureRequest(id="wish-0001", camera="field-3", profile="potato", after=START, until=START + 60)

    async def use(device: Device, receiver: Receiver) -> None:
        receiver.requests = (wish,)
        assert await device.link.requests() == (wish,)
        device.spool.put(parcel(1))
        await device.settle(0)
        assert device.spool.asked() == [wish]

    run(tmp_path, use)
    gone = CloudLink("http://127.0.0.1:9", KEY, DeviceClock())

    async def nobody() -> None:
        assert await gone.requests() == ()
        await gone.close()

    asyncio.run(nobody())


def test_no_faster_than_allowed(tmp_path: Path) -> None:
    """64 kB at 16 kB/s: the pauses that it asks for come to nearly four seconds, none of which is waited for."""
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async def use(device: Device, receiver: Receiver) -> None:
        device.spool.put(parcel(1, data=b"\xff\xd8" + bytes(65_534)))
        await device.settle(0)
        assert receiver.arrived == ["frame-00001"]
        assert pauses == [0.5, 1, 1.5, 2, 2.5, 3, 3.5]  # no time passes here: each is what the bytes so far should take

    run(tmp_path, use, max_bytes_s=16_384.0, pause=pause, timer=lambda: 0.0)


def test_run_wakes_for_a_new_picture_and_stops(tmp_path: Path) -> None:
    async def use(device: Device, receiver: Receiver) -> None:
        stop = asyncio.Event()
        task = asyncio.create_task(device.uploader.run(stop))
        await asyncio.sleep(0)
        await asyncio.to_thread(device.spool.put, parcel(1))
        device.uploader.wake()
        async with asyncio.timeout(60):
            while not receiver.arrived:
                device.uploader.wake()
                await asyncio.sleep(0.01)
            stop.set()
            await task

    run(tmp_path, use)
