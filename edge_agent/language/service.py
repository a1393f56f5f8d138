"""Asks the language model about events, beside everything else: nobody waits for it, and it may never answer.

    put ──> waiting (one for each camera and rule) ──> asked ──> Outcome
             │ a newer event of the same incident takes its place          the answer, held against the facts
             └ its time has passed ──> Outcome without an answer           or why there is none

Those that hold back an alert go first, then the newest. Every request has exactly one outcome.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from edge_agent.language.status import LanguageStatus, Words
from vision.events import Event
from vision.frame import Picture
from vision.language.base import Locale
from vision.language.compose import Described, describe
from vision.language.crops import Box01, Chosen, Moment, choose
from vision.language.fields import fields_for, schema_for
from vision.language.model import Answer, JsonSchema, LanguageModel, NoAnswer, Task
from vision.language.prompts.task import CameraContext, PromptOverride, task_for

log = logging.getLogger("sightline.language")

_IDLE_S = 5.0  # so long without a question before a model is let go for others' sake
_LEAST_S = 0.3  # with less time left a question is not begun


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture of an event, not yet converted; `box` of its subject in 0..1."""

    picture: Picture
    box: Box01 | None
    t: float


@dataclass(frozen=True, slots=True)
class Asking:
    """How to ask: language and time zone of the words, prompts' overrides, the side of the encoder's picture in pixels.

    `verified`: cameras and rules whose alarms the model is asked to judge; None: all.
    """

    locale: Locale = "en"
    timezone: tzinfo = UTC
    contexts: dict[str, str] = field(default_factory=dict)  # camera -> what is known of the place
    overrides: tuple[PromptOverride, ...] = ()
    side: int = 512
    sheets: bool = True
    fields: tuple[str, ...] | None = None
    verified: frozenset[tuple[str, str]] | None = None

    def fields_of(self, event: Event) -> tuple[str, ...] | None:
        """The fields that are asked about an event; None: those that fit its type. No verdict where none is wanted."""
        if self.verified is None or (event.camera, event.rule) in self.verified:
            return self.fields
        names = fields_for(event.type) if self.fields is None else self.fields
        return tuple(name for name in names if name != "supports") or names


