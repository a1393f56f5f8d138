"""The agent's data folder: one agent at a time, and where commands find the one that runs.

agent.lock     held while an agent runs
agent.json     its process id and the address of its API
sightline.db   events and pending alerts (SQLite)
snapshots/ clips/    evidence
asked/         questions to the language model, with the pictures it was shown
api.token link.key   keys, readable by the owner only
unsaved.jsonl  events that could not be committed before the last end
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path
from typing import IO, Any, Self

from edge_agent.config import Config
from edge_agent.locking import lock_file
from vision.errors import InputError, OutsideError

DEFAULT = "data"


def data_dir_of(config: Config, config_path: Path) -> Path:
    """The config's `data_dir`; `data` beside the config file where it names none."""
    return config.data_dir if config.data_dir is not None else config_path.resolve().parent / DEFAULT


class DataFolder:
    """Held by one running agent."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        """Make and lock it. Raises `InputError` where another agent has it, `OutsideError` where it cannot be used."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / "agent.lock").open("a+", encoding="ascii")
        except OSError as error:
            raise OutsideError(
                f"data_dir {self.path}: {error.strerror}; make it a folder that this user may write"
            ) from None
        if not lock_file(lock):
            lock.close()
            pid = (running_agent(self.path) or {}).get("pid")
            other = f" (process {pid})" if pid else ""
            raise InputError(
                f"data_dir {self.path}: another agent{other} works with it; stop it or use another data_dir"
            )
        self._lock = lock
        return self

    def __exit__(self, *_: object) -> None:
        """Let the next agent have it."""
        (self.path / "agent.json").unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def tell(self, api_url: str | None) -> None:
        """Let commands find this agent."""
        self.write_private("agent.json", json.dumps({"pid": os.getpid(), "api": api_url}))

    def write_private(self, name: str, text: str) -> None:
        """Write a file that only its owner may read, whole or not at all."""
        part = self.path / f"{name}.part"
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        part.replace(self.path / name)


def running_agent(data_dir: Path) -> dict[str, Any] | None:
    """Process id (`pid`) and API address (`api`) of the agent that works with this folder; None where none runs."""
    try:
        with (data_dir / "agent.lock").open("a+", encoding="ascii") as lock:
            if lock_file(lock):
                return None
        told = json.loads((data_dir / "agent.json").read_text(encoding="utf-8"))
        os.kill(int(told["pid"]), 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(told)


def hang_up(pid: int) -> None:
    """Ask a running agent to read its config again."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGHUP)
