"""One life of the model's process: started, watched and reaped by a thread of its own.

The thread lives as long as the process, because the kernel's "die with your parent" means the thread that started it. It
reads what the process says on stderr (bounded, for the log at debug), and ends the process when its memory grows beyond
its share.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from edge_agent.language.child_limits import Limits
from edge_agent.language.child_wire import Pipe
from vision.language.model import Failure

log = logging.getLogger("sightline.language")

WATCH_S = 0.1  # how often memory is looked at; what grows faster meets the kernel's limit
LAST_WORDS = 40  # lines of stderr that are kept
_PREFIX = re.compile(r"^(?:[\d.]+ [A-Z] +)?(?:\w+: +)*(?:error loading model: )?")  # time, level, function
_ENV = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONPATH", "SYSTEMROOT")


class ChildProcess:
    """Started on construction. Raises `OSError` where it cannot be."""

    def __init__(
        self,
        command: Sequence[str] | None,
        limits: Limits,
        *,
        most_rss: int | None = None,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        """`command`: what to run instead of the model's program. `most_rss`: bytes. `tick` is called ten times a second."""
        arguments = limits.arguments(os.getpid())
        self._command = [*command, *arguments] if command else [*program(), *arguments]
        self._most_rss = most_rss
        self._tick = tick
        self._error: OSError | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._words: deque[str] = deque(maxlen=LAST_WORDS)
        self._part = b""
        self._end_by: float | None = None
        self.killed_for: Failure | None = None
        self.rss_bytes = 0
        self.peak_bytes = 0
        started = threading.Event()
        self._thread = threading.Thread(target=self._live, args=(started,), name="language-child", daemon=True)
        self._thread.start()
        started.wait()
        if self._error is not None:
            raise self._error
        assert self._process is not None
        stdout, stdin = self._process.stdout, self._process.stdin
        assert stdout is not None
        assert stdin is not None
        self.pid: int = self._process.pid
        self.pipe: Pipe = Pipe(stdout.fileno(), stdin.fileno())

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def last_words(self) -> list[str]:
        """The end of what it wrote to stderr."""
        return list(self._words)

    @property
    def complaint(self) -> str:
        """Why a model cannot be loaded, in the library's own words, which it says on stderr only; "" if it said nothing."""
        lines = [line for line in self._words if "error" in line.lower() or "mismatch" in line.lower()]
        return "" if not lines else _PREFIX.sub("", lines[0])[:200]

    def ended(self) -> str:
        """How it ended, in words."""
        code = None if self._process is None else self._process.poll()
        if code is None:
            return "it no longer answers"
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"ended by {signal.Signals(-code).name}"
        return f"ended with status {code}"

    def kill(self, failure: Failure | None = None) -> None:
        """End it at once; `failure` is what whoever waits for an answer is told."""
        self.killed_for = self.killed_for or failure
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(OSError):
                self._process.kill()

    def close(self, grace_s: float = 1.0) -> None:
        """Close its pipes, at which it ends by itself; kill it if it does not. Nobody may be using the pipes.

        Reaped and without threads afterwards, unless called by `tick`: then the thread sees to the rest.
        """
        assert self._process is not None
        self._end_by = time.monotonic() + grace_s
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it has ended; whether it has."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _live(self, started: threading.Event) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603  # our own program
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment(os.environ),
                start_new_session=True,  # a Ctrl-C in the terminal is for the agent alone
            )
        except OSError as error:
            self._error = error
            return
        finally:
            started.set()
        stderr = self._process.stderr
        assert stderr is not None
        try:
            self._watch(self._process, stderr)
        finally:
            self.kill()
            self._process.wait()
            stderr.close()

    def _watch(self, process: subprocess.Popen[bytes], stderr: IO[bytes]) -> None:
        os.set_blocking(stderr.fileno(), False)
        poll = select.poll()
        poll.register(stderr.fileno(), select.POLLIN)
        while process.poll() is None:
            if poll.poll(WATCH_S * 1000):
                try:
                    data = os.read(stderr.fileno(), 1 << 14)
                except BlockingIOError:
                    continue
                if not data:  # closed: it is ending, or has closed its stderr
                    poll = select.poll()
                self._hear(data)
            self._weigh(process.pid)
            if self._end_by is None:
                self._tick()
            elif time.monotonic() > self._end_by:
                self.kill()
        with contextlib.suppress(OSError):  # its last words
            self._hear(os.read(stderr.fileno(), 1 << 16))

    def _hear(self, data: bytes) -> None:
        *lines, self._part = (self._part + data)[-8192:].split(b"\n")
        for line in lines:
            text = "".join(c if c.isprintable() else " " for c in line.decode(errors="replace")[:400]).strip()
            if text:
                self._words.append(text)
                log.debug("model: %s", text)

    def _weigh(self, pid: int) -> None:
        self.rss_bytes = rss(pid) or self.rss_bytes
        self.peak_bytes = max(self.peak_bytes, self.rss_bytes)
        if self._most_rss is not None and self.rss_bytes > self._most_rss:
            log.warning(
                "the language model's process is ended: it uses %d MB, its share is %d MB",
                self.rss_bytes >> 20,
                self._most_rss >> 20,
            )
            self.kill("memory")


def program() -> list[str]:
    """The command line of the model's process; `-P`: nothing is imported from whatever folder the agent was started in."""
    return [sys.executable, "-P", "-m", "edge_agent.language.child_main"]


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """What the child gets of the environment: no secrets, and this installation first."""
    kept = {name: env[name] for name in _ENV if name in env}
    here = str(Path(__file__).resolve().parents[2])
    kept["PYTHONPATH"] = os.pathsep.join([here, *filter(None, [kept.get("PYTHONPATH")])])
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}


def rss(pid: int) -> int | None:
    """Resident memory of a process in bytes, the mapped model file included; None where it is not known."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
