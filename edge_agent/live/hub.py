"""Hands committed events on to whoever listens right now: the API's event stream, the terminal view."""

from __future__ import annotations

import asyncio
import threading
from collections import deque

from vision.events import Event

_WAITING = 200  # changes that a slow listener may be behind; beyond, it loses the oldest


class Listener:
    """One listener; see `edge_agent.live.status.Subscription`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._changes: deque[tuple[str, Event]] = deque(maxlen=_WAITING)
        self._news = asyncio.Event()

    async def get(self) -> tuple[str, Event]:
        """The next change: its stage and the event as it is then."""
        while not self._changes:
            self._news.clear()
            await self._news.wait()
        return self._changes.popleft()

    def close(self) -> None:
        """Listen no more."""
        self._hub.leave(self)

    def tell(self, stage: str, event: Event) -> None:
        """From any thread: a change has been committed."""
        self._changes.append((stage, event))
        try:
            self._loop.call_soon_threadsafe(self._news.set)
        except RuntimeError:  # its loop has ended without a close
            self._hub.leave(self)


class Hub:
    """All listeners. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self.recent: deque[tuple[str, Event]] = deque(maxlen=50)  # newest last

    def subscribe(self) -> Listener:
        """A new listener; call it in its event loop."""
        listener = Listener(self)
        with self._lock:
            self._listeners.append(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a listener."""
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)

    def tell(self, stage: str, event: Event) -> None:
        """Hand a change on."""
        with self._lock:
            listeners = tuple(self._listeners)
            self.recent.append((stage, event))
        for listener in listeners:
            listener.tell(stage, event)
