"""A kept question asked again: is it still the same picture, prompt and model, and is it still the same answer?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_agent.config import Config
from edge_agent.language.child import start_model
from edge_agent.language.settings import asking_for, model_settings
from vision.errors import ModelError, OutsideError
from vision.language.backends.base import ModelSettings
from vision.language.compose import Described, asked_digest, describe
from vision.language.model import Answer, LanguageModel, NoAnswer
from vision.language.prompts.book import prompts
from vision.language.prompts.task import CameraContext, task_for
from vision.language.record import Question, differences, kept_bytes, kept_file, runtime

Starter = Callable[[ModelSettings], LanguageModel]


@dataclass(frozen=True, slots=True)
class Again:
    """What came of asking again. `changed`: field -> what was answered then, what now."""

    answer: Answer
    described: Described
    changed: dict[str, tuple[Any, Any]]

    @property
    def same(self) -> bool:
        """Whether every field is answered as it was then."""
        return not self.changed


@dataclass(frozen=True, slots=True)
class Revisit:
    """A kept question as far as it can be put again.

    `notes`: what has changed or is gone, a line each. `hindrance`: why it cannot be asked at all.
    """

    question: Question
    images: tuple[bytes, ...]
    settings: ModelSettings | None
    notes: tuple[str, ...] = ()
    hindrance: str | None = None


def revisit(question: Question, folder: Path, config: Config | None) -> Revisit:
    """Gather what the question needs. `folder`: of the evidence. `config`: of the agent, where it is known."""
    images, notes, missing = _pictures(question, folder)
    notes += _prompt(question, config)
    settings, about_model, no_model = _model(question, config)
    hindrances = [one for one in (missing, no_model) if one]
    return Revisit(question, images, settings, (*notes, *about_model), "; ".join(hindrances) or None)


def ask_again(what: Revisit, timeout_s: float, start: Starter = start_model) -> Again:
    """Ask once more. Raises `OutsideError` where a picture is gone, or the model gives no answer, and `ModelError`."""
    question = what.question
    if what.hindrance is not None or what.settings is None:
        raise OutsideError(f"it cannot be asked again: {what.hindrance}")
    model = start(what.settings)
    try:
        answer = model.ask(question.task(), what.images, {}, question.answer_schema, timeout_s)
    except NoAnswer as error:
        raise ModelError(f"no answer now: {error.failure}: {error}") from error
    finally:
        model.close()
    return Again(answer, _in_words(question, answer), differences(question, answer))


def _in_words(question: Question, answer: Answer) -> Described:
    """The event as it was then, with this answer."""
    return describe(
        question.event,
        answer,
        question.task(),
        question.answer_schema,
        locale=question.locale,
        light=question.light,
        shown=question.shown,
    )


def _pictures(question: Question, folder: Path) -> tuple[tuple[bytes, ...], list[str], str | None]:
    """The pictures, what is to be said of them, and why it cannot be asked without them."""
    if question.pictures is None:
        return (), [], "the picture was not kept (evidence.snapshots is off)"
    images: list[bytes] = []
    notes: list[str] = []
    for kept in question.pictures:
        try:
            data = (folder / kept.path).read_bytes()
        except OSError:
            return (), notes, f"the picture is no more: {folder / kept.path}"
        if kept_bytes(kept.path, data) != kept:
            notes.append(f"the picture has changed since: {folder / kept.path}")
        images.append(data)
    return tuple(images), notes, None


def _prompt(question: Question, config: Config | None) -> list[str]:
    """Whether the same event would be asked about in the same words today."""
    base = prompts().get(question.name.partition("+")[0])
    if base is None:
        return [f"the prompt {question.name} is no more; asked in the words of then"]
    if base.digest != question.prompt_digest:
        then, now = f"{question.version} ({question.prompt_digest})", f"{base.version} ({base.digest})"
        return [f"the prompt has changed since: {base.name} {then} then, {now} now; asked in the words of then"]
    if config is None:
        return []
    asking = asking_for(config)
    context = CameraContext(asking.contexts.get(question.event.camera, ""), asking.timezone)
    task = task_for(
        question.event, context, asking.overrides, fields=asking.fields_of(question.event), shown=question.shown
    )
    if asked_digest(task) == question.asked:
        return []
    return ["the config asks in other words now (prompts, fields or the camera's context); asked in the words of then"]


def _model(question: Question, config: Config | None) -> tuple[ModelSettings | None, list[str], str | None]:
    """The settings to ask with, what is to be said of the model, and why there is none."""
    stamp = question.model
    then = ModelSettings.model_validate(stamp.settings)
    now = _today(config)
    notes = []
    if now is not None and _named(now) != _named(then):
        notes.append(f"the config names another model now: {_named(now)}; asked with {_named(then)}")
    if then.backend == "openai":
        notes.append(f"the server at {then.url} decides which model answers; it may be another one than then")
        if now is not None and now.url == then.url:
            then = then.model_copy(update={"api_key": now.api_key})
        return then, notes, None
    moved = _moved(question, now)
    for key, kept in stamp.files.items():
        path = moved.get(key, Path(kept.path))
        found = kept_file(path)
        if found is None:
            return None, notes, f"the model is no more: {kept.path}"
        if found.digest != kept.digest:
            notes.append(f"the model has changed since: {kept.path} is another file now")
        then = then.model_copy(update={key: path})
    here = runtime(then.backend)
    if here != stamp.runtime:
        notes.append(f"the runtime has changed since: {stamp.runtime or 'unknown'} then, {here or 'none'} now")
    return then, notes, None


def _today(config: Config | None) -> ModelSettings | None:
    """The model that the config names; None for the template."""
    if config is None or config.language.backend == "template":
        return None
    return model_settings(config.language)


def _named(settings: ModelSettings) -> str:
    """A model by its file, or by its name at a server."""
    if settings.path is not None:
        return settings.path.name
    return f"{settings.model or 'the default'} at {settings.url}"


def _moved(question: Question, now: ModelSettings | None) -> dict[str, Path]:
    """Files that the config names elsewhere now and that are the same, so that a moved model is found."""
    found: dict[str, Path] = {}
    named = {} if now is None else {"path": now.path, "mmproj": now.mmproj}
    for key, path in named.items():
        kept = question.model.files.get(key)
        if kept is not None and path is not None and str(path) != kept.path:
            there = kept_file(path)
            if there is not None and there.digest == kept.digest:
                found[key] = path
    return found
