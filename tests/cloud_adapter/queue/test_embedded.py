"""The embedded queue's own: power cuts between its steps, what is removed when, several processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from cloud_adapter.database import CloudDatabase, address_in
from cloud_adapter.queue.blobs import Blobs
from cloud_adapter.queue.embedded import ORPHAN_S, EmbeddedJobQueue
from cloud_adapter.queue.schema import jobs
from cloud_adapter.queue.settings import DAY_S, EmbeddedQueue
from tests.cloud_adapter.making import make_job
from tests.conftest import ROOT
from vision.errors import InputError, StoreError


class Yard:
    """A queue whose clock is moved by hand; files grow old by `age`."""

    def __init__(self, folder: Path) -> None:
        self.t = 1_795_000_000.0
        self.folder = folder / "pictures"
        self.db = CloudDatabase(address_in(folder))
        settings = EmbeddedQueue(keep_pictures_days=2, remember_days=10, max_picture_bytes=10_000_000)
        self.queue = EmbeddedJobQueue(self.db, self.folder, settings, now=lambda: self.t)

    async def ended(self, frame: str, data: bytes) -> None:
        await self.queue.put(make_job(frame, data=data), data)
        claim = await self.queue.take(0)
        assert claim is not None
        await self.queue.done(claim)

    def files(self) -> list[Path]:
        return sorted(file for file in self.folder.glob("*/*"))

    def age(self, seconds: float) -> None:
        for file in self.files():
            at = file.stat().st_mtime - seconds
            os.utime(file, (at, at))

    def run(self, test: Callable[[], Awaitable[None]]) -> None:
        asyncio.run(asyncio.wait_for(test(), 120))


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    made = Yard(tmp_path)
    yield made
    made.db.close()


def test_power_cut_between_picture_and_row(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        job = make_job(data=b"pixels")
        with monkeypatch.context() as patch:

            def cut() -> None:
                raise StoreError("the power is gone")

            patch.setattr(yard.db, "writing", cut)
            with pytest.raises(StoreError):
                await yard.queue.put(job, b"pixels")
        assert len(yard.files()) == 1
        assert (await yard.queue.depth()).waiting == 0
        await yard.queue.tidy()
        assert len(yard.files()) == 1  # it is young: its row may be about to be written
        assert await yard.queue.put(job, b"pixels") is True  # the device sends again
        yard.age(ORPHAN_S + 1)
        await yard.queue.tidy()
        assert len(yard.files()) == 1  # no orphan any more

    yard.run(test)


def test_orphans_and_unfinished_files_are_collected(yard: Yard) -> None:
    async def test() -> None:
        await yard.queue.put(make_job(data=b"pixels"), b"pixels")
        blobs = Blobs(yard.folder)
        blobs.keep("f" * 64, b"belongs to nobody")
        (yard.folder / "ff" / "x.part").write_bytes(b"cut in the middle")
        await yard.queue.tidy()
        assert len(yard.files()) == 3
        yard.age(ORPHAN_S + 1)
        await yard.queue.tidy()
        assert [file.read_bytes() for file in yard.files()] == [b"pixels"]

    yard.run(test)


def test_put_notices_that_its_file_was_collected_just_now(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        keep, kept = Blobs.keep, []

        def collected_the_first_time(blobs: Blobs, key: str, data: bytes) -> None:
            keep(blobs, key, data)
            kept.append(key)
            if len(kept) == 1:
                blobs.remove(key)

        monkeypatch.setattr(Blobs, "keep", collected_the_first_time)
        job = make_job(data=b"pixels")
        assert await yard.queue.put(job, b"pixels") is True
        assert job.picture is not None
        assert await yard.queue.picture(job.picture) == b"pixels"

    yard.run(test)


def test_pictures_of_ended_jobs_stay_for_a_while(yard: Yard) -> None:
    async def test() -> None:
        await yard.ended("frame-0001", b"one")
        yard.t += 1.9 * DAY_S
        await yard.queue.tidy()
        assert len(yard.files()) == 1
        await yard.queue.put(make_job("frame-0002", data=b"two"), b"two")  # waits: it stays however long
        yard.t += 5 * DAY_S
        await yard.queue.tidy()
        assert [file.read_bytes() for file in yard.files()] == [b"two"]
        assert await yard.queue.put(make_job("frame-0001", data=b"one"), b"one") is False  # still known
        yard.t += 10 * DAY_S
        await yard.queue.tidy()
        assert await yard.queue.put(make_job("frame-0001", data=b"one"), b"one") is True  # forgotten at last

    yard.run(test)


def test_a_shared_picture_goes_with_its_last_job(yard: Yard) -> None:
    async def test() -> None:
        await yard.ended("frame-0001", b"the same")
        yard.t += 1.5 * DAY_S
        await yard.ended("frame-0002", b"the same")
        yard.t += 1 * DAY_S
        await yard.queue.tidy()
        assert len(yard.files()) == 1
        yard.t += 1.5 * DAY_S
        await yard.queue.tidy()
        assert yard.files() == []

    yard.run(test)


def test_over_the_byte_budget_the_oldest_ended_go_first(yard: Yard) -> None:
    async def test() -> None:
        big = [bytes([n]) * 3_000_000 for n in range(4)]  # 12 MB of 10 MB
        for n in range(3):
            await yard.ended(f"frame-{n:04}", big[n])
            yard.t += 10
        await yard.queue.put(make_job("frame-0009", data=big[3]), big[3])
        await yard.queue.tidy()
        assert big[3] in [file.read_bytes() for file in yard.files()]
        assert sum(file.stat().st_size for file in yard.files()) <= 8_000_000

    yard.run(test)


def test_dead_letters_keep_their_picture_until_they_are_forgotten(yard: Yard) -> None:
    async def test() -> None:
        await yard.queue.put(make_job(data=b"poison"), b"poison")
        claim = await yard.queue.take(0)
        assert claim is not None
        await yard.queue.bury(claim, "poison")
        yard.t += 9 * DAY_S
        await yard.queue.tidy()
        assert len(yard.files()) == 1
        yard.t += 2 * DAY_S
        await yard.queue.tidy()
        assert yard.files() == []
        assert await yard.queue.dead() == []

    yard.run(test)


@pytest.mark.parametrize("key", ["../../etc/passwd", "a/b", "", "ab", "x" * 200, ".hidden", "name.part"])
def test_keys_that_are_no_names_of_files(tmp_path: Path, key: str) -> None:
    with pytest.raises(InputError, match="a picture's key"):
        Blobs(tmp_path).keep(key, b"x")


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    blobs = Blobs(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        blobs.keep("a" * 64, b"x")
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_taking_walks_along_its_index(yard: Yard) -> None:
    """However many jobs have ended or wait for later, the next one is found by one step of an index."""
    now = yard.t
    waits = sa.select(jobs).where(jobs.c.state == "waiting")
    back = sa.select(jobs).where(jobs.c.state.in_(("delayed", "taken")), jobs.c.due <= now)
    for query in (waits.order_by(jobs.c.priority, jobs.c.queued, jobs.c.number).limit(1), back):
        text = str(query.compile(yard.db._engine, compile_kwargs={"literal_binds": True}))
        with yard.db.reading() as db:
            plan = " ".join(row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"))
        assert "SEARCH cloud_jobs USING INDEX cloud_jobs_" in plan
        assert "TEMP B-TREE" not in plan


def test_a_job_of_another_version_is_put_aside(yard: Yard) -> None:
    async def test() -> None:
        await yard.queue.put(make_job("frame-0001", priority=0), None)
        with yard.db.writing() as db:
            document = '{"id": "field-1/frame-0001", "something": "new"}'
            db.execute(sa.update(jobs).values(document=document))
        await yard.queue.put(make_job("frame-0002"), None)
        claim = await yard.queue.take(0)
        assert claim is not None
        assert claim.job.id == "field-1/frame-0002"
        assert await yard.queue.take(0) is None
        assert (await yard.queue.depth()).waiting == 1

    yard.run(test)


WORKER = """
import asyncio, sys, time
from pathlib import Path
from cloud_adapter.database import CloudDatabase, address_in
from cloud_adapter.queue.embedded import EmbeddedJobQueue
async def main():
    folder = Path(sys.argv[1])
    queue = EmbeddedJobQueue(CloudDatabase(address_in(folder)), folder / "pictures", now=time.time)
    while (claim := await queue.take(0.5)) is not None:
        assert await queue.picture(claim.job.picture) == claim.job.id.encode()
        print(claim.job.id, flush=True)
        await queue.done(claim)
asyncio.run(main())
"""


def test_worker_processes_share_one_queue(tmp_path: Path) -> None:
    db = CloudDatabase(address_in(tmp_path))
    queue = EmbeddedJobQueue(db, tmp_path / "pictures", now=lambda: 1000.0)
    names = [f"frame-{n:04}" for n in range(60)]

    async def fill() -> None:
        for name in names:
            data = f"field-1/{name}".encode()
            await queue.put(make_job(name, data=data), data)

    asyncio.run(fill())
    words = [sys.executable, "-c", WORKER, str(tmp_path)]
    workers = [subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [worker.communicate(timeout=120)[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert sorted(id_ for part in said for id_ in part) == [f"field-1/{name}" for name in names]
    db.close()