@dataclass(frozen=True, slots=True)
class Told:
    """An answer with all that is needed to put it beside the event again when that has changed."""

    answer: Answer
    task: Task
    schema: JsonSchema
    chosen: Chosen

    def of(self, event: Event, asking: Asking) -> Described:
        """The event as it is now, in words."""
        return describe(
            event,
            self.answer,
            self.task,
            self.schema,
            locale=asking.locale,
            timezone=asking.timezone,
            light=self.chosen.light,
            shown=self.chosen.shown,
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request: what the model told, or why it told nothing."""

    event: Event
    told: Told | None
    why_not: str | None = None


@dataclass(frozen=True, slots=True)
class _Request:
    event: Event
    shots: tuple[Shot, ...]
    until: float
    urgent: bool
    number: int
    put: float


def shown_of(event: Event, shots: Sequence[Shot], asking: Asking) -> Chosen:
    """The picture that the model is shown of an event. Raises `NoAnswer` where there is none."""
    if not shots:
        raise NoAnswer("unusable", "there is no picture of the event")
    moments = [Moment(shot.picture.bgr(), shot.box, shot.t) for shot in shots]
    return choose(event, moments, side=asking.side, sheets=asking.sheets)


def ask_about(model: LanguageModel, event: Event, chosen: Chosen, asking: Asking, deadline_s: float) -> Told:
    """One question. Raises `NoAnswer`; a model without eyes is asked nothing, for it would make up what it sees."""
    if not model.sees:
        raise NoAnswer("refused", f"{model.name} sees no pictures: it has no vision part (language.mmproj)")
    context = CameraContext(
        asking.contexts.get(event.camera, ""), asking.timezone
    )  # asked in English, told in any language
    fields = asking.fields_of(event)
    schema = schema_for(event.type, fields)
    task = task_for(event, context, asking.overrides, fields=fields, shown=chosen.shown)
    answer = model.ask(task, chosen.images, {}, schema, deadline_s)
    return Told(answer, task, schema, chosen)


class Describer:
    """One thread, one question at a time. `result` is called in that thread; `clock` gives monotonic seconds."""

    def __init__(
        self,
        model: LanguageModel,
        asking: Asking,
        result: Callable[[Outcome], None],
        *,
        deadline_s: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.asking = asking
        self.words = Words()
        self._model, self._result, self._deadline_s, self._clock = model, result, deadline_s, clock
        self._waiting: dict[tuple[str, str], _Request] = {}
        self._number = 0
        self._wake = threading.Condition()
        self._closing = False
        self._asking = False
        self._thread = threading.Thread(target=self._run, name="language", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def put(self, event: Event, shots: Sequence[Shot], *, within_s: float | None = None, urgent: bool = False) -> None:
        """From any thread: ask about this event. `urgent`: an alert waits for the verdict, `within_s` seconds at most."""
        now = self._clock()
        until = now + min(self._deadline_s, within_s or self._deadline_s)
        with self._wake:
            self._number += 1
            key = (event.camera, event.rule or event.type)
            before = self._waiting.pop(key, None)
            request = _Request(event, tuple(shots), until, urgent, self._number, now)
            closing = self._closing
            if not closing:
                self._waiting[key] = request
                self._wake.notify()
        if closing:
            self._over(request, "the agent ends", "ended")
        elif before is not None:
            self._over(before, "a newer event of the same incident took its place", "replaced")

    def stop(self, timeout: float) -> None:
        """Ask no more; what waits has its outcome without an answer."""
        with self._wake:
            self._closing = True
            left = list(self._waiting.values())
            self._waiting.clear()
            self._wake.notify()
        for request in left:
            self._over(request, "the agent ends", "ended")
        self._model.close()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def ease(self) -> bool:
        """Let an idle model go where the machine wants its memory back; whether it went."""
        unload_if_pressed = getattr(self._model, "unload_if_pressed", None)  # a local model has it
        return unload_if_pressed is not None and not self._waiting and bool(unload_if_pressed(idle_s=_IDLE_S))

    def status(self) -> LanguageStatus:
        """The model and the queue as they are now."""
        state = getattr(self._model, "state", None)  # a local model has it
        child = state() if state is not None else None
        return self.words.status(self._model.name, child, waiting=len(self._waiting), asking=self._asking)

    def _run(self) -> None:
        warm_up = getattr(self._model, "warm_up", None)  # a local model is loaded before it is needed
        if warm_up is not None:
            try:
                warm_up()
            except NoAnswer as error:
                log.warning("the language model cannot be used now, the fixed words stand: %s", error)
        while True:
            with self._wake:
                while not self._waiting and not self._closing:
                    self._wake.wait()
                if self._closing:
                    return
                key = max(self._waiting, key=lambda k: (self._waiting[k].urgent, self._waiting[k].number))
                request = self._waiting.pop(key)
                self._asking = True
            self._ask(request)
            self._asking = False

    def _ask(self, request: _Request) -> None:
        left = request.until - self._clock()
        if left < _LEAST_S:
            self._over(request, "its time had passed before it was asked", "expired")
            return
        try:
            chosen = shown_of(request.event, request.shots, self.asking)
            told = ask_about(self._model, request.event, chosen, self.asking, left)
            described = told.of(request.event, self.asking)
        except NoAnswer as error:
            self._over(request, f"{error.failure}: {error}", error.failure)
        except Exception as error:  # a picture that cannot be shown must not end the thread
            log.exception("the model could not be asked", extra={"event": request.event.id})
            self._over(request, f"internal error: {type(error).__name__}", "error")
        else:
            self._tell(Outcome(request.event, told))
            self.words.answered(described, self._clock() - request.put)  # whoever sees the count finds the words told

    def _over(self, request: _Request, reason: str, kind: str) -> None:
        log.info("no words of the model: %s", reason, extra={"event": request.event.id, "camera": request.event.camera})
        self._tell(Outcome(request.event, None, reason))
        self.words.over(kind, reason)

    def _tell(self, outcome: Outcome) -> None:
        try:
            self._result(outcome)
        except Exception:
            log.exception("an answer could not be recorded", extra={"event": outcome.event.id})
