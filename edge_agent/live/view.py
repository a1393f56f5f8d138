"""The terminal view of `sightline run`: cameras, events, alerts, twice a second; log lines scroll past above it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.text import Text

from edge_agent.live.rows import Moment, Told, lines
from edge_agent.live.status import AgentView
from edge_agent.live.usage import usage
from vision.delivery.records import EventFilter
from vision.errors import StoreError
from vision.events import Event
from vision.settings import logs

_log = logging.getLogger("sightline.view")
_EVERY_S = 0.5
_ASK_EVERY_S = 2.0  # what became of alerts
_KEPT = 8
_FINAL = {"sent", "merged", "failed"}


async def run_view(view: AgentView, stop: asyncio.Event, *, console: Console | None = None) -> None:
    """Show the agent until `stop` is set; on the console of the log, so that both fit together.

    Nothing is shown where that console is no terminal. An error in here ends the view, never the agent.
    """
    console = console or logs.console()
    if not console.is_terminal:
        return
    watch = _Watch(view)
    listener = asyncio.create_task(watch.listen())
    try:
        with Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop") as live:
            while not stop.is_set():
                await asyncio.to_thread(watch.show, live)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_EVERY_S):
                        await stop.wait()
    except Exception:  # noqa: BLE001  # a drawing must not end the agent
        _log.exception("the terminal view failed; the agent goes on without it")
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)


class _Lines:
    """Lines as rich draws them, already cut to the terminal's width."""

    def __init__(self, rows: list[Text]) -> None:
        self._rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for number, row in enumerate(self._rows):
            if number:
                yield Segment.line()
            yield from row.render(console)


class _Watch:
    """Collects what is shown."""

    def __init__(self, view: AgentView) -> None:
        self._view = view
        self._events: dict[str, Told] = {}  # oldest first
        self._lock = threading.Lock()  # taken from the event loop, shown from a thread
        self._asked = float("-inf")
        self._cpu: tuple[float, float] | None = None
        self._cores = 0.0

    async def listen(self) -> None:
        """Begin with the last events of the store, then take each as it comes."""
        subscription = self._view.subscribe()
        try:
            with contextlib.suppress(StoreError):
                stored = await asyncio.to_thread(self._view.store.events, EventFilter(), limit=_KEPT, newest_first=True)
                for one in reversed(stored):
                    self._take(one.event)
            while True:
                self._take((await subscription.get())[1])
        finally:
            subscription.close()

    def show(self, live: Live) -> None:
        """Draw once; in a thread, as it asks the store."""
        self._ask()
        width, height = live.console.size
        rows = lines(self._moment(), width, max(1, height - 1))
        live.update(_Lines(rows), refresh=True)

    def _take(self, event: Event) -> None:
        with self._lock:
            known = self._events.get(event.id)
            self._events[event.id] = Told(event, known.delivered if known else "")  # one known keeps its place
            while len(self._events) > _KEPT:
                del self._events[next(iter(self._events))]

    def _moment(self) -> Moment:
        now, used = time.monotonic(), usage()
        if self._cpu is not None and now > self._cpu[0]:
            share = (used.cpu_s - self._cpu[1]) / (now - self._cpu[0])
            self._cores = 0.8 * self._cores + 0.2 * share if self._cores else share
        self._cpu = (now, used.cpu_s)
        with self._lock:
            told = list(self._events.values())[::-1]
        return Moment(self._view.status(), told, time.time(), used, self._cores)

    def _ask(self) -> None:
        """What became of the alerts of the events shown; those that are settled are not asked for again."""
        now = time.monotonic()
        if now - self._asked < _ASK_EVERY_S:
            return
        self._asked = now
        with self._lock:
            known = list(self._events.items())
        for event_id, told in known:
            if told.delivered in _FINAL and told.event.state == "closed":
                continue
            try:
                states: set[str] = {one.state for one in self._view.store.deliveries(event_id=event_id)}
            except StoreError:
                return
            with self._lock:
                if event_id in self._events:
                    self._events[event_id] = Told(self._events[event_id].event, _delivered(states))


def _delivered(states: set[str]) -> str:
    if states & {"dead", "expired"}:
        return "failed"
    if states & {"pending"}:
        return "waiting"
    if states & {"held", "merged"} and "sent" not in states:
        return "merged"
    return "sent" if "sent" in states else ""
