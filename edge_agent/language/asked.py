"""Questions kept as evidence beside pictures and clips: `asked/…/<event id>.json` and the very pictures that were shown."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from edge_agent.files import dated, write_whole
from edge_agent.language.service import Told
from vision.errors import InputError
from vision.events import Event, Evidence
from vision.language.backends.base import ModelSettings
from vision.language.base import Locale
from vision.language.compose import asked_digest
from vision.language.prompts.book import prompts
from vision.language.record import ModelStamp, Question, kept_bytes, stamp
from vision.media.recording import MakeRoom, no_room

log = logging.getLogger("sightline.language")

FOLDER = "asked"


def question_of(
    event: Event, told: Told, model: ModelStamp, *, locale: Locale = "en", asked_at: float | None = None
) -> Question:
    """The record of one answer; the names of its pictures are still to come. `event`: as it was asked about."""
    task, settings = told.task, model.settings
    base = prompts().get(task.name.partition("+")[0])
    bare = {"evidence": Evidence(), "summary": None, "described": None}
    return Question(
        event=event.model_copy(update=bare),
        asked_at=asked_at,
        name=task.name,
        version=task.version,
        prompt_digest=base.digest if base else "",
        asked=asked_digest(task),
        system=task.system,
        prompt=task.prompt,
        max_tokens=task.max_tokens,
        seed=task.seed or int(settings.get("seed", 0)),
        temperature=task.temperature or float(settings.get("temperature", 0.0)),
        answer_schema=dict(told.schema),
        images=len(told.chosen.images),
        shown=told.chosen.shown,
        light=told.chosen.light,
        locale=locale,
        model=model,
        values=dict(told.answer.values),
        text=told.answer.text,
    )


class AskedKeeper:
    """Writes the questions of one model. `pictures`: also what it was shown; `daily`: in a folder for each day.

    No method raises. The model's files are looked at once, with the first answer. `clock`: epoch seconds UTC, where the
    moment is to be kept; `wrote(bytes)` hears of what is used up.
    """

    def __init__(
        self,
        folder: Path,
        settings: ModelSettings,
        *,
        locale: Locale = "en",
        pictures: bool = True,
        daily: bool = False,
        clock: Callable[[], float] | None = None,
        make_room: MakeRoom = no_room,
        wrote: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._folder, self._locale, self._pictures, self._daily = folder, locale, pictures, daily
        self._clock, self._make_room, self._wrote = clock, make_room, wrote
        self._stamp = functools.cache(lambda name: stamp(settings, name))
        self._complained = False

    def keep(self, event: Event, told: Told) -> None:
        """Write the question that was put about this event, its pictures first."""
        moment = None if self._clock is None else self._clock()
        question = question_of(event, told, self._stamp(told.answer.model), locale=self._locale, asked_at=moment)
        shown = told.chosen.images if self._pictures else ()
        names = [self._name(event, ".jpg" if number == 0 else f"-{number + 1}.jpg") for number in range(len(shown))]
        kept = tuple(kept_bytes(name, data) for name, data in zip(names, shown, strict=True))
        record = question.model_copy(update={"pictures": kept if self._pictures else None})
        try:
            for name, data in (*zip(names, shown, strict=True), (self._name(event, ".json"), _json(record))):
                self._wrote(write_whole(self._folder / name, data, self._make_room))
            self._complained = False
        except OSError as error:
            if not self._complained:  # one line until something could be written again
                log.error("a question to the model cannot be kept: %s", error.strerror, extra={"event": event.id})  # noqa: TRY400  # the place is known
            self._complained = True

    def _name(self, event: Event, ending: str) -> str:
        return dated(FOLDER, event, ending) if self._daily else f"{FOLDER}/{event.id}{ending}"


def _names(event: Event) -> tuple[str, str]:
    """Where a question may lie: live, and of a clip."""
    return dated(FOLDER, event, ".json"), f"{FOLDER}/{event.id}.json"


def question_files(folder: Path, event: Event) -> list[str]:
    """The paths, from `folder`, of what is kept of the question about this event: its record, its pictures; none if none."""
    name = next((name for name in _names(event) if event.described is not None and (folder / name).is_file()), None)
    if name is None:
        return []
    try:
        return [name, *(kept.path for kept in kept_question(folder, event).pictures or ())]
    except InputError:  # damaged: evidence all the same
        return [name]


def kept_question(folder: Path, event: Event) -> Question:
    """The question about this event below `folder`. Raises `InputError`, which says why there is none."""
    names = _names(event)
    path = next((folder / name for name in names if (folder / name).is_file()), None)
    if path is None and event.described is None:
        raise InputError(f"{event.id}: no language model has described this event; its words are made of its facts")
    if path is None:
        raise InputError(f"{event.id}: the question is no more: {folder / names[0]} (evidence is kept for keep_days)")
    try:
        return Question.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        why = getattr(error, "strerror", None) or "it is damaged, or of another version"
        raise InputError(f"{path}: the question cannot be read: {why}") from None


def _json(question: Question) -> bytes:
    return question.model_dump_json(indent=1).encode() + b"\n"
