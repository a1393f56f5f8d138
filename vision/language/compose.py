"""The final sentence: the facts first, from the event; then what the model saw, in fixed words that begin with saying so.

Who, what, where, when and how long are the template's sentence, letter by letter. What follows "The model adds:" is made
of the fields that survived (`vision.language.grounding`), so no text of a model or of a picture can get into it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, tzinfo

from pydantic import BaseModel, ConfigDict, Field

from vision.events import Event, Fact, Summary
from vision.language.base import Locale
from vision.language.compose_words import SeenWords, seen_words
from vision.language.fields import Fields, Value
from vision.language.grounding import Grounded, Verdict, ground
from vision.language.grounding_tables import Reason, seen_as
from vision.language.model import Answer, JsonSchema, Task
from vision.language.prompts.book import prompts
from vision.language.prompts.task import OWN_TASK, Shown
from vision.language.template import summarize


class DroppedField(BaseModel):
    """A value of the model's answer that is not told, and why."""

    model_config = ConfigDict(frozen=True)
    value: str | int | float | bool | None
    reason: Reason


class Described(BaseModel):
    """An event in words with everything that shows where they come from; plain JSON by `model_dump`.

    `from_facts`: the event's own values that are told, facts as `facts.<name>`. `from_model`: fields that survived;
    `told`: those of them that are in the text. `doubts`: what the model denies the alarm with. `confidence`: the share
    of fields that survived; `trusted` is False where so few did that nothing of the answer is told. `prompt_digest` is
    that of the prompt's file, `asked` that of the whole question, with what the config's owner changed.
    """

    model_config = ConfigDict(frozen=True)
    text: str
    from_facts: tuple[str, ...] = ()
    from_model: dict[str, str | int] = Field(default_factory=dict)
    told: tuple[str, ...] = ()
    doubts: dict[str, str | int] = Field(default_factory=dict)
    dropped: dict[str, DroppedField] = Field(default_factory=dict)
    contradictions: int = 0
    verdict: Verdict = "unsure"
    threat: int | None = None
    confidence: float = 1.0
    trusted: bool = True
    model: str = ""
    latency_s: float = 0.0
    prompt: str = ""
    prompt_version: int = 0
    prompt_digest: str = ""
    asked: str = ""
    shown: Shown = "crop"

    @property
    def adds(self) -> bool:
        """Whether the model's answer added anything to the text."""
        return bool(self.told) or self.verdict != "unsure"

    def summary(self) -> Summary:
        """For `Event.summary`; the template's own where the model added nothing."""
        if not self.adds:
            return Summary(text=self.text, source="template")
        return Summary(text=self.text, source="local", model=self.model, latency_s=round(self.latency_s, 3))

    def flat(self) -> dict[str, Fact]:
        """The record as facts of an event, all of them named `seen_…`."""
        facts: dict[str, Fact] = {
            f"seen_{name}": value for name, value in self.from_model.items() if name != "supports"
        }
        facts |= {"seen_verdict": self.verdict, "seen_confidence": self.confidence}
        facts["seen_prompt"] = f"{self.prompt} {self.prompt_version} {self.prompt_digest}"
        if self.doubts:
            facts["seen_doubts"] = [f"{name}={value}" for name, value in self.doubts.items()]
        if self.dropped:
            facts["seen_dropped"] = [f"{name}={entry.value}: {entry.reason}" for name, entry in self.dropped.items()]
        return facts


def describe(
    event: Event,
    answer: Answer,
    task: Task,
    schema: JsonSchema,
    *,
    locale: Locale | str = "en",
    timezone: tzinfo = UTC,
    light: float | None = None,
    shown: Shown = "crop",
) -> Described:
    """Hold an answer against its event and put both into words.

    `task`, `schema`: what was asked. `light`, `shown`: of `vision.language.crops.Chosen`.
    """
    own = task.name.endswith(OWN_TASK)
    grounded = ground(event, answer.values, schema, light=light, own_task=own)
    facts_text = summarize(event, locale, timezone=timezone).text
    words = seen_words(locale)
    said, told = _said(event, grounded, words) if grounded.trusted else ("", ())
    base = prompts().get(task.name.partition("+")[0])
    return Described(
        text=facts_text + (words.gap + said if said else ""),
        from_facts=told_facts(event, locale, timezone),
        from_model=grounded.fields.known(),
        told=told,
        doubts=dict(grounded.doubts),
        dropped={name: DroppedField(value=one.value, reason=one.reason) for name, one in grounded.dropped.items()},
        contradictions=grounded.contradictions,
        verdict=grounded.verdict,
        threat=grounded.fields.threat,
        confidence=grounded.confidence,
        trusted=grounded.trusted,
        model=answer.model,
        latency_s=answer.latency_s,
        prompt=task.name,
        prompt_version=task.version,
        prompt_digest=base.digest if base else "",
        asked=asked_digest(task),
        shown=shown,
    )


