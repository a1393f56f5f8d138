"""A receiver for tests that wait: it lives in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.edge_agent.uplink.receiver import Receiver, receiving


@contextmanager
def in_a_thread(into: Receiver | None = None) -> Iterator[Receiver]:
    """A receiver in a loop of its own, beside a test that waits."""
    receiver = into or Receiver(time.time)
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with receiving(receiver.clock, into=receiver):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(60)
        yield receiver
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        loop.close()
