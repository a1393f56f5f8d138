"""A local language model in a process of its own: whatever happens to it, the agent goes on.

```
            ask               loaded            question
 (none) ----------> loading ---------> ready <-----------> answering
    ^                  |                 |  idle, memory       | deadline: cancelled, a second later killed
    +------------------+-----------------+---------------------+
       damaged, does not fit, killed: back-off, then anew at the next question
```

Loading goes on when a question's deadline passes; the question gets `busy`. A model that does not fit into the memory that
is free is not loaded, and the sum that shows why is in the answer.
"""

from __future__ import annotations

import dataclasses
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from edge_agent.language.child_keeper import LOAD_LIMIT_S, Keeper
from edge_agent.language.child_process import ChildProcess
from edge_agent.language.child_sample import sample_picture
from edge_agent.language.child_state import ChildState, Speed, Tally
from edge_agent.language.child_wire import Broken, Late, Message
from vision.errors import InputError
from vision.events import Fact
from vision.language.backends.base import ModelSettings, find_backend
from vision.language.backends.engine import check_images
from vision.language.backends.machine import free_memory
from vision.language.backends.schema import check
from vision.language.model import Answer, Failure, JsonSchema, LanguageModel, NoAnswer, Task, Usage

log = logging.getLogger("sightline.language")

GRACE_S = 1.0  # between the word to stop and the kill
PRESSED_BYTES = 256 << 20
_HELLO = Task("hello", 1, "You watch a camera.", "Is the camera there?", max_tokens=8)
_HELLO_SCHEMA = {"type": "object", "properties": {"there": {"enum": ["yes", "no"]}}}
_FAILURES: dict[str, Failure] = {
    name: name for name in ("timeout", "invalid", "crashed", "memory", "refused", "busy", "unusable")
}


def start_model(settings: ModelSettings, *, cpus: Sequence[int] = (), behind: bool = False) -> LanguageModel:
    """The model of these settings, where it belongs: a local one in a process of its own, a server's in this one.

    `behind`: last in line for the CPU, for whoever has better to do than to wait for its answers (see `Limits`).
    Nothing is loaded or asked yet. Raises `InputError` for settings that are incomplete.
    """
    backend = find_backend(settings.backend)
    if not backend.local:
        return backend.open(settings)
    if settings.path is None:
        raise InputError(f"language.path is missing: the backend {settings.backend} needs a model file (*.gguf)")
    return ChildModel(settings, cpus=cpus, behind=behind)