def asked_digest(task: Task) -> str:
    """Twelve characters that tell whether a question is the same, letter by letter."""
    return hashlib.sha256(f"{task.system}\x1f{task.prompt}".encode()).hexdigest()[:12]


def told_facts(event: Event, locale: Locale | str = "en", timezone: tzinfo = UTC) -> tuple[str, ...]:
    """Which of the event's values the template's sentence tells: those without which it would be another one."""
    whole = summarize(event, locale, timezone=timezone).text
    without: dict[str, Event] = {
        "label": event.model_copy(update={"label": None}),
        "count": event.model_copy(update={"count": 1}),
        "zone": event.model_copy(update={"zone": None}),
        "camera": event.model_copy(update={"camera": ""}),
        "score": event.model_copy(update={"score": None}),
        "start": event.model_copy(update={"start": event.start + 3600.0, "end": event.end and event.end + 3600.0}),
        "end": event.model_copy(update={"end": None}),
    }
    for name, value in event.facts.items():
        rest = {key: known for key, known in event.facts.items() if key != name}
        if isinstance(value, int | float) and not isinstance(value, bool):
            rest = event.facts | {
                name: value + 1000.0
            }  # left out, a length of time may be made up for by start and end
        without[f"facts.{name}"] = event.model_copy(update={"facts": rest})
    return tuple(name for name, less in without.items() if summarize(less, locale, timezone=timezone).text != whole)


def dropped_lines(described: Described, locale: Locale | str = "en") -> list[str]:
    """What was dropped, a line each: field, value, reason in words."""
    words = seen_words(locale)
    return [
        f"{words.names.get(name, name)} {entry.value}{words.colon}{words.reasons[entry.reason]}"
        for name, entry in described.dropped.items()
    ]


def _said(event: Event, grounded: Grounded, words: SeenWords) -> tuple[str, tuple[str, ...]]:
    """What the model adds, as a sentence, and the fields that are told in it; empty where there is nothing to say."""
    fields = grounded.fields
    told = _details(event, fields)
    details = [_detail(name, told, words) for name in told if name not in ("place", "extent")]
    parts = [_joined(details, words)] if details else []
    if fields.visibility in words.visibility:
        told["visibility"] = str(fields.visibility)
        parts.append(words.visibility[str(fields.visibility)])
    threat = words.threat.format(threat=fields.threat) if fields.threat is not None else ""
    if grounded.verdict == "no":
        why = _doubts(event, grounded.doubts, words)
        parts.append(words.no + (words.why + _joined(why, words) if why else ""))
    elif grounded.verdict == "yes":
        parts.append(words.yes + (words.comma + threat if threat else ""))
    if fields.threat is not None and grounded.verdict == "yes":
        told["threat"] = fields.threat
    if grounded.verdict != "unsure":
        told["supports"] = grounded.verdict
    return (words.lead + words.semicolon.join(parts) + words.stop if parts else ""), tuple(told)


def _detail(name: str, told: Mapping[str, Value], words: SeenWords) -> str:
    """One field in words; a defect with its place and its extent."""
    text = words.details[name][told[name]]
    if name == "defect" and "place" in told:
        text = words.located.format(defect=text, place=words.details["place"][told["place"]])
    if name == "defect" and "extent" in told:
        text = words.sized.format(defect=text, extent=words.details["extent"][told["extent"]])
    return text


def _details(event: Event, fields: Fields) -> dict[str, Value]:
    """The fields worth telling, in the order of the sentence: nothing that the facts or another field say already."""
    words = seen_words("en")
    told = {name: value for name in words.details if (value := getattr(fields, name)) in words.details[name]}
    if seen_as(event) is not None or event.type in ("crowd", "fall", "climbing", "loitering"):
        told.pop("subject", None)  # the facts say what it is
    elif event.type != "removed_object" and told.get("subject") == "none":
        del told["subject"]
    if "defect" not in told:
        told.pop("place", None)
        told.pop("extent", None)
    activity, posture = told.get("activity"), told.get("posture")
    if posture == activity or (posture == "upright" and activity is not None):
        told.pop("posture", None)
    if activity == "carrying" and "carried" in told:
        del told["activity"]
    if told.get("people") == "one":
        del told["people"]
    return told


def _doubts(event: Event, doubts: Mapping[str, Value], words: SeenWords) -> list[str]:
    """Why the alarm is denied; what somebody does says how the body is held, too."""
    group = seen_as(event)
    people = "person" in group if group is not None else event.type not in ("left_object", "removed_object")
    rest = dict(doubts)
    if "activity" in rest:
        rest.pop("posture", None)
    if "subject" in rest:
        rest.pop("people", None)
    if "defect" in rest:
        rest.pop("verdict", None)
    keys = {
        name: name if name != "subject" or (people and event.type != "removed_object") else "subject.thing"
        for name in rest
    }
    return [text for name, value in rest.items() if (text := words.doubts.get(keys[name], {}).get(value))]


def _joined(parts: list[str], words: SeenWords) -> str:
    return words.last_comma.join([words.comma.join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]
