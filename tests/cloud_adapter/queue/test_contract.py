"""What every queue keeps: the same tests on the embedded queue (SQLite, PostgreSQL), a real NATS server, and the fake."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from cloud_adapter.database import CloudDatabase, address_in
from cloud_adapter.queue.base import Claim, JobQueue, MissingPictureError
from cloud_adapter.queue.embedded import EmbeddedJobQueue
from cloud_adapter.queue.fake import FakeQueue
from cloud_adapter.queue.jetstream import JetStreamJobQueue
from cloud_adapter.queue.settings import EmbeddedQueue, JetStreamQueue
from tests.cloud_adapter.making import make_job
from tests.peers.nats import NatsServer
from tests.peers.postgres import postgres
from vision.delivery.env import AddressText

__all__ = ["postgres"]

DEADLINE_S = 60.0


class Place:
    """One kind of queue, opened anew as often as a test likes; `later` lets its time pass."""

    def __init__(self, kind: str, folder: Path, server: NatsServer | None, url: str | None) -> None:
        self.kind, self.folder, self.server, self.url = kind, folder, server, url
        self.clock = 1_000_000.0
        self.prefix = f"t{time.monotonic_ns()}"
        self.databases: list[CloudDatabase] = []
        self.queues: list[JobQueue] = []

    def now(self) -> float:
        return time.time() if self.kind == "jetstream" else self.clock

    async def later(self, seconds: float) -> None:
        """Real seconds for NATS, which has the time of its server."""
        if self.kind == "jetstream":
            await asyncio.sleep(seconds)
        self.clock += seconds

    def open(self, *, lease_s: float = 60.0, max_tries: int = 3) -> JobQueue:
        self.queues.append(self._opened(lease_s, max_tries))
        return self.queues[-1]

    def _opened(self, lease_s: float, max_tries: int) -> JobQueue:
        common = {"lease_s": lease_s, "max_tries": max_tries, "keep_pictures_days": 1.0, "remember_days": 10.0}
        if self.kind == "fake":
            return self.queues[0] if self.queues else FakeQueue(self.now, max_tries, lease_s)
        if self.kind in {"embedded", "postgres"}:
            self.databases.append(CloudDatabase(self.url or address_in(self.folder)))
            settings = EmbeddedQueue.model_construct(**{**EmbeddedQueue().model_dump(), **common})
            return EmbeddedJobQueue(self.databases[-1], self.folder / "pictures", settings, now=self.now)
        assert self.server is not None
        plain = JetStreamQueue(type="jetstream", prefix=self.prefix, servers=(AddressText(self.server.address),))
        return JetStreamJobQueue(plain.model_copy(update=common), now=self.now)

    def close(self) -> None:
        for database in self.databases:
            database.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with NatsServer(tmp_path_factory.mktemp("nats")) as running:
        yield running


@pytest.fixture(params=["embedded", "postgres", "jetstream", "fake"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    server = request.getfixturevalue("server") if request.param == "jetstream" else None
    url = request.getfixturevalue("postgres").fresh() if request.param == "postgres" else None
    made = Place(request.param, tmp_path, server, url)
    yield made
    made.close()


async def taken(queue: JobQueue, place: Place, step_s: float = 0.2) -> Claim:
    """The next job, however long the machine takes."""
    until = time.monotonic() + DEADLINE_S
    while (claim := await queue.take(0.0)) is None:
        assert time.monotonic() < until, "no job came"
        await place.later(step_s)
    return claim


def run(place: Place, test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        try:
            async with asyncio.timeout(DEADLINE_S * 2):
                await test()
        finally:
            for queue in place.queues:
                await queue.close()

    asyncio.run(bounded())


def test_a_job_with_its_picture_goes_through(place: Place) -> None:
    async def test() -> None:
        queue = place.open()
        job = make_job(data=b"pixels")
        assert await queue.put(job, b"pixels") is True
        depth = await queue.depth()
        assert (depth.waiting, depth.taken, depth.dead) == (1, 0, 0)
        assert depth.picture_bytes >= len(b"pixels")
        claim = await taken(queue, place)
        assert claim.job == job
        assert claim.tries == 1
        assert job.picture is not None
        assert await queue.picture(job.picture) == b"pixels"
        depth = await queue.depth()
        assert (depth.waiting, depth.taken, depth.dead) == (0, 1, 0)
        await queue.touch(claim)
        await queue.done(claim)
        await queue.done(claim)  # a repeated call after a lost answer
        depth = await queue.depth()
        assert (depth.waiting, depth.taken, depth.dead, depth.picture_bytes) == (0, 0, 0, 0)
        assert await queue.take(0.0) is None

    run(place, test)


def test_a_job_is_put_once_however_often_it_is_sent(place: Place) -> None:
    async def test() -> None:
        queue = place.open()
        job = make_job(data=b"pixels")
        assert await queue.put(job, b"pixels") is True
        assert await queue.put(job, b"pixels") is False  # waiting
        claim = await taken(queue, place)
        assert await queue.put(job, b"pixels") is False  # in a worker's hand
        await queue.done(claim)
        assert await queue.put(job, b"pixels") is False  # ended
        assert await queue.take(0.0) is None
        again = place.open()  # another process
        assert await again.put(job, b"pixels") is False

    run(place, test)


def test_the_same_upload_over_two_connections(place: Place) -> None:
    async def test() -> None:
        queue, other = place.open(), place.open()
        job = make_job(data=b"pixels")
        new = await asyncio.gather(*(q.put(job, b"pixels") for q in (queue, other) * 4))
        assert sum(new) == 1
        await queue.done(await taken(queue, place))
        assert await other.take(0.0) is None

    run(place, test)


def test_readings_alone_have_no_picture(place: Place) -> None:
    async def test() -> None:
        queue = place.open()
        assert await queue.put(make_job(), None) is True
        assert (await taken(queue, place)).job.picture is None
        with pytest.raises(MissingPictureError):
            await queue.picture("a" * 64)

    run(place, test)


def test_smallest_priority_first_then_oldest(place: Place) -> None:
    async def test() -> None:
        queue = place.open()
        for frame, priority in (
            ("late-0009", 9),
            ("norm-0001", 5),
            ("norm-0002", 5),
            ("alarm-001", 0),
            ("norm-0003", 5),
        ):
            await queue.put(make_job(frame, priority=priority), None)
            await place.later(0.01)
        order = [(await taken(queue, place)).job.id.split("/")[1] for _ in range(5)]
        assert order == ["alarm-001", "norm-0001", "norm-0002", "norm-0003", "late-0009"]

    run(place, test)


def test_two_workers_never_hold_the_same_job(place: Place) -> None:
    async def test() -> None:
        workers = [place.open(), place.open()]
        for number in range(20):
            await workers[0].put(make_job(f"frame-{number:04}"), None)

        async def work(queue: JobQueue) -> list[str]:
            held = []
            while (claim := await queue.take(0.0)) is not None:
                held.append(claim.job.id)
                await asyncio.sleep(0)
            return held

        held = [id_ for part in await asyncio.gather(*map(work, workers)) for id_ in part]
        assert sorted(held) == sorted(f"field-1/frame-{number:04}" for number in range(20))

    run(place, test)


def test_a_silent_workers_job_goes_to_another(place: Place) -> None:
    async def test() -> None:
        dying, living = place.open(lease_s=1.0), place.open(lease_s=1.0)
        await dying.put(make_job(), None)
        lost = await taken(dying, place)
        claim = await taken(living, place)  # its lease ends by itself
        assert claim.job == lost.job
        assert claim.tries == 2
        await living.done(claim)
        await dying.done(lost)  # it was only slow: nothing comes back from it
        assert await living.take(0.0) is None
        assert (await living.depth()).dead == 0

    run(place, test)


def test_a_worker_that_renews_its_lease_keeps_its_job(place: Place) -> None:
    async def test() -> None:
        queue = place.open(lease_s=5.0)
        await queue.put(make_job(), None)
        claim = await taken(queue, place)
        for _ in range(11):  # together longer than the lease; each far shorter
            await place.later(0.5)
            await queue.touch(claim)
            assert await queue.take(0.0) is None
        await queue.done(claim)

    run(place, test)


def test_given_back_for_later(place: Place) -> None:
    async def test() -> None:
        queue = place.open()
        await queue.put(make_job(), None)
        await queue.retry(await taken(queue, place), 1.5, "the provider is busy")
        depth = await queue.depth()
        assert (depth.waiting, depth.taken) == (1, 0)
        assert await queue.take(0.0) is None  # not yet
        claim = await taken(queue, place)
        assert claim.tries == 2
        depth = await queue.depth()
        assert (depth.waiting, depth.taken) == (0, 1)

    run(place, test)


def test_after_its_last_try_a_job_is_buried_with_the_reason(place: Place) -> None:
    async def test() -> None:
        queue = place.open(max_tries=2)
        job = make_job(data=b"pixels")
        await queue.put(job, b"pixels")
        await queue.retry(await taken(queue, place), 0.0, "first")
        await queue.retry(await taken(queue, place), 0.0, "second")
        (buried,) = await queue.dead()
        assert (buried.job, buried.reason, buried.tries) == (job, "second", 2)
        assert await queue.take(0.0) is None
        depth = await queue.depth()
        assert (depth.waiting, depth.taken, depth.dead) == (0, 0, 1)
        assert await queue.put(job, b"pixels") is False  # a dead job is known as well

    run(place, test)


def test_holding_a_job_counts_no_try(place: Place) -> None:
    async def test() -> None:
        queue = place.open(max_tries=2)
        await queue.put(make_job(), None)
        for _ in range(4):  # more often than it may fail
            claim = await taken(queue, place)
            assert claim.tries == 1
            await queue.hold(claim, place.now() + 0.3, "over the budget")
            assert (await queue.depth()).waiting == 1
        claim = await taken(queue, place)
        assert claim.tries == 1
        await queue.retry(claim, 0.0, "busy")
        assert (await taken(queue, place)).tries == 2

    run(place, test)


def test_the_dead_letter_newest_first_and_back_again(place: Place) -> None:
    async def test() -> None:
        queue = place.open(max_tries=1)
        for frame in ("frame-0001", "frame-0002", "frame-0003"):
            await queue.put(make_job(frame, data=frame.encode()), frame.encode())
            await queue.bury(await taken(queue, place), f"poison {frame}")
            await place.later(0.01)
        assert [b.job.id[-4:] for b in await queue.dead()] == ["0003", "0002", "0001"]
        assert [b.job.id[-4:] for b in await queue.dead(limit=1)] == ["0003"]
        assert await queue.revive("field-1/frame-0002") is True
        assert await queue.revive("field-1/frame-0002") is False  # lives already
        assert await queue.revive("field-1/unknown-1") is False
        assert [b.job.id[-4:] for b in await queue.dead()] == ["0003", "0001"]
        claim = await taken(queue, place)
        assert (claim.job.id, claim.tries) == ("field-1/frame-0002", 1)
        assert claim.job.picture is not None
        assert await queue.picture(claim.job.picture) == b"frame-0002"
        await queue.done(claim)
        assert await queue.put(make_job("frame-0002"), None) is False
        assert (await queue.depth()).dead == 2

    run(place, test)


def test_a_revived_job_stands_behind_those_that_wait(place: Place) -> None:
    async def test() -> None:
        queue = place.open()
        await queue.put(make_job("frame-0001"), None)
        await queue.bury(await taken(queue, place), "poison")
        await place.later(0.01)
        await queue.put(make_job("frame-0002"), None)
        await place.later(0.01)
        await queue.revive("field-1/frame-0001")
        assert [(await taken(queue, place)).job.id[-4:] for _ in range(2)] == ["0002", "0001"]

    run(place, test)


def test_waiting_for_a_job_that_comes_meanwhile(place: Place) -> None:
    if place.kind == "fake":
        pytest.skip("the fake does not wait")

    async def test() -> None:
        queue, other = place.open(), place.open()  # what another process puts is found as well
        waiting = asyncio.create_task(queue.take(DEADLINE_S))
        await asyncio.sleep(0.2)
        await other.put(make_job(), None)
        claim = await waiting
        assert claim is not None

    run(place, test)


def test_two_jobs_may_have_the_same_picture(place: Place) -> None:
    async def test() -> None:
        queue = place.open()
        jobs = [make_job(f"frame-{n:04}", data=b"a blocked lens") for n in (1, 2)]
        for job in jobs:
            assert await queue.put(job, b"a blocked lens") is True
        first = await taken(queue, place)
        await queue.done(first)
        await queue.tidy()
        second = await taken(queue, place)
        assert second.job.picture is not None
        assert await queue.picture(second.job.picture) == b"a blocked lens"

    run(place, test)
