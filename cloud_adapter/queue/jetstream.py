"""The queue of several machines: NATS JetStream.

`PREFIX.jobs.N.S`    a work queue stream with one consumer per priority N: a job leaves it when it has ended (S: the size of
                     its picture in units of 8 KiB, so that the server can add up how much waits)
`PREFIX_pictures`    an object store
`PREFIX.ids.KEY`     what became of each job, for `remember_days`: an upload is known long after the de-duplication window
`PREFIX.held.KEY`    jobs that were given back for later (they count as waiting, not as taken)
`PREFIX.dead.KEY`    the dead letter

KEY is a hash of the job's id, for ids may have characters that subjects may not. Each step leaves a state from which
the next try goes on: picture, message (with `Nats-Msg-Id`), note; or note, then the acknowledgement, which waits for the
server's word. https://docs.nats.io/nats-concepts/jetstream
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloud_adapter.queue.base import UNREADABLE, UNREADABLE_S, Buried, Claim, Depth, MissingPictureError
from cloud_adapter.queue.blobs import checked
from cloud_adapter.queue.jetstream_link import REQUEST_S, Link, Marks
from cloud_adapter.queue.jetstream_pictures import Pictures
from cloud_adapter.queue.settings import DAY_S, JetStreamQueue
from cloud_adapter.records import Job
from vision.errors import StoreError

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

_log = logging.getLogger("sightline.cloud.queue")
POLL_S = 0.5
WINDOW_S = 600.0  # within it the server itself knows a repeated message
_PRIORITIES = range(10)
_UNIT = 8192


@dataclass(frozen=True, slots=True)
class _Handle:
    message: Msg
    key: str
    note: dict[str, Any]


class JetStreamJobQueue:
    """`JobQueue` on a NATS server or cluster."""

    def __init__(self, settings: JetStreamQueue, *, now: Callable[[], float]) -> None:
        self._settings, self._now = settings, now
        self.max_tries, self.lease_s = settings.max_tries, settings.lease_s
        self._link = Link(settings)
        self._ids = Marks(self._link, "ids", settings.remember_s)
        self._held = Marks(self._link, "held")
        self._dead = Marks(self._link, "dead", settings.remember_s)
        self._pictures = Pictures(self._link)
        self._stream, self._subject = f"{settings.prefix}_jobs", f"{settings.prefix}.jobs"
        self._came = asyncio.Event()
        self._ready = False
        self._making = asyncio.Lock()

    async def _js(self) -> JetStreamContext:
        """JetStream with all streams in place."""
        if not self._ready:
            async with self._making:
                if not self._ready:
                    await self._create()
                    self._ready = True
        return await self._link.js()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of NATS become `StoreError`; after one, the streams are looked for again: the server may be a new one."""
        try:
            with self._link.told():
                yield
        except StoreError:
            self._ready = False
            raise

    async def _create(self) -> None:
        await self._link.stream(
            name=self._stream,
            subjects=[f"{self._subject}.*.*"],
            retention="workqueue",
            storage="file",
            duplicate_window=WINDOW_S,
        )
        from nats.js.api import AckPolicy, ConsumerConfig

        js = await self._link.js()
        for priority in _PRIORITIES:
            consumer = ConsumerConfig(
                durable_name=f"p{priority}",
                filter_subject=f"{self._subject}.{priority}.*",
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=self._settings.lease_s,
                max_deliver=-1,  # tries are counted here: holding a job is none
                max_ack_pending=-1,
            )
            await js.add_consumer(self._stream, consumer)
        for marks in (self._ids, self._held, self._dead):
            await marks.create()
        await self._pictures.create()

    async def put(self, job: Job, picture: bytes | None) -> bool:
        """Keep picture and job durably."""
        key = _key(job.id)
        with self._told():
            await self._js()
            if await self._ids.get(key) is not None:
                return False
            if picture is not None and job.picture is not None:
                await self._pictures.put(checked(job.picture), picture, self._now())
            size = -(-len(picture or b"") // _UNIT)
            new = await self._send(job, size, key)
            # A worker may have ended it by now: its note stands.
            await self._ids.put(key, self._note("waiting", job), first=True)
        self._came.set()
        return new

    async def _send(self, job: Job, size: int, once: str) -> bool:
        """Put the message; False where the server knows this one."""
        js = await self._js()
        subject = f"{self._subject}.{job.priority}.{size}"
        sent = await js.publish(subject, job.model_dump_json().encode(), headers={"Nats-Msg-Id": once})
        return not sent.duplicate

    async def picture(self, key: str) -> bytes:
        """A job's picture."""
        with self._told():
            await self._js()
            data = await self._pictures.get(checked(key))
        if data is None:
            raise MissingPictureError(f"the picture {key} is not in NATS {self._link.shown}")
        return data

    async def take(self, wait_s: float) -> Claim | None:
        """The next job."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while True:
            self._came.clear()
            with self._told():
                claim = await self._take()
            left = until - loop.time()
            if claim is not None or left <= 0:
                return claim
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, POLL_S)):
                    await self._came.wait()

    async def _take(self) -> Claim | None:
        for priority in sorted({priority for priority, _ in await self._waiting()}):
            while (message := await self._next(priority)) is not None:
                claim = await self._claim(message)
                if claim is not None:
                    return claim
        return None

    async def _waiting(self) -> dict[tuple[int, int], int]:
        """(priority, size in units) -> how many jobs are in the stream."""
        js = await self._js()
        info = await js.stream_info(self._stream, subjects_filter=f"{self._subject}.>")
        subjects = info.state.subjects or {}
        tokens = {subject: subject.removeprefix(f"{self._subject}.").split(".") for subject in subjects}
        return {(int(tokens[subject][0]), int(tokens[subject][1])): count for subject, count in subjects.items()}

    async def _next(self, priority: int) -> Msg | None:
        """One message, without waiting: a request that is still open when its asker is killed would cost a lease."""
        client = await self._link.client()
        inbox = client.new_inbox()
        answers = await client.subscribe(inbox)  # of its own: a job comes under the subject it was put with
        try:
            ask = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.p{priority}"
            await client.publish(ask, b'{"batch":1,"no_wait":true}', reply=inbox)
            message = await answers.next_msg(REQUEST_S)
        finally:
            await answers.unsubscribe()
        return None if message.headers and "Status" in message.headers else message

    async def _claim(self, message: Msg) -> Claim | None:
        try:
            job = Job.model_validate_json(message.data)
        except ValueError:
            _log.error("%s", UNREADABLE.format(f"number {message.metadata.sequence.stream}"))
            await self._put_aside(message, _key(message.data.decode(errors="replace")), UNREADABLE_S)
            return None
        key = _key(job.id)
        note = await self._ids.get(key) or self._note("waiting", job)
        if note["state"] in {"done", "dead"}:  # sent twice, or its acknowledgement was lost
            await self._say(message, b"+ACK")
            return None
        delivered = message.metadata.num_delivered or 1
        if delivered > 1:
            await self._held.remove(key)
        return Claim(job, max(1, delivered - note.get("uncounted", 0)), _Handle(message, key, note))

    async def touch(self, claim: Claim) -> None:
        """Renew the lease."""
        with self._told():
            await self._js()
            await self._say(claim.handle.message, b"+WPI")

    async def done(self, claim: Claim) -> None:
        """The job has ended well."""
        handle: _Handle = claim.handle
        with self._told():
            await self._js()
            await self._ids.put(handle.key, self._note("done", claim.job))
            if claim.tries > 1 or "revived" in handle.note:  # a burial that was cut short has left its letter
                await self._dead.remove(handle.key)
            await self._say(handle.message, b"+ACK")

    async def retry(self, claim: Claim, delay_s: float, reason: str) -> None:
        """Give it back."""
        if claim.tries >= self.max_tries:
            return await self.bury(claim, reason)
        return await self._later(claim, delay_s)

    async def hold(self, claim: Claim, until: float, reason: str) -> None:
        """Put it aside; this try does not count."""
        handle: _Handle = claim.handle
        with self._told():
            await self._js()
            await self._ids.put(handle.key, {**handle.note, "uncounted": handle.note.get("uncounted", 0) + 1})
        await self._later(claim, until - self._now())

    async def _later(self, claim: Claim, delay_s: float) -> None:
        handle: _Handle = claim.handle
        with self._told():
            await self._js()
            await self._put_aside(handle.message, handle.key, delay_s)

    async def _put_aside(self, message: Msg, key: str, delay_s: float) -> None:
        await self._held.put(key, {"until": self._now() + delay_s, "key": key})
        await self._say(message, b'-NAK {"delay": %d}' % max(1, int(delay_s * 1e9)))

    async def bury(self, claim: Claim, reason: str) -> None:
        """Into the dead letter."""
        handle: _Handle = claim.handle
        letter = {"job": claim.job.model_dump_json(), "reason": reason, "tries": claim.tries, "at": self._now()}
        letter["size"] = int(handle.message.subject.rpartition(".")[2])
        with self._told():
            await self._js()
            await self._dead.put(handle.key, letter)
            await self._ids.put(handle.key, self._note("dead", claim.job))
            await self._say(handle.message, b"+ACK")

    async def dead(self, limit: int = 100) -> Sequence[Buried]:
        """The dead letter, newest first."""
        with self._told():
            await self._js()
            letters = [letter async for letter in self._dead.all()][-limit:]
        buried = [Buried(Job.model_validate_json(m["job"]), m["reason"], m["tries"], m["at"]) for m in letters]
        return buried[::-1]

    async def revive(self, job_id: str) -> bool:
        """From the dead letter back to the end of the queue."""
        key = _key(job_id)
        with self._told():
            await self._js()
            letter = await self._dead.get(key)
            if letter is None:
                return False
            job = Job.model_validate_json(letter["job"])
            await self._ids.put(key, {**self._note("waiting", job), "revived": letter["at"]})
            await self._send(job, letter.get("size", 0), f"{key}.{letter['at']}")
            await self._dead.remove(key)
        self._came.set()
        return True

    async def depth(self) -> Depth:
        """How much waits."""
        with self._told():
            js = await self._js()
            waiting = await self._waiting()
            consumers = await js.consumers_info(self._stream)
            later, dead = await self._held.count(), await self._dead.count()
        taken = max(0, sum(consumer.num_ack_pending or 0 for consumer in consumers) - later)
        size = sum(units * _UNIT * count for (_, units), count in waiting.items())
        return Depth(max(0, sum(waiting.values()) - taken), taken, dead, size)

    async def tidy(self) -> None:
        """Remove pictures that have had their time, and those that belong to no job; notes and letters end by themselves."""
        with self._told():
            await self._js()
            ended: dict[str, float] = {}  # picture -> when the last job that has it ended; inf: it is still wanted
            async for note in self._ids.all():
                picture = note.get("picture")
                if picture is not None:
                    end = note["at"] if note["state"] == "done" else float("inf")
                    ended[picture] = max(end, ended.get(picture, 0.0))
            await self._pictures.tidy(ended, self._now(), self._settings)
            lost = [note["key"] async for note in self._held.all() if note["until"] < self._now() - DAY_S]
            for key in lost:  # taken and ended while the server forgot how often it was delivered
                await self._held.remove(key)

    async def _say(self, message: Msg, word: bytes) -> None:
        """An acknowledgement that waits for the server's word; repeating it does no harm."""
        client = await self._link.client()
        await client.request(message.reply, word, timeout=REQUEST_S)

    async def close(self) -> None:
        """Let the connection go."""
        await self._link.close()

    def _note(self, state: str, job: Job) -> dict[str, Any]:
        return {"state": state, "id": job.id, "picture": job.picture, "at": self._now()}


def _key(job_id: str) -> str:
    return hashlib.sha256(job_id.encode()).hexdigest()[:32]
