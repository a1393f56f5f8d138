"""`sightline events describe`: a kept question, shown and asked again, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError
from rich.text import Text

from edge_agent.config import Config
from edge_agent.event_table import one_line
from edge_agent.language.again import Again, Revisit, ask_again, revisit
from edge_agent.language.asked import kept_question
from vision.errors import InputError, OutsideError
from vision.events import Event
from vision.language.record import Question

_OPTIONS = ("n_ctx", "threads", "memory_mb")
_EVENTS = "events.jsonl"


def replayed_event(folder: Path, event_id: str) -> Event:
    """An event of this id, or beginning of an id, that a replay has written. Raises `InputError`."""
    path = folder / _EVENTS
    try:
        found = [Event.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise InputError(
            f"--from {folder}: no {_EVENTS} there ({error.strerror}); name the folder of replay --out"
        ) from None
    except ValidationError:
        raise InputError(f"{path}: is not what a replay writes") from None
    named = [event for event in found if event.id.startswith(event_id.upper())]
    if len(named) != 1:
        several = f"{len(named)} events begin so; give more of the id" if named else f"no such event in {path}"
        raise InputError(f"{one_line(event_id)[:40]}: {several}")
    return named[0]


@dataclass(frozen=True, slots=True)
class Retelling:
    """A kept question with all that is needed to ask it again; `folder` holds the evidence."""

    what: Revisit
    folder: Path

    @classmethod
    def of(cls, event: Event, folder: Path, config: Config | None) -> Self:
        """Raises `InputError` where nothing is kept of the event."""
        return cls(revisit(kept_question(folder, event), folder, config), folder)

    def lines(self, timeout_s: float, *, show_prompt: bool = False) -> Iterator[Text]:
        """What was asked and answered then; what has changed; what is answered now.

        Asks the model on the way. Raises `OutsideError` at the end where it cannot be asked, or gives no answer.
        """
        question = self.what.question
        yield Text.assemble((f"{question.event.type} ", "bold"), (question.event.id, "dim"))
        yield from self._then()
        if show_prompt:
            yield from _prompt(question)
        for note in self.what.notes:
            yield Text.assemble(("  note: ", "yellow"), one_line(note))
        again = ask_again(self.what, timeout_s)
        yield _line("answer now", f"{_told(again.answer.values)}  ({again.answer.latency_s:.2f} s)")
        yield _line("in words", again.described.text)
        yield _compared(again)

    def as_json(self, timeout_s: float) -> dict[str, Any]:
        """The same for programs; `again` is null, with a reason, where there is no answer now."""
        question = self.what.question
        made: dict[str, Any] = {"question": question.model_dump(mode="json"), "notes": list(self.what.notes)}
        try:
            again = ask_again(self.what, timeout_s)
        except OutsideError as error:
            return {**made, "again": None, "why_not": str(error)}
        told = {"values": dict(again.answer.values), "text": again.answer.text, "latency_s": again.answer.latency_s}
        return {**made, "again": {**told, "words": again.described.text, "same": again.same}, "why_not": None}

    def _then(self) -> Iterator[Text]:
        question, model = self.what.question, self.what.question.model
        if question.asked_at is not None:
            yield _line("asked", datetime.fromtimestamp(question.asked_at, UTC).isoformat(timespec="seconds"))
        runtime = f", {model.runtime}" if model.runtime else ""
        yield _line("model", f"{model.name} ({model.settings.get('backend')}{runtime})")
        yield _line(
            "prompt", f"{question.name} version {question.version} {question.prompt_digest}, text {question.asked}"
        )
        for kept in question.pictures or ():
            yield _line("picture", f"{self.folder / kept.path} ({question.shown}, {kept.size} bytes)")
        yield _line("answer then", _told(question.values))


def _prompt(question: Question) -> Iterator[Text]:
    """The whole question."""
    model = question.model
    options = {name: model.settings[name] for name in _OPTIONS if model.settings.get(name) is not None}
    told = {"seed": question.seed, "temperature": question.temperature, "max_tokens": question.max_tokens, **options}
    yield _line("options", ", ".join(f"{name} {value}" for name, value in told.items()))
    for key, kept in model.files.items():
        yield _line("model file", f"{key} {kept.path}, {kept.size} bytes, {kept.digest[:12]}")
    if model.settings.get("url"):
        yield _line("server", f"{model.settings['url']}, model {model.settings.get('model') or 'its own'}")
    for title, text in (("system", question.system), ("question", question.prompt)):
        yield _line(title, "")
        yield from (Text(f"    {one_line(line)}") for line in text.splitlines())
    yield _line("schema", json.dumps(question.answer_schema, ensure_ascii=False))
    yield _line("written by the model", question.text)


def _compared(again: Again) -> Text:
    if again.same:
        return Text("  the same answer as then", "green")
    told = "; ".join(f"{name} {then} then, {now} now" for name, (then, now) in again.changed.items())
    return Text.assemble(("  not the same answer: ", "yellow"), one_line(told))


def _told(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _line(name: str, value: str) -> Text:
    return Text.assemble((f"  {one_line(name)}: ", "dim"), one_line(value))
