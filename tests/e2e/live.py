"""The agent as its users run it: a config file, a process of its own, its HTTP interface. For live tests and benchmarks.

Nothing here looks inside the agent: what it did is read from its log, its API, its database and `/proc`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import yaml

from vision.delivery.records import Delivery, EventFilter
from vision.delivery.store import Store
from vision.events import Event

ROOT = Path(__file__).resolve().parents[2]
TICK = os.sysconf("SC_CLK_TCK")
T = TypeVar("T")


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of 127.0.0.1 that nobody had a moment ago."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end_in_order() -> None:
    """Have SIGTERM and SIGINT end this program through its context managers, also in the background: no process stays."""

    def leave(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)


def wait_for(what: str, ask: Callable[[], T], *, timeout: float, every: float = 0.1) -> T:
    """The first true answer of `ask`; `AssertionError` naming `what` when there is none in time."""
    deadline = time.monotonic() + timeout
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"no {what} within {timeout:g} s")
        time.sleep(every)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used so far (CPU seconds) and holds now."""

    cpu_s: float
    rss_mb: float
    threads: int
    fds: int


def usage(pid: int) -> Usage:
    """From `/proc`; raises `FileNotFoundError` or `ProcessLookupError` for a process that is gone."""
    folder = Path(f"/proc/{pid}")
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    status = dict(re.findall(r"^(VmRSS|Threads):\s+(\d+)", (folder / "status").read_text(), re.MULTILINE))
    return Usage(
        cpu_s=(int(fields[11]) + int(fields[12])) / TICK,
        rss_mb=int(status.get("VmRSS", 0)) / 1024,
        threads=int(status.get("Threads", 0)),
        fds=sum(1 for _ in (folder / "fd").iterdir()),
    )


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of `/metrics`."""

    name: str
    labels: Mapping[str, str]
    value: float


def parse_metrics(text: str) -> list[Sample]:
    """The samples of a Prometheus page, read by the published client library."""
    from prometheus_client.parser import text_string_to_metric_families

    return [
        Sample(sample.name, dict(sample.labels), float(sample.value))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


@dataclass(frozen=True, slots=True)
class Stopped:
    """How the agent ended: exit status (negative: the signal) and how long it took."""

    status: int
    seconds: float


class LiveAgent:
    """`sightline run` in a process of its own.

    `config` is the whole file as plain values; `data_dir` and `api` are added. Started, stopped, killed and started
    again in the same folder as often as wanted. Leaving the context kills what still runs.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any], env: Mapping[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.data = folder / "data"
        self.file = folder / "config.yaml"
        self.log_file = folder / "agent.log"
        self.port = free_port()
        self.token = secrets.token_hex(16)
        self.env = {"SIGHTLINE_TEST_API_TOKEN": self.token, **(env or {})}
        self.process: subprocess.Popen[bytes] | None = None
        self.write(config)

    def write(self, config: Mapping[str, Any]) -> None:
        """Write the config file (anew)."""
        self.config: dict[str, Any] = {
            "version": 1,
            "data_dir": str(self.data),
            "api": {"host": "127.0.0.1", "port": self.port, "token": "${SIGHTLINE_TEST_API_TOKEN}"},
            **config,
        }
        self.file.write_text(yaml.safe_dump(self.config, sort_keys=False))

    def start(self) -> Self:
        """Start it; does not wait."""
        assert self.process is None or self.process.poll() is not None, "it still runs"
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from edge_agent.cli import main; main()", "run", "--config", str(self.file)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **self.env},
                start_new_session=True,
            )
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None, "never started"
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def wait_ready(self, timeout: float = 30.0) -> Self:
        """Until `/readyz` says 200; fails at once, with the log's end, when the agent ends instead."""

        def ready() -> bool:
            assert self.running, f"the agent ended while starting:\n{self.log()[-3000:]}"
            return self.get("/readyz")[0] == 200

        try:
            wait_for("answer 200 of /readyz", ready, timeout=timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; last: {self.get('/readyz')}\n{self.log()[-3000:]}") from None
        return self

    def stop(self, timeout: float = 20.0) -> Stopped:
        """SIGTERM, and wait for the end."""
        assert self.process is not None
        began = time.monotonic()
        self.process.terminate()
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still there {timeout:g} s after SIGTERM:\n{self.log()[-3000:]}") from None
        return Stopped(status, time.monotonic() - began)

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, for example SIGHUP."""
        assert self.process is not None
        self.process.send_signal(number)

    def get(self, path: str, *, token: bool = True, timeout: float = 5.0) -> tuple[int, bytes]:
        """GET of the API: status and body; (0, reason) while nobody answers."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        if token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except OSError as error:
            return 0, str(error).encode()

    def json(self, path: str) -> Any:
        """GET of the API, as JSON; fails on another status than 200."""
        status, body = self.get(path)
        assert status == 200, f"{path}: {status} {body[:300]!r}"
        return json.loads(body)

    def metrics(self) -> list[Sample]:
        """Every sample of `/metrics`."""
        status, body = self.get("/metrics")
        assert status == 200, f"/metrics: {status} {body[:300]!r}"
        return parse_metrics(body.decode())

    def metric(self, name: str, **labels: str) -> float | None:
        """The sum of the samples of that name with these labels; None where there is none."""
        found = [s.value for s in self.metrics() if s.name == name and labels.items() <= s.labels.items()]
        return sum(found) if found else None

    def cameras(self) -> dict[str, dict[str, Any]]:
        """The cameras as the API tells them, by name."""
        return {row["name"]: row for row in self.json("/v1/status")["cameras"]}

    @contextlib.contextmanager
    def store(self) -> Iterator[Store]:
        """The agent's database, opened beside it."""
        store = Store(f"sqlite:///{self.data / 'sightline.db'}")
        try:
            yield store
        finally:
            store.close()

    def events(self, *types: str, camera: str | None = None) -> list[Event]:
        """Events as committed, by start; none while there is no database."""
        if not (self.data / "sightline.db").exists():
            return []
        with self.store() as store:
            wanted = EventFilter(types=types, cameras=(camera,) if camera else ())
            return [stored.event for stored in store.events(wanted)]

    def deliveries(self, states: Sequence[str] = ()) -> list[Delivery]:
        """Deliveries as committed."""
        with self.store() as store:
            return store.deliveries(states=states)

    def log(self) -> str:
        """Everything it wrote so far, over all its lives."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def usage(self) -> Usage:
        """CPU, memory, threads and files of its process."""
        return usage(self.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


def everything_kept(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file under the folder with its bytes: log, database, evidence, whatever the agent left."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes()
