"""Sends what the spool holds, whenever the network lets it: for hours, or after days without.

Each answer has its consequence here; how long to wait is drawn with full jitter (`vision.delivery.backoff`), so that a
fleet whose network comes back does not come all at once. Nothing is given up but by the spool's own limits.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable

from edge_agent.uplink.answers import Answer
from edge_agent.uplink.link import Link
from edge_agent.uplink.parcel import Parcel
from edge_agent.uplink.spool import Spool
from vision.delivery.backoff import full_jitter
from vision.errors import StoreError

log = logging.getLogger("sightline.uplink")

_IDLE_S = 60.0
_BASE_S, _CAP_S = 2.0, 300.0  # the network is away
_DENIED_S, _DENIED_CAP_S = 30.0, 3600.0  # somebody has to do something
_ASKED_CAP_S = 3600.0  # a server may ask for so much
_PATIENCE = 3  # times that one picture may fail before others go first
_PICTURE_BASE_S, _PICTURE_CAP_S = 30.0, 3600.0
_SWEEP_S = 3600.0


class Uploader:
    """One spool's way up. `step` does one thing and says when the next is due; `run` does that until it is stopped."""

    def __init__(
        self,
        spool: Spool,
        link: Link,
        *,
        clock: Callable[[], float],
        random: Callable[[], float],
        on_answer: Callable[[Parcel, Answer], None] | None = None,
    ) -> None:
        self._spool, self._link, self._clock, self._random = spool, link, clock, random
        self._on_answer = on_answer
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failures = self._denials = 0
        self._until = self._since = 0.0
        self._swept = float("-inf")
        self._trouble = ""
        self.outcomes: Counter[str] = Counter()

    def wake(self) -> None:
        """Something was put into the spool; from any thread. A pause that the network needs goes on."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                self._loop.call_soon_threadsafe(self._wake.set)

    def status(self) -> str:
        """`ok`, or what is wrong and for how long."""
        return f"{self._trouble} (for {max(0.0, self._clock() - self._since):.0f} s)" if self._trouble else "ok"

    @property
    def paused_s(self) -> float:
        """Seconds until it tries again after a failure; 0 while there is none."""
        return max(0.0, self._until - self._clock())

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; what was not sent stays in the spool."""
        self._loop = asyncio.get_running_loop()
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                wait = await self.step()
                if wait > 0:
                    waking = asyncio.create_task(self._wake.wait())
                    await asyncio.wait({stopping, waking}, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
                    waking.cancel()
                self._wake.clear()
        finally:
            stopping.cancel()
            await self._link.close()

    async def step(self) -> float:
        """Send the next picture, if one is due and the network is not known to be away; seconds until the next step."""
        now = self._clock()
        if now < self._until:
            return self._until - now
        try:
            if now - self._swept >= _SWEEP_S:
                self._swept = now
                await asyncio.to_thread(self._spool.expire)
            parcel = await asyncio.to_thread(self._spool.next, now)
            if parcel is None:
                due = await asyncio.to_thread(self._spool.next_at)
                return _IDLE_S if due is None else min(_IDLE_S, max(0.1, due - now))
            answer = await self._link.send(parcel)
            await asyncio.to_thread(self._settle, parcel, answer)
        except StoreError as error:
            self._pause("the spool fails", str(error), self._jitter(_BASE_S))
            return self._until - now
        self.outcomes[answer.outcome] += 1
        if self._on_answer is not None:
            self._on_answer(parcel, answer)
        return max(0.0, self._until - self._clock())

    def _settle(self, parcel: Parcel, answer: Answer) -> None:
        """What an answer means for the picture and for the pause; in a thread."""
        if answer.outcome == "stored":
            assert answer.ack is not None
            self._spool.sent(parcel, answer.ack.requests)
            self._reached()
        elif answer.outcome == "refused":
            self._spool.aside(parcel.id, answer.reason)
            log.error("a picture of %s is refused and put aside: %s", parcel.meta.camera, answer.reason)
            self._reached()
        elif answer.outcome in ("denied", "clock"):
            self._denials += 1
            wait = full_jitter(
                self._denials, self._random, base_s=2 * _DENIED_S, cap_s=_DENIED_CAP_S, floor_s=_DENIED_S
            )
            self._pause("the cloud does not take pictures of this device", answer.reason, wait)
        elif answer.outcome == "busy":
            # after what was asked for, spread: all others were asked for the same
            asked = min(answer.retry_s or 0.0, _ASKED_CAP_S)
            self._pause("the cloud asks for patience", answer.reason, asked + self._jitter(max(_BASE_S, asked / 4)))
        else:
            if answer.outcome == "failed":
                self._failed(parcel, answer)
            asked = min(answer.retry_s or 0.0, _ASKED_CAP_S)
            self._pause("the cloud is not reached", answer.reason, max(asked, self._jitter(_BASE_S)))

    def _failed(self, parcel: Parcel, answer: Answer) -> None:
        """It may be the picture's own fault: after some times others go first, or it would block them for ever."""
        more = self._spool.attempts(parcel.id) + 1 - _PATIENCE
        wait = 0.0
        if more >= 0:
            wait = full_jitter(more + 1, self._random, base_s=_PICTURE_BASE_S, cap_s=_PICTURE_CAP_S, floor_s=1.0)
        self._spool.later(parcel.id, self._clock() + wait, answer.reason)

    def _jitter(self, base_s: float) -> float:
        return full_jitter(self._failures + 1, self._random, base_s=base_s, cap_s=max(_CAP_S, base_s), floor_s=0.5)

    def _pause(self, what: str, reason: str, wait_s: float) -> None:
        now = self._clock()
        self._failures += 1
        self._until = now + wait_s
        if not self._trouble:
            self._since = now
        if not self._trouble.startswith(what):
            log.warning("%s, will go on trying: %s", what, reason)
        self._trouble = f"{what}: {reason}"

    def _reached(self) -> None:
        if self._trouble:
            log.info("the cloud takes pictures again after %.0f s", self._clock() - self._since)
        self._failures = self._denials = 0
        self._until, self._trouble = 0.0, ""
