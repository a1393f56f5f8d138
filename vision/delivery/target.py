"""One target of the outbox: its own queue, pace and troubles, so that a dead receiver holds up nobody else.

While a target fails, one message at a time is tried, at full-jitter intervals: an outage costs a few requests, not one for
each waiting message. Of what waits the least tried goes first, so that one message that a receiver chokes on does not
keep the others. What is pending, held, sent or dead lies in the store and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from vision.delivery.backoff import full_jitter
from vision.delivery.health import Health, Pace
from vision.delivery.pictures import evidence_file
from vision.delivery.policy import group_target, merged_delivery, most_telling
from vision.delivery.records import Delivery
from vision.delivery.senders.base import Disabled, Message, Refused, Retry, Sender, SendError
from vision.delivery.store import Store
from vision.errors import SightlineError, StoreError

__all__ = ["Pace", "Target", "told"]

_log = logging.getLogger("sightline.outbox")
_T = TypeVar("_T")
_FETCH = 100
_SOON_S = 0.25
_BUSY_S = 1.0
_STEP_S = 5.0


class Target:
    """Sends what the store holds for one name through one sender; lives in one event loop."""

    def __init__(
        self,
        name: str,
        sender: Sender[Any],
        store: Store,
        *,
        clock: Callable[[], float],
        random: Callable[[], float],
        pace: Pace,
        begun: Callable[[Target], None] = lambda _: None,
    ) -> None:
        """`begun` is called once the sender has started."""
        self.name, self.sender, self.started = name, sender, False
        self._draining, self._leaving = False, False
        self._store, self._clock, self._random, self._pace, self._begun = store, clock, random, pace, begun
        own = getattr(sender.params, "timeout_s", None)  # a sender with a limit of its own tells better what was slow
        self._deadline_s = pace.deadline_s if own is None else max(pace.deadline_s, own + 5.0)
        self._pictures = type(sender).picture is not Sender.picture
        self._wake = asyncio.Event()
        self._ready: deque[Delivery] = deque()
        self._in_flight: dict[int, asyncio.Task[None]] = {}
        self._owed: dict[int, Callable[[], object]] = {}  # what became of a message, where the store could not take it
        self._notes: set[asyncio.Future[Any]] = set()
        self._health = Health(name, pace, sender.params.expire_s, clock, random)
        sender.reachable = self._reachable
        self._merged_at, self._last = 0.0, math.inf
        self._shown = ""  # the snapshot shown last

    def status(self) -> str:
        """`ok`, or what is wrong."""
        return self._health.status()

    def wake(self) -> None:
        """There may be something to do. Only in the target's loop."""
        self._wake.set()

    def drain(self, *, begin: bool) -> None:
        """Come to an end: `begin` what is due until nothing is, or only finish what has begun."""
        self._draining, self._leaving = True, not begin
        self._wake.set()

    def _reachable(self) -> None:
        """The sender has its connection again: what waits need not wait for the next probe."""
        self._health.probe_now()
        self._wake.set()

    def revive(self) -> None:
        """The config was loaded anew: a target that was stopped is tried again, one that fails is tried now."""
        self._health.revive()
        self._wake.set()

    async def run(self) -> None:
        """Send until drained, or until cancelled."""
        try:
            while True:
                wait = await self._turn()
                if (
                    self._draining
                    and not self._in_flight
                    and (wait > 0 or self._health.failing or self._health.stopped)
                ):
                    return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):  # wait_for loses a cancel that comes together with the wake
                        await self._wake.wait()
                self._wake.clear()
        finally:
            for task in self._in_flight.values():
                task.cancel()
            await asyncio.gather(*self._in_flight.values(), *self._notes, return_exceptions=True)

    async def settle(self) -> None:
        """Send all that is due by the clock, and return; for tests with a clock of their own."""
        while True:
            self._wake.clear()
            wait = await self._turn()
            if not self._in_flight and wait > 0:
                return
            if self._in_flight:
                await self._wake.wait()

    # -- one turn: what is owed, what is to be merged, what is due

    async def _turn(self) -> float:
        """Start what may be started; seconds until there may be more, if nobody wakes us."""
        if self._health.stopped or self._leaving:
            return self._pace.poll_s
        try:
            if not await self._ready_to_send():
                return self._health.probe_wait_s
            await self._pay()
            await self._mind_the_clock()
            waiting = await self._fill()
            self._health.store_works()
        except StoreError as error:
            self._health.store_failed(error)
            return full_jitter(2, self._random, base_s=self._pace.store_retry_s, floor_s=_SOON_S)
        return waiting

    async def _ready_to_send(self) -> bool:
        if self.started:
            return True
        if self._health.failing and self._health.probe_wait_s > 0:
            return False
        try:
            async with asyncio.timeout(self._deadline_s):
                await self.sender.start()
        except Exception as error:  # noqa: BLE001  # a sender's fault must not end the outbox
            self._health.failed(told(error), None, probe=True)
            return False
        self.started = True
        self._health.begun()
        self._begun(self)
        return True

    async def _mind_the_clock(self) -> None:
        """After the clock was set back, what was committed "in the future" would wait until that time comes again."""
        now, last = self._clock(), self._last
        self._last = now
        if now > last - _STEP_S:
            return
        self._health.probe_now()
        for waiting in await self._ask(self._store.deliveries, target=self.name, states=("pending",)):
            if min(waiting.created, waiting.next_at) > now:
                await self._ask(self._store.retry, waiting.number, now, waiting.error or "the clock was set back")

    async def _fill(self) -> float:
        """Start sends while there is room; seconds until there may be more to start."""
        if not self._health.failing:
            await self._merge()
        elif self._in_flight:
            return self._pace.poll_s  # one probe at a time; its end wakes us
        elif (wait := self._health.probe_wait_s) > 0:
            return wait
        room = 1 if self._health.failing else self._pace.concurrent
        while len(self._in_flight) < room:
            delivery = await self._next()
            if delivery is None:
                break
            self._begin(delivery)
        return await self._until_next()

    async def _next(self) -> Delivery | None:
        """What goes next; the expired are put aside on the way."""
        while True:
            if not self._ready:
                busy = self._in_flight.keys() | self._owed.keys()  # before asking: some may end meanwhile
                due = await self._ask(self._store.due, self._clock(), limit=_FETCH, target=self.name)
                self._ready.extend(d for d in due if d.number not in busy)
            if not self._ready and not (self._health.failing and await self._only_held()):
                return None
            if not self._ready:
                continue
            delivery = self._ready[0]
            if self._health.failing:
                delivery = min(self._ready, key=lambda d: (d.attempts, d.number))
            self._ready.remove(delivery)
            if self._clock() < delivery.expires:
                return delivery
            await self._ask(self._store.give_up, delivery.number, delivery.error or "expired", expired=True)
            self._health.expires()

    async def _only_held(self) -> bool:
        """While the target fails, what is held stays so and grows into one message, unless that is all there is to try."""
        if await self._ask(self._store.deliveries, target=self.name, states=("pending",), limit=1):
            return False
        return await self._merge()

    async def _merge(self) -> bool:
        """What was held, where the window has ended, becomes one message; whether there was any."""
        now, any_held = self._clock(), False
        if self._ready and abs(now - self._merged_at) < _SOON_S:
            return False  # busy sending: a look now and then will do
        self._merged_at = now
        for group in await self._ask(self._store.groups_due, now):
            if group_target(group) != self.name:
                continue
            held = await self._ask(self._store.group, group)
            newest = await self._ask(self._store.newest_in_group, group)
            if held:
                lead = newest.event_id if newest is not None else held[0].event_id
                best = most_telling(held)
                stored = await self._ask(self._store.event, best.event_id)  # by now it may have its picture and words
                payload = best.payload if stored is None else stored.event.to_dict()
                delivery = merged_delivery(held, payload, lead, self.sender.params, now)
                await self._ask(self._store.merge, group, [d.number for d in held], delivery, lead, now)
                any_held = True
        return any_held

    async def _until_next(self) -> float:
        if self._in_flight:
            return min(_BUSY_S, self._pace.poll_s)  # its end wakes us, unless it is slow and a retry comes before
        at = await self._ask(self._store.next_due, self.name)
        wait = self._pace.poll_s if at is None else max(_SOON_S, min(at - self._clock(), self._pace.poll_s))
        return max(wait, self._health.probe_wait_s) if self._health.failing else wait

    # -- one message

    def _begin(self, delivery: Delivery) -> None:
        task = asyncio.create_task(self._deliver(delivery, probe=self._health.failing))
        self._in_flight[delivery.number] = task
        task.add_done_callback(partial(self._ended, delivery.number))

    def _ended(self, number: int, task: asyncio.Task[None]) -> None:
        self._in_flight.pop(number, None)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("target %s: %s", self.name, told(error), extra={"target": self.name})

    async def _deliver(self, delivery: Delivery, *, probe: bool) -> None:
        message = _message(delivery)
        number, now = delivery.number, self._clock
        try:
            async with asyncio.timeout(self._deadline_s):
                await self.sender.send(message)
        except Refused as error:
            self._health.refused(str(error))
            await self._note(number, partial(self._store.give_up, number, str(error)))
        except Disabled as error:
            self._health.stops(str(error))
            self._ready.clear()
            await self._note(number, partial(self._store.retry, number, now(), str(error)))
        except Exception as error:  # noqa: BLE001  # whatever a sender does wrong, the message is kept
            after = error.after_s if isinstance(error, Retry) else None
            reason = f"no end within {self._deadline_s:g} s" if isinstance(error, TimeoutError) else told(error)
            self._health.failed(reason, after, probe=probe)
            self._ready.clear()
            wait = full_jitter(delivery.attempts + 1, self._random, base_s=self._pace.base_s, cap_s=self._pace.cap_s)
            at = min(now() + max(wait, after or 0.0), delivery.expires)
            await self._note(number, partial(self._store.retry, number, at, reason))
        else:
            await self._note(number, partial(self._store.sent, number, now()))
            if self._health.reached():
                with contextlib.suppress(StoreError):  # then what waits for a retry goes at its own time
                    await self._ask(self._store.release, self.name, now())
            await self._show(message)

    async def _show(self, message: Message) -> None:
        """The picture of the event, for receivers that show pictures; its loss is no failure."""
        path = (message.event.get("evidence") or {}).get("snapshot")
        if not self._pictures or not path or path == self._shown:
            return
        file = await asyncio.to_thread(evidence_file, self.sender.context.evidence, path)
        if file is None:
            return
        try:
            async with asyncio.timeout(self._deadline_s):
                await self.sender.picture(str(message.event["camera"]), await asyncio.to_thread(file.read_bytes))
            self._shown = path
        except Exception as error:  # noqa: BLE001  # see above
            _log.debug("target %s: picture not shown: %s", self.name, told(error), extra={"target": self.name})

    # -- the store, in a thread

    async def _ask(self, call: Callable[..., _T], *args: Any, **options: Any) -> _T:
        return await asyncio.to_thread(call, *args, **options)

    async def _note(self, number: int, call: Callable[[], object]) -> None:
        """Write down what became of a message, also while being cancelled; what cannot be written is owed."""
        self._owed[number] = call
        noting = asyncio.ensure_future(asyncio.to_thread(self._settle_debt, number))
        self._notes.add(noting)
        noting.add_done_callback(self._noted)
        with contextlib.suppress(StoreError):
            await asyncio.shield(noting)

    def _noted(self, noting: asyncio.Future[Any]) -> None:
        self._notes.discard(noting)
        if not noting.cancelled():
            noting.exception()  # seen: it is owed still

    async def _pay(self) -> None:
        for number in list(self._owed):
            if number not in self._in_flight:
                await self._ask(self._settle_debt, number)

    def _settle_debt(self, number: int) -> None:
        """In a thread: the call, and the debt is gone if it went well."""
        call = self._owed.get(number)
        if call is not None:
            call()
            self._owed.pop(number, None)


def _message(delivery: Delivery) -> Message:
    event = dict(delivery.payload)
    return Message(
        id=delivery.id,
        stage=delivery.stage,
        subject=delivery.event_id,
        merged=event.pop("merged", None),
        event=event,
        created=delivery.created,
        attempt=delivery.attempts + 1,
    )


def told(error: BaseException) -> str:
    """The reason for logs: the text of errors that are meant to be read, of others only what and where."""
    if isinstance(error, (SendError, SightlineError)):
        return str(error)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" in {trace.tb_frame.f_code.co_name}, line {trace.tb_lineno}"
    return f"internal error {type(error).__name__}{where}"
