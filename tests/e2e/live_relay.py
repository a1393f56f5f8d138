"""A plain TCP relay before a server: the camera's address stays, what stands behind it is exchanged within a moment."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from types import TracebackType
from typing import Self


class Relay:
    """Passes connections to `target` (a port of 127.0.0.1) on; `switch` cuts them and passes new ones elsewhere."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(5)
        self._listener.close()
        self._cut()

    def switch(self, target: int) -> bool:
        """From now on to this port; what is connected elsewhere loses its connection. Whether that is a change."""
        with self._lock:
            changed, self._target = self._target != target, target
        if changed:
            self._cut()
        return changed

    def _cut(self) -> None:
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            for end in pair:
                end.close()

    def _run(self) -> None:
        """One thread for all connections."""
        while not self._ended.is_set():
            with self._lock:
                peer = {end: other for one, two in self._pairs for end, other in ((one, two), (two, one))}
            try:
                ready, _, _ = select.select([self._listener, *peer], [], [], 0.1)
            except (OSError, ValueError):  # cut meanwhile
                continue
            for end in ready:
                if end is self._listener:
                    self._accept()
                else:
                    self._pass(end, peer[end])

    def _accept(self) -> None:
        inside, _ = self._listener.accept()
        try:
            outside = socket.create_connection(("127.0.0.1", self._target), timeout=5)
        except OSError:  # nobody there: refused, as far as that can be passed on
            inside.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            inside.close()
            return
        with self._lock:
            self._pairs.add((inside, outside))

    def _pass(self, end: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            data = end.recv(1 << 16)
            if data:
                other.sendall(data)
                return
        with self._lock:
            self._pairs = {pair for pair in self._pairs if end not in pair}
        end.close()
        other.close()
