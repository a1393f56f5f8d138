"""The outbox: what the store says is to be sent, goes out, each target at its own pace (`vision.delivery.target`).

outbox = Outbox(store, build_senders(config.alerts, context), clock=time.time, random=random.random)
task = asyncio.create_task(outbox.run())
…                           # from any thread, after each commit with deliveries: outbox.wake()
await outbox.replace(build_senders(new.alerts, context, keep=outbox.senders))     # after a reload
await outbox.drain(5)       # sends what is due, then stops; the rest stays in the store
await task
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from vision.delivery.health import Pace
from vision.delivery.senders.base import AlertParams, Sender, SenderContext, sender_types, target_names
from vision.delivery.store import Store
from vision.delivery.target import Target, told
from vision.errors import StoreError

_log = logging.getLogger("sightline.outbox")
_CLOSE_S = 2.0
_ONLINE_S = 5.0
_AGAIN_S = 5.0
_SWEEP_S = 3600.0

Senders = Mapping[str, Sender[Any]]


def build_senders(
    alerts: Sequence[AlertParams], context: SenderContext, keep: Senders | None = None
) -> dict[str, Sender[Any]]:
    """A sender for each alert by the target's name; of `keep`, those whose parameters and surroundings are the same.

    Raises `ConfigError` where a variable is not set or an address cannot be used.
    """
    types = sender_types()
    built: dict[str, Sender[Any]] = {}
    for name, params in zip(target_names(tuple(alerts)), alerts, strict=True):
        kept = (keep or {}).get(name)
        same = kept is not None and kept.params == params and kept.context == context
        built[name] = kept if same and kept is not None else types[params.type](params, context)
    return built


class Outbox:
    """All targets of one agent. Lives in one event loop; `wake` and `status` are safe from any thread."""

    def __init__(
        self,
        store: Store,
        senders: Senders,
        *,
        clock: Callable[[], float],
        random: Callable[[], float],
        pace: Pace | None = None,
    ) -> None:
        self._store, self._clock, self._random, self._pace = store, clock, random, pace or Pace()
        self._targets = {name: self._target(name, sender) for name, sender in senders.items()}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over = asyncio.Event()
        self._cameras: dict[str, bool] = {}
        self._asides: set[asyncio.Task[None]] = set()

    @property
    def senders(self) -> dict[str, Sender[Any]]:
        """The senders by target."""
        return {name: target.sender for name, target in dict(self._targets).items()}

    def status(self) -> dict[str, str]:
        """Target -> `ok` or what is wrong."""
        return {name: target.status() for name, target in dict(self._targets).items()}

    def wake(self) -> None:
        """Something was committed that is to be sent; safe from any thread, and when nothing runs."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                self._loop.call_soon_threadsafe(self._wake_all)

    async def run(self) -> None:
        """Send until `drain`; cancelling it stops at once, what was not sent stays in the store."""
        self._loop = asyncio.get_running_loop()
        for name in self._targets:
            self._launch(name)
        try:
            while not self._over.is_set():
                await self._sweep()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_SWEEP_S):
                        await self._over.wait()
        finally:
            await self._stop(list(self._targets), 0.0)

    async def settle(self) -> None:
        """Send all that is due by the clock, and return; instead of `run`, for tests with a clock of their own."""
        await asyncio.gather(*(target.settle() for target in self._targets.values()))

    async def drain(self, seconds: float) -> None:
        """Send what is due, for so many seconds at most, then stop; `run` returns."""
        await self._stop(list(self._targets), seconds)
        self._over.set()

    async def replace(self, senders: Senders, *, seconds: float = 5.0) -> None:
        """Other targets from now on; a sender that is in both stays at work, one that is new begins afresh.

        What goes finishes what it has begun, within so many seconds, and begins nothing more: what is due is the business
        of its successor, whose address may be the right one at last.
        """
        gone = [name for name, target in self._targets.items() if senders.get(name) is not target.sender]
        await self._stop(gone, seconds, begin=False)
        for name in gone:
            del self._targets[name]
        for target in self._targets.values():
            target.revive()
        for name, sender in senders.items():
            if name not in self._targets:
                self._targets[name] = self._target(name, sender)
                if self._loop is not None:
                    self._launch(name)

    async def online(self, camera: str, up: bool) -> None:
        """A camera went up or down: tell the receivers that show it, now and whenever one begins."""
        self._cameras[camera] = up
        await asyncio.gather(*(self._tell(t, {camera: up}) for t in self._targets.values() if t.started))

    async def _sweep(self) -> None:
        """Messages for targets that the config has no more: they are kept until they expire, so that it can come back."""
        with contextlib.suppress(StoreError):  # the targets tell of it
            now = self._clock()
            stats = await asyncio.to_thread(self._store.stats, now)
            for name in sorted({target for target, state in stats.depth if state in ("pending", "held")}):
                if name not in self._targets:
                    left = await asyncio.to_thread(self._expire, name, now)
                    _log.warning("target %s: not in the config, %d messages wait", name, left, extra={"target": name})

    def _expire(self, name: str, now: float) -> int:
        """In a thread: what has expired of a target that nobody serves; how many messages are left."""
        waiting = self._store.deliveries(target=name, states=("pending", "held"))
        old = [delivery.number for delivery in waiting if delivery.expires <= now]
        for number in old:
            self._store.give_up(number, "the target is not in the config", expired=True)
        return len(waiting) - len(old)

    def _target(self, name: str, sender: Sender[Any]) -> Target:
        return Target(
            name,
            sender,
            self._store,
            clock=self._clock,
            random=self._random,
            pace=self._pace,
            begun=self._introduce,
        )

    def _introduce(self, target: Target) -> None:
        """A sender that begins learns which cameras are up, beside its work."""
        task = asyncio.create_task(self._tell(target, self._cameras))
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)

    def _wake_all(self) -> None:
        for target in self._targets.values():
            target.wake()

    def _launch(self, name: str) -> None:
        self._tasks[name] = asyncio.create_task(self._watched(self._targets[name]), name=f"outbox {name}")

    async def _watched(self, target: Target) -> None:
        """A target's life; a fault in it is logged and it begins again, the others do not notice."""
        while True:
            try:
                await target.run()
            except Exception as error:  # noqa: BLE001  # told, and tried again
                _log.error("target %s: %s, begins again", target.name, told(error), extra={"target": target.name})
                await asyncio.sleep(_AGAIN_S)
            else:
                return

    async def _tell(self, target: Target, cameras: Mapping[str, bool]) -> None:
        for camera, up in dict(cameras).items():
            try:
                async with asyncio.timeout(_ONLINE_S):
                    await target.sender.online(camera, up)
            except Exception as error:  # noqa: BLE001  # availability is a courtesy
                _log.debug("target %s: %s", target.name, type(error).__name__, extra={"target": target.name})

    async def _stop(self, names: Iterable[str], seconds: float, *, begin: bool = True) -> None:
        """End these targets within so many seconds, and close their senders."""
        ending = {name: task for name in names if (task := self._tasks.pop(name, None)) is not None}
        for name in ending:
            self._targets[name].drain(begin=begin)
        if ending and seconds > 0:
            await asyncio.wait(ending.values(), timeout=seconds)
        for task in ending.values():
            task.cancel()
        await asyncio.gather(*ending.values(), return_exceptions=True)
        await asyncio.gather(*(self._close(self._targets[name]) for name in names))

    async def _close(self, target: Target) -> None:
        try:
            async with asyncio.timeout(_CLOSE_S):
                await target.sender.close()
        except Exception as error:  # noqa: BLE001  # it is going anyway
            _log.debug("target %s: %s", target.name, type(error).__name__, extra={"target": target.name})
