"""From an event to the task that a language model is given.

The system text comes first and holds all that stays the same from question to question; the user's text names the alarm,
then the task, then the lines of data. Both are whole: they have no places left to be filled. The lines of data tell
neither what the detector took the thing for, nor how many there were, nor what is wrong with a picture, so that the
answer is a second opinion and not an echo.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Literal

from vision.events import Event, Fact
from vision.language.base import Locale
from vision.language.fields import FIELDS, fields_for
from vision.language.model import Task
from vision.language.prompts.book import frame, prompt_for
from vision.language.prompts.plain import TEXT_CHARS, plain, quoted
from vision.language.template import clock

Shown = Literal["crop", "whole", "strip"]
OWN_TASK = "+own"  # at the end of a task's name: the config's owner put the question

_PLACE = re.compile(r"\{(\w*)\}")
_BARE = re.compile(r"[\w.+ -]{1,40}|[\d: -]{4,}( [\w+:-]{1,9})?")  # words, numbers and times need no quotation marks
_TOLD: tuple[tuple[str, tuple[str, ...]], ...] = (  # line of data, and the facts that it may come from
    ("direction", ("direction", "crossing")),
    ("seconds", ("dwell_s", "lying_s", "unattended_s", "lasted_s", "duration_s", "seconds")),
)
_NAMES = ("camera", "place")
PLACES = ("alarm", "camera", "place", "time", *(name for name, _ in _TOLD))


@dataclass(frozen=True, slots=True)
class PromptOverride:
    """What a config's owner says in place of, or besides, a prompt.

    `camera` and `rule` (a rule's name or type) say where it holds; None: everywhere. `task` takes the place of the
    prompt's task and may name `PLACES` in braces; `context` is said besides ("a school yard"); `language` is the prompt's.
    """

    task: str | None = None
    context: str | None = None
    language: Locale | None = None
    camera: str | None = None
    rule: str | None = None

    def problem(self) -> str | None:
        """What is wrong with it, for the check of a config; None when all is well."""
        for place in _PLACE.findall(self.task or ""):
            if place not in PLACES:
                return f"{{{place}}} is no place in a prompt; there are {', '.join(PLACES)}"
        for name, text in (("task", self.task), ("context", self.context)):
            if text is not None and not plain(text, TEXT_CHARS):
                return f"{name} is empty"
            if text is not None and len(text) > TEXT_CHARS:
                return f"{name} has {len(text)} characters, {TEXT_CHARS} are read"
        return None


@dataclass(frozen=True, slots=True)
class CameraContext:
    """What is known of a camera apart from the event: a description, its time zone, and the language of prompts."""

    description: str = ""
    timezone: tzinfo = UTC
    language: Locale = "en"


def task_for(
    event: Event,
    context: CameraContext = CameraContext(),
    overrides: Sequence[PromptOverride] = (),
    *,
    fields: Sequence[str] | None = None,
    shown: Shown = "crop",
    max_tokens: int = 160,
) -> Task:
    """What to ask about this event; `fields` as given to `schema_for`, `shown`: what the picture shows.

    Of several overrides that hold, the most special one wins (camera and rule, camera, rule, all); contexts add up.
    """
    matching = _matching(event, overrides)
    locale = next((entry.language for entry in matching if entry.language), context.language)
    prompt, shared = prompt_for(event.type), frame(locale)
    own = next((entry.task for entry in matching if entry.task), None)
    facts = facts_for(event, context)
    task = prompt.task[locale] if own is None else _filled(own, facts)
    said = [f"{shared.alarm}{facts['alarm']}", task, shared.picture[shown]]
    about = [context.description, *(entry.context or "" for entry in reversed(matching))]
    known = [text for text in dict.fromkeys(plain(text, TEXT_CHARS) for text in about) if text]
    if known:
        said.append(shared.context + "; ".join(known))
    said += [shared.data, *(f"{name}: {_line(name, value)}" for name, value in facts.items() if name != "alarm")]
    return Task(
        name=prompt.name + (OWN_TASK if own is not None else "+context" if known else ""),
        version=prompt.version,
        system=system_text(fields_for(event.type) if fields is None else tuple(fields), locale),
        prompt="\n".join(said),
        max_tokens=max_tokens,
    )


def system_text(fields: Sequence[str], locale: Locale = "en") -> str:
    """The bearing that is asked of the model, then the fields with their values: the part that can be kept evaluated."""
    shared = frame(locale)
    listed = [f"- {name}: {FIELDS[name].choices} ({FIELDS[name].meaning[locale]})" for name in fields]
    return "\n".join([shared.system, shared.fields, *listed])


def facts_for(event: Event, context: CameraContext = CameraContext()) -> Mapping[str, Fact]:
    """The facts that the model is given with the task, names made plain; keys are of `PLACES`."""
    facts: dict[str, Fact] = {"alarm": plain(event.type), "camera": plain(event.camera)}
    if event.zone:
        facts["place"] = plain(event.zone)
    facts["time"] = clock(event.start, context.timezone)
    for name, sources in _TOLD:
        value = next((event.facts[source] for source in sources if event.facts.get(source) is not None), None)
        if isinstance(value, float | int) and not isinstance(value, bool):
            facts[name] = round(float(value), 1)
        elif isinstance(value, str):
            facts[name] = plain(value)
    return facts


def _matching(event: Event, overrides: Sequence[PromptOverride]) -> list[PromptOverride]:
    """Those that hold for the event, the most special one first; of equals the last one."""
    rules = {event.rule, event.type}
    holding = [
        entry
        for entry in reversed(overrides)
        if entry.camera in (None, event.camera) and (entry.rule is None or entry.rule in rules)
    ]
    return sorted(holding, key=lambda entry: (entry.camera is None, entry.rule is None))


def _filled(text: str, facts: Mapping[str, Fact]) -> str:
    """The owner's text with its places filled by data, everything else in it made plain."""
    parts = _PLACE.split(text)  # text, place, text, place, …
    said = [_data(facts.get(part)) if index % 2 else _between(part) for index, part in enumerate(parts)]
    return re.sub(" +", " ", "".join(said)).strip()


def _between(text: str) -> str:
    """A piece of the owner's text made plain, with a space where it had one at its ends."""
    known = plain(text, TEXT_CHARS)
    if not known:
        return " " if text else ""
    return f"{' ' if text[0].isspace() else ''}{known}{' ' if text[-1].isspace() else ''}"


def _line(name: str, value: Fact) -> str:
    """The value of a line of data; names are always in quotation marks."""
    return quoted(value) if name in _NAMES else _data(value)


def _data(value: Fact) -> str:
    """A value as it stands in a line of data: plain words and numbers bare, any other text in quotation marks."""
    if value is None:
        return "unknown"
    if isinstance(value, float):
        return f"{value:g}"
    text = str(value)
    return text if _BARE.fullmatch(text) and text.isascii() else quoted(text)
