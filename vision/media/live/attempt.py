"""Work that cannot be interrupted (resolving a name, opening a stream), done so that nobody has to wait for its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
_POLL_S = 0.05


class Abandoned(Exception):
    """The work was not done in time, or is not wanted any more."""


class Attempt(Generic[T]):
    """Runs `work` in a thread of its own; what it brings too late is handed to `discard`."""

    def __init__(self, work: Callable[[], T], discard: Callable[[T], None]) -> None:
        self._work, self._discard = work, discard
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._abandoned = False
        self._result: list[T] = []
        self._error: BaseException | None = None

    def wait(self, seconds: float, closed: threading.Event) -> T:
        """The result; raises what `work` raised, or `Abandoned` after `seconds` or once `closed` is set."""
        threading.Thread(target=self._run, name="sightline-connect", daemon=True).start()
        deadline = time.monotonic() + seconds
        while not self._done.wait(_POLL_S):
            if closed.is_set() or time.monotonic() > deadline:
                with self._lock:
                    self._abandoned = not self._done.is_set()
                if self._abandoned:
                    raise Abandoned
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        return self._result.pop()

    def _run(self) -> None:
        try:
            self._result.append(self._work())
        except BaseException as error:  # noqa: BLE001  # raised again in the thread that waits
            self._error = error
        with self._lock:
            self._done.set()
            late = self._abandoned
        if late and self._result:
            self._discard(self._result.pop())
