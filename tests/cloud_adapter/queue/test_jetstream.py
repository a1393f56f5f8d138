"""The NATS queue's own: a server that is killed, frozen, away or new; the de-duplication window; what is removed when."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cloud_adapter.queue import jetstream
from cloud_adapter.queue.base import Claim, MissingPictureError
from cloud_adapter.queue.jetstream import JetStreamJobQueue
from cloud_adapter.queue.jetstream_pictures import ORPHAN_S
from cloud_adapter.queue.settings import DAY_S, JetStreamQueue
from tests.cloud_adapter.making import make_job
from tests.peers.mosquitto import free_port
from tests.peers.nats import NatsServer
from vision.delivery.env import AddressText, SecretText
from vision.errors import StoreError

DEADLINE_S = 60.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    with NatsServer(tmp_path / "nats") as running:
        yield running


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connecting to a server that is not there is given up sooner; tests try again anyway."""
    monkeypatch.setattr("cloud_adapter.queue.jetstream_link.CONNECT_S", 1.5)


class Yard:
    """Queues on one server, closed at the end; `ahead` puts their clock forward."""

    def __init__(self, server: NatsServer) -> None:
        self.server, self.ahead = server, 0.0
        self.queues: list[JetStreamJobQueue] = []

    def open(self, **settings: Any) -> JetStreamJobQueue:
        common = {"type": "jetstream", "servers": [AddressText(self.server.address)], "lease_s": 60}
        made = JetStreamQueue.model_validate(common | settings)
        self.queues.append(JetStreamJobQueue(made, now=lambda: time.time() + self.ahead))
        return self.queues[-1]

    def run(self, test: Callable[[], Awaitable[None]]) -> None:
        async def bounded() -> None:
            try:
                await asyncio.wait_for(test(), 2 * DEADLINE_S)
            finally:
                for queue in self.queues:
                    await queue.close()

        asyncio.run(bounded())


async def persist(act: Callable[[], Awaitable[Any]]) -> Any:
    """Repeat until the server is there again."""
    until = time.monotonic() + DEADLINE_S
    while True:
        try:
            return await act()
        except StoreError:
            assert time.monotonic() < until, "the server did not come back"
            await asyncio.sleep(0.1)


async def taken(queue: JetStreamJobQueue) -> Claim:
    until = time.monotonic() + DEADLINE_S
    while (claim := await persist(lambda: queue.take(1.0))) is None:
        assert time.monotonic() < until, "no job came"
    assert isinstance(claim, Claim)
    return claim


def test_a_killed_server_loses_nothing_that_was_acknowledged(server: NatsServer) -> None:
    yard = Yard(server)

    async def test() -> None:
        queue = yard.open()
        for n in range(10):
            await queue.put(make_job(f"frame-{n:04}", data=b"%d" % n), b"%d" % n)
        held = await taken(queue)
        server.kill()
        with pytest.raises(StoreError, match="NATS"):
            await queue.put(make_job("frame-0099"), None)
        server.start()
        await persist(lambda: queue.done(held))  # the same connection, made again by itself
        assert await persist(lambda: queue.put(make_job("frame-0003", data=b"3"), b"3")) is False
        seen = {held.job.id}
        for _ in range(9):
            claim = await taken(queue)
            assert claim.job.picture is not None
            assert await queue.picture(claim.job.picture) == claim.job.id[-1].encode()
            await queue.done(claim)
            seen.add(claim.job.id)
        assert len(seen) == 10
        assert await queue.take(0) is None

    yard.run(test)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    yard = Yard(NatsServer(tmp_path, port=free_port()))

    async def test() -> None:
        queue = yard.open()
        with pytest.raises(StoreError, match="NATS nats://127"):
            await queue.put(make_job(), None)
        yard.server.start()  # it comes later
        assert await persist(lambda: queue.put(make_job(), None)) is True

    try:
        yard.run(test)
    finally:
        yard.server.stop()


