"""Keeps the model's process: starts it when it may be started, loads the model, buries it, waits before the next try.

Not thread-safe: whoever calls has the turn (`ChildModel`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from edge_agent.language.child_limits import Limits
from edge_agent.language.child_process import ChildProcess
from edge_agent.language.child_state import Tally
from edge_agent.language.child_wire import Broken, Late, Message
from vision.delivery.backoff import full_jitter
from vision.language.backends.base import ModelSettings
from vision.language.backends.fit import most_memory, refusal
from vision.language.model import Failure, NoAnswer

log = logging.getLogger("sightline.language")

LOAD_LIMIT_S = 600.0
BACKOFF_S = 0.5
BACKOFF_CAP_S = 60.0
_RESERVED_BYTES = 768 << 20  # stacks and arenas that count for the kernel's limit but are not used
_SEND_S = 10.0


class Keeper:
    """One model's process after the other. `closing` ends every wait."""

    def __init__(
        self,
        settings: ModelSettings,
        tally: Tally,
        closing: threading.Event,
        *,
        cpus: Sequence[int] = (),
        behind: bool = False,
        command: Sequence[str] | None = None,
        tick: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float],
    ) -> None:
        self.child: ChildProcess | None = None
        self.loaded = False
        self._settings = settings
        self._tally = tally
        self._closing = closing
        self._cpus = tuple(cpus)
        self._behind = behind
        self._command = command
        self._tick = tick
        self._clock = clock
        self._chance = chance
        self._begun = 0.0
        self._failures = 0
        self._kills = 0
        self._not_before = 0.0
        self._unusable: tuple[object, NoAnswer] | None = None

    def ready(self, until: float) -> ChildProcess:
        """The process with the model loaded. Raises `NoAnswer`; loading that takes longer goes on (`busy`)."""
        if self.child is not None and not self.child.alive:
            self.died()
        if self.child is None:
            self._start(until)
        assert self.child is not None
        if not self.loaded:
            self._await_load(self.child, until)
        return self.child

    def answered(self) -> None:
        """It works: the next crash is a new story."""
        self._failures = self._kills = 0

    def died(self) -> NoAnswer:
        """The process is gone, or of no use any more: bury it; what whoever asked is told."""
        child = self.child
        assert child is not None
        child.kill()
        child.wait(5.0)
        failure: Failure = child.killed_for or "crashed"
        share = "; it used more than its share of memory" if failure == "memory" else ""
        error = NoAnswer(failure, f"the language model's process is gone: {child.ended()}{share}")
        if failure != "refused":
            words = "; its last words: " + child.last_words[-1] if child.last_words else ""
            log.warning("%s%s", error, words)
        self._bury()
        self._tally.restarts += 1
        self._back_off()
        return error

    def end(self) -> None:
        """Let the model go, with nothing held against it."""
        if self.child is not None:
            self._bury()

    def stop_work(self) -> None:
        """End a process that does not stop working; it is started anew at the next question.

        One that never stops in time is loaded again less and less often.
        """
        assert self.child is not None
        self.child.kill("timeout")
        self._bury()
        self._tally.restarts += 1
        self._kills += 1
        if self._kills > 1:
            self._back_off()

    def _bury(self) -> None:
        assert self.child is not None
        self.child.close()
        self._tally.peak_bytes = max(self._tally.peak_bytes, self.child.peak_bytes)
        self.child = None
        self.loaded = False

    def _back_off(self) -> None:
        self._failures += 1
        wait = full_jitter(self._failures, self._chance, base_s=BACKOFF_S, cap_s=BACKOFF_CAP_S)
        self._not_before = self._clock() + wait

    def _start(self, until: float) -> None:
        self._may_start(until)
        share = most_memory(self._settings)
        limits = Limits(None if share is None else share + _RESERVED_BYTES, self._cpus, self._behind)
        try:
            self.child = ChildProcess(self._command, limits, most_rss=share, tick=self._tick)
        except OSError as error:
            self._back_off()
            raise NoAnswer("crashed", f"the language model's process cannot be started: {error}") from error
        self._begun = self._clock()
        settings = self._settings.model_dump(mode="json", exclude={"api_key"})
        try:
            self.child.pipe.send({"op": "load", "settings": settings}, until=self._begun + _SEND_S)
        except (Broken, Late) as error:
            raise self.died() from error

    def _may_start(self, until: float) -> None:
        if self._unusable is not None and self._unusable[0] == self._stamp():
            raise self._unusable[1]
        refused = refusal(self._settings)
        if refused is not None:
            if refused.failure == "unusable":
                self._unusable = (self._stamp(), refused)
            raise refused
        wait = self._not_before - self._clock()
        if wait > 0 and (self._not_before >= until or self._closing.wait(wait)):
            raise NoAnswer("crashed", f"the language model failed and is started again in {wait:.0f} s")
        if self._closing.is_set():
            raise NoAnswer("refused", "the language model was closed")

    def _await_load(self, child: ChildProcess, until: float) -> None:
        limit = self._begun + LOAD_LIMIT_S
        try:
            message, _ = child.pipe.receive(until=min(until, limit))
        except Late:
            if self._clock() < limit:
                raise NoAnswer("busy", "the language model is being loaded") from None
            child.kill("timeout")
            raise self.died() from None
        except Broken as error:
            raise self.died() from error
        self._loaded(child, message)

    def _loaded(self, child: ChildProcess, message: Message) -> None:
        if message.get("op") == "loaded":
            self.loaded = True
            self._tally.load_s = self._clock() - self._begun
            log.info("language model loaded in %.1f s, process %d", self._tally.load_s, child.pid)
            return
        failure: Failure = message.get("failure") if message.get("failure") in {"memory", "unusable"} else "crashed"  # type: ignore[assignment]  # one of three
        self._bury()
        error = NoAnswer(failure, _line(f"{message.get('text')}: {child.complaint}".removesuffix(": ")))
        log.warning("the language model cannot be loaded: %s", error)
        if failure == "unusable":
            self._unusable = (self._stamp(), error)
        else:
            self._back_off()
        raise error

    def _stamp(self) -> object:
        """Changes with the files: a model that was unusable is tried again once it was replaced."""
        return [_file_stamp(path) for path in (self._settings.path, self._settings.mmproj)]


def _file_stamp(path: Path | None) -> object:
    try:
        found = None if path is None else path.stat()
    except OSError:
        return None
    return None if found is None else (found.st_mtime_ns, found.st_size)


def _line(text: object) -> str:
    """What the child said, as one short line."""
    return "".join(c if c.isprintable() else " " for c in str(text)[:400])
