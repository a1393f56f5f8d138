"""The inner seam of local models: a binding generates text, everything around it is the same for all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from vision.events import Fact
from vision.language.backends.schema import grammar, read_answer
from vision.language.backends.wording import filled
from vision.language.model import Answer, JsonSchema, NoAnswer, Task, Usage

MAX_IMAGES = 8
MAX_IMAGE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """What a binding is asked for. `grammar` is GBNF; `images` are JPEG or PNG."""

    system: str
    prompt: str
    images: tuple[bytes, ...]
    grammar: str
    max_tokens: int
    seed: int
    temperature: float


@dataclass(frozen=True, slots=True)
class Generated:
    """What came out. `whole`: not cut off by `max_tokens`.

    `read` are the tokens of the prompt that were not known from the question before, in `prompt_s` seconds; None where
    the binding does not tell.
    """

    text: str
    usage: Usage
    whole: bool = True
    read: int | None = None
    prompt_s: float | None = None
    answer_s: float | None = None


class Stopped(Exception):
    """Generation ended early because `stop` said so."""


Stop = Callable[[], bool]


class Engine(Protocol):
    """A model that is loaded. One call at a time; `stop` is asked as often as the binding can bear."""

    @property
    def sees(self) -> bool:
        """Whether a vision part is loaded."""

    def generate(self, request: Request, stop: Stop) -> Generated:
        """Answer one request. Raises `Stopped` once `stop` says so, `NoAnswer` for what it cannot do."""

    def close(self) -> None:
        """Free the model; a second call does nothing."""


class EngineModel:
    """An engine as a `LanguageModel`; `cancel`, from any thread, ends the answer that is being made."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        seed: int = 0,
        temperature: float = 0.0,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`seed` and `temperature` are for tasks that name none of their own."""
        self.name = name
        self._seed = seed
        self._temperature = temperature
        self._engine = engine
        self._clock = clock
        self._cancelled = threading.Event()
        self._one = threading.Lock()
        self._closed = False
        self.last: Generated | None = None  # timings of the last answer, for who measures

    @property
    def sees(self) -> bool:
        """Whether it takes pictures."""
        return self._engine.sees

    def ask(
        self,
        task: Task,
        images: Sequence[bytes],
        facts: Mapping[str, Fact],
        schema: JsonSchema,
        deadline_s: float,
    ) -> Answer:
        """See `LanguageModel.ask`; a second question at the same time is refused as `busy`."""
        if not self._one.acquire(blocking=False):
            raise NoAnswer("busy", f"{self.name} is answering another question")
        try:
            return self._answer(task, images, facts, schema, deadline_s)
        finally:
            self._one.release()

    def _answer(
        self, task: Task, images: Sequence[bytes], facts: Mapping[str, Fact], schema: JsonSchema, deadline_s: float
    ) -> Answer:
        start = self._clock()
        self._cancelled.clear()
        request = self.request(task, images, facts, schema)
        try:
            made = self._engine.generate(
                request, lambda: self._cancelled.is_set() or self._clock() - start >= deadline_s
            )
        except Stopped as stopped:
            raise NoAnswer("timeout", f"{self.name} was stopped after {self._clock() - start:.1f} s") from stopped
        self.last = made
        if not made.whole:
            raise NoAnswer("invalid", f"{self.name}: the answer is longer than {task.max_tokens} tokens")
        values = read_answer(made.text, schema)
        prompt = f"{request.system}\n\n{request.prompt}".strip()
        return Answer(values, made.text, self.name, self._clock() - start, made.usage, prompt)

    def request(self, task: Task, images: Sequence[bytes], facts: Mapping[str, Fact], schema: JsonSchema) -> Request:
        """What the binding is given. Raises `NoAnswer("refused")` for pictures that it cannot take."""
        if self._closed:
            raise NoAnswer("refused", f"{self.name} was closed")
        if images and not self._engine.sees:
            raise NoAnswer("refused", f"{self.name} takes no pictures: it has no vision part (mmproj)")
        check_images(images)
        system, prompt = filled(task, facts)
        return Request(
            system,
            prompt,
            tuple(images),
            grammar(schema),
            max(1, task.max_tokens),
            task.seed or self._seed,
            task.temperature or self._temperature,
        )

    def cancel(self) -> None:
        """End the answer that is being made, if there is one."""
        self._cancelled.set()

    def close(self) -> None:
        """Let the model go, after the answer that is being made has been stopped."""
        self.cancel()
        with self._one:
            if not self._closed:
                self._closed = True
                self._engine.close()


def check_images(images: Sequence[bytes]) -> None:
    """Raises `NoAnswer("refused")` for too many pictures, too large ones, and what is neither JPEG nor PNG."""
    if len(images) > MAX_IMAGES:
        raise NoAnswer("refused", f"{len(images)} pictures; at most {MAX_IMAGES} are taken")
    for number, image in enumerate(images, 1):
        if len(image) > MAX_IMAGE_BYTES:
            raise NoAnswer("refused", f"picture {number} has {len(image)} bytes")
        if not image.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
            raise NoAnswer("refused", f"picture {number} is neither JPEG nor PNG")