def test_a_server_that_hangs_is_told_of(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    yard = Yard(server)
    monkeypatch.setattr("cloud_adapter.queue.jetstream_link.REQUEST_S", 0.5)
    monkeypatch.setattr(jetstream, "REQUEST_S", 0.5)

    async def test() -> None:
        queue = yard.open()
        await persist(queue.depth)
        server.suspend()
        try:
            with pytest.raises(StoreError, match="no answer in time"):
                await queue.depth()
        finally:
            server.resume()
        await persist(queue.depth)

    yard.run(test)


def test_a_server_that_lost_its_disk_is_set_up_anew(server: NatsServer, tmp_path: Path) -> None:
    yard = Yard(server)

    async def test() -> None:
        import shutil

        queue = yard.open()
        await queue.put(make_job(), None)
        server.stop()
        shutil.rmtree(tmp_path / "nats" / "store")
        server.start()
        assert await persist(lambda: queue.put(make_job(), None)) is True  # not known any more
        await queue.done(await taken(queue))

    yard.run(test)


def test_passwords_are_used_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_PASSWORD", "s3cret-Word")
    monkeypatch.setenv("NATS_WRONG", "other-Word-1")
    with NatsServer(tmp_path / "nats", user="agent", password="s3cret-Word") as server:
        yard = Yard(server)

        async def test() -> None:
            good = yard.open(user="agent", password=SecretText("${NATS_PASSWORD}"))
            assert await persist(lambda: good.put(make_job(), None)) is True
            bad = yard.open(user="agent", password=SecretText("${NATS_WRONG}"))
            with pytest.raises(StoreError) as told:
                await bad.depth()
            assert "Word" not in str(told.value)

        yard.run(test)


def test_addresses_with_a_password_are_refused() -> None:
    with pytest.raises(ValidationError, match="password"):
        JetStreamQueue.model_validate({"type": "jetstream", "servers": ["nats://agent:secret@host:4222"]})
    with pytest.raises(ValidationError, match="nats://"):
        JetStreamQueue.model_validate({"type": "jetstream", "servers": ["http://host:4222"]})


def test_a_repeat_after_the_window_of_the_server_is_known(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jetstream, "WINDOW_S", 0.2)
    yard = Yard(server)

    async def test() -> None:
        queue = yard.open()
        await queue.put(make_job(), None)
        await asyncio.sleep(0.5)  # the server has forgotten the message id
        assert await queue.put(make_job(), None) is False
        await queue.done(await taken(queue))
        await asyncio.sleep(0.5)
        assert await queue.put(make_job(), None) is False
        assert await queue.take(0) is None

    yard.run(test)


def test_killed_between_message_and_note(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The intake dies before the id is noted; the device sends again: within the window the server knows the message."""
    yard = Yard(server)

    async def test() -> None:
        queue = yard.open()

        async def dies(*_: object, **__: object) -> bool:
            raise StoreError("killed")

        with monkeypatch.context() as patch:
            patch.setattr(queue._ids, "put", dies)
            with pytest.raises(StoreError):
                await queue.put(make_job(data=b"x"), b"x")
        assert await queue.put(make_job(data=b"x"), b"x") is False
        await queue.done(await taken(queue))
        assert await queue.take(0) is None

    yard.run(test)


def test_killed_between_note_and_acknowledgement(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    yard = Yard(server)

    async def test() -> None:
        queue = yard.open(lease_s=5)

        async def dies(*_: object) -> None:
            raise StoreError("killed")

        for end in ("done", "bury"):
            await queue.put(make_job(f"frame-{end}"), None)
            claim = await taken(queue)
            with monkeypatch.context() as patch:
                patch.setattr(queue, "_say", dies)
                with pytest.raises(StoreError):
                    await (queue.done(claim) if end == "done" else queue.bury(claim, "poison"))
        until = time.monotonic() + DEADLINE_S
        while (await queue.depth()).taken:  # the messages come again and are dropped by what was noted
            assert await queue.take(0.2) is None
            assert time.monotonic() < until
        assert [letter.job.id for letter in await queue.dead()] == ["field-1/frame-bury"]

    yard.run(test)


def test_a_job_of_another_version_is_put_aside(server: NatsServer) -> None:
    yard = Yard(server)

    async def test() -> None:
        queue = yard.open()
        js = await queue._js()
        await js.publish("sightline.jobs.0.0", b'{"id": "d/frame", "something": "new"}')
        await queue.put(make_job(), None)
        assert (await taken(queue)).job == make_job()
        depth = await queue.depth()
        assert (depth.waiting, depth.taken) == (1, 1)

    yard.run(test)


def test_two_deployments_share_a_cluster(server: NatsServer) -> None:
    yard = Yard(server)

    async def test() -> None:
        north, south = yard.open(prefix="north"), yard.open(prefix="south")
        await north.put(make_job(), None)
        assert (await south.depth()).waiting == 0
        assert await south.put(make_job(), None) is True

    yard.run(test)


def test_what_is_removed_when(server: NatsServer) -> None:
    yard = Yard(server)

    async def test() -> None:
        queue = yard.open(keep_pictures_days=2)
        ended, waiting, dead = (
            make_job(name, data=name.encode()) for name in ("frame-end", "frame-wait", "frame-dead")
        )
        for job, word in ((ended, "done"), (dead, "bury"), (waiting, "")):
            await queue.put(job, job.id[8:].encode())
            if word:
                claim = await taken(queue)
                await (queue.done(claim) if word == "done" else queue.bury(claim, "poison"))
        await queue._pictures.put("f" * 64, b"belongs to nobody", time.time())
        await queue.tidy()
        for key in (ended.picture, waiting.picture, dead.picture, "f" * 64):
            assert key is not None
            assert await queue.picture(key)  # the orphan is young
        yard.ahead = ORPHAN_S + 60
        await queue.tidy()
        assert ended.picture is not None
        assert await queue.picture(ended.picture)
        with pytest.raises(MissingPictureError):
            await queue.picture("f" * 64)
        yard.ahead = 3 * DAY_S
        await queue.tidy()
        with pytest.raises(MissingPictureError):
            await queue.picture(ended.picture)
        for job in (waiting, dead):
            assert job.picture is not None
            assert await queue.picture(job.picture)
        js = await queue._js()
        info = await js.stream_info(queue._pictures._stream, subjects_filter=">")
        assert len(info.state.subjects or {}) == 4  # two pictures, each chunk and description: no gravestones

    yard.run(test)


def test_pieces_of_a_picture_whose_sender_was_killed(server: NatsServer) -> None:
    yard = Yard(server)

    async def test() -> None:
        queue = yard.open()
        await queue.put(make_job(data=b"x"), b"x")
        js = await queue._js()
        await js.publish("$O.sightline_pictures.C.nobody", b"half a picture")
        await queue.tidy()  # somebody may be writing it
        subjects = (await js.stream_info(queue._pictures._stream, subjects_filter=">")).state.subjects or {}
        assert "$O.sightline_pictures.C.nobody" in subjects
        await queue.tidy()
        subjects = (await js.stream_info(queue._pictures._stream, subjects_filter=">")).state.subjects or {}
        assert len(subjects) == 2

    yard.run(test)


def test_over_the_byte_budget_the_oldest_ended_go_first(server: NatsServer) -> None:
    yard = Yard(server)

    async def test() -> None:
        queue = yard.open(max_picture_bytes=10_000_000)
        keys = []
        for n in range(4):
            data = bytes([n]) * 3_000_000
            job = make_job(f"frame-{n:04}", data=data)
            await queue.put(job, data)
            keys.append(job.picture)
            if n < 3:
                await queue.done(await taken(queue))
        yard.ahead = ORPHAN_S + 60
        await queue.tidy()
        there = []
        for key in keys:
            assert key is not None
            try:
                await queue.picture(key)
            except MissingPictureError:
                there.append(False)
            else:
                there.append(True)
        assert there == [False, False, True, True]

    yard.run(test)