class ChildModel:
    """See `LanguageModel`. Nothing is started before the first question or `warm_up`; any thread may call."""

    def __init__(
        self,
        settings: ModelSettings,
        *,
        cpus: Sequence[int] = (),
        behind: bool = False,
        command: Sequence[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`cpus`, `behind`: see `Limits`. `command`: a program to run instead of the model's (tests)."""
        self.settings = settings
        self.name = settings.path.stem if settings.path else settings.backend
        self.sees = settings.mmproj is not None
        self._clock = clock
        self._one = threading.Lock()
        self._closing = threading.Event()
        self._used = clock()
        self._number = 0
        self._tally = Tally()
        self._keeper = Keeper(
            settings,
            self._tally,
            self._closing,
            cpus=cpus,
            behind=behind,
            command=command,
            tick=self._idle,
            clock=clock,
            chance=chance,
        )

    def ask(
        self,
        task: Task,
        images: Sequence[bytes],
        facts: Mapping[str, Fact],
        schema: JsonSchema,
        deadline_s: float,
    ) -> Answer:
        """See `LanguageModel.ask`; a second after the deadline at the latest the work has really ended."""
        start = self._clock()
        until = start + deadline_s
        try:
            if images and not self.sees:
                raise NoAnswer("refused", f"{self.name} takes no pictures: it has no vision part (mmproj)")  # noqa: TRY301
            check_images(images)
            with self._turn(until):
                child = self._keeper.ready(until)
                question = {"task": dataclasses.asdict(task), "facts": dict(facts), "schema": dict(schema)}
                said = self._exchange(child, question, images, until)
                answer = self._answer(said, schema, start)
                self._keeper.answered()
        except NoAnswer as error:
            self._tally.failed(error)
            raise
        self._tally.answered(answer, Speed.of(said.get("speed")))
        return answer

    def warm_up(self, timeout_s: float = LOAD_LIMIT_S, *, question: bool = True) -> float:
        """Load the model, within this time, and ask it one question; the seconds that loading took. Raises `NoAnswer`.

        The question fetches the weights from the disk and makes all buffers, so that the first alert does not wait for
        that; what the model says to it does not matter.
        """
        until = self._clock() + timeout_s
        with self._turn(until):
            child = self._keeper.ready(until)
            if question:
                asked = {"task": dataclasses.asdict(_HELLO), "facts": {}, "schema": _HELLO_SCHEMA}
                self._exchange(child, asked, [sample_picture(0)] if self.sees else [], until)
        return self._tally.load_s

    def state(self) -> ChildState:
        """For doctor, metrics and logs."""
        child = self._keeper.child
        loaded = self._keeper.loaded
        if child is None or not child.alive:
            return self._tally.state(loaded=False, loading=False, pid=None, rss_bytes=0)
        self._tally.peak_bytes = max(self._tally.peak_bytes, child.peak_bytes)
        return self._tally.state(loaded=loaded, loading=not loaded, pid=child.pid, rss_bytes=child.rss_bytes)

    def unload(self) -> bool:
        """Let the model go until the next question; false where there is none, or it is answering."""
        if not self._one.acquire(blocking=False):
            return False
        try:
            if self._keeper.child is None:
                return False
            self._keeper.end()
            self._tally.unloads += 1
        finally:
            self._one.release()
        return True

    def unload_if_pressed(self, free: int | None = None, below: int = PRESSED_BYTES, *, idle_s: float = 0.0) -> bool:
        """Let the model go when fewer bytes than `below` are free (default: as the machine says); whether it went.

        `idle_s`: only after so many seconds without a question.
        """
        if not self._keeper.loaded or self._clock() - self._used < idle_s:
            return False
        free = free_memory() if free is None else free
        if free is None or free >= below or not self.unload():
            return False
        log.warning("the language model is let go: only %d MB of memory are free", free >> 20)
        return True

    def close(self) -> None:
        """End the process for good; an answer that is being made becomes `NoAnswer("refused")`."""
        self._closing.set()
        child = self._keeper.child
        if child is not None:
            child.kill("refused")
        with self._one:
            self._keeper.end()

    @contextmanager
    def _turn(self, until: float) -> Iterator[None]:
        """One question at a time."""
        if not self._one.acquire(timeout=max(0.0, until - self._clock())):
            raise NoAnswer("busy", f"{self.name} is answering another question")
        try:
            if self._closing.is_set():
                raise NoAnswer("refused", f"{self.name} was closed")
            yield
        finally:
            self._used = self._clock()
            self._one.release()

    def _exchange(self, child: ChildProcess, question: Message, images: Sequence[bytes], until: float) -> Message:
        """The child's answer to a question; a child that does not stop is ended."""
        self._number += 1
        left = until - self._clock()
        if left <= 0:
            raise NoAnswer("busy", "the language model was ready too late")
        message = {"op": "ask", "id": self._number, "deadline_s": left, **question}
        try:
            child.pipe.send(message, images, until=until + GRACE_S)
            return self._reply(child, until)
        except Late:
            return self._stopped(child, until + GRACE_S)
        except Broken as error:
            raise self._keeper.died() from error

    def _stopped(self, child: ChildProcess, until: float) -> Message:
        try:
            child.pipe.send({"op": "cancel", "id": self._number}, until=until)
            self._reply(child, until)
        except Late:
            self._keeper.stop_work()
        except Broken as error:
            raise self._keeper.died() from error
        raise NoAnswer("timeout", f"{self.name} had no answer in time")

    def _reply(self, child: ChildProcess, until: float) -> Message:
        message, _ = child.pipe.receive(until=until)
        if message.get("id") != self._number or message.get("op") not in {"answer", "none"}:
            raise Broken("an answer to nothing")
        return message

    def _answer(self, said: Message, schema: JsonSchema, start: float) -> Answer:
        """What the child said, checked once more: it runs foreign code on a foreign file."""
        if said["op"] == "none":
            failure = _FAILURES.get(str(said.get("failure")), "crashed")
            raise NoAnswer(failure, "".join(c if c.isprintable() else " " for c in str(said.get("text"))[:400]))
        values = check(said.get("values"), schema)
        tokens = [one if type(one) is int else None for one in said.get("usage", (None, None))]
        return Answer(
            values=values,
            text=str(said.get("text", "")),
            model=self.name,
            latency_s=self._clock() - start,
            usage=Usage(*tokens[:2]),
            prompt=str(said.get("prompt", "")),
        )

    def _idle(self) -> None:
        """Ten times a second, from the thread that watches the process."""
        idle_s = self.settings.idle_unload_s
        if idle_s and self._keeper.loaded and self._clock() - self._used > idle_s:
            self.unload()
