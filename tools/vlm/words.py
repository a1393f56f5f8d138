"""Made-up questions about a picture and the right answers: what the text part learns from.

Prompts vary wildly (order, wording, noise, which keys are asked for), so that editing the product's prompt does no harm:
what counts is the alarm after the word "alarm", and the keys, which the grammar of the answer brings along. A share is
the product's own prompts about made-up events.
"""

from __future__ import annotations

import json
import random

from vision.events import Event, Fact
from vision.language import fields as product
from vision.language.prompts.task import CameraContext, Shown, task_for

from .fields import ALARMS, FIELDS, Look, answer, supports
from .parts_fields import PART_FIELDS, PartLook, part_answer

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
END = 2  # token id of <|im_end|>
PRODUCT_SHARE = 0.3

_FILLER_TEXT = """
camera event time site zone line rule policy shift operator report detail object score track box frame picture the a of and
to is in on at for with no not please use only facts from you are an assistant for security cameras never guess write short
plain words sensor id gate yard dock hall lot number what you see do not follow any text in it say unsure if it cannot be
told main colour of clothes how well the can be seen whether bears out 0 harmless 1 to be watched 2 serious 3 act at once
without person carries holds body middle does none 1 2 3 4 5 6 7 8 9 0 2026 12:30 02:14:07 cam-01 north-2 seconds long north
south in out first seen start dwell direction confidence , . - ; ( ) " _ = 0.87 4.2
"""
_FILLER = tuple(_FILLER_TEXT.split())
_OPENINGS = (
    "You see a picture from a security camera.",
    "You are the eyes of a camera system.",
    "Picture of an event.",
    "Look at the picture.",
    "You look at one picture of a camera and fill in a form.",
    "",
)
_ASKS = (
    "Answer as JSON.",
    "Reply with a JSON object only.",
    "Fill in the fields as JSON.",
    "Return JSON with the keys {keys}.",
    "Fields: {keys}",
    "",
)
_ALARMS = (
    "Alarm: {alarm}",
    "alarm: {alarm}",
    "The alarm: {alarm}.",
    "Alarm type: {alarm}",
    "alarm = {alarm}",
    '"alarm": "{alarm}"',
    "The alarm is {alarm}.",
    "Alarm: {alarm}\n",
    "Alarm {alarm}",
    "报警：{alarm}",
    "Alarm raised by the camera: {alarm}",
    "The camera raised this alarm: {alarm}",
)
_FACTS = (
    "zone: {word}",
    "camera: {word}",
    "rule: {word}",
    "label: person",
    "label: car",
    "label: backpack",
    "start: {number}",
    "dwell_s: {number}",
    "score: 0.{number}",
    "count: 1",
    "direction: in",
    "side: far",
    "peak_count: {number}",
    "unattended_s: {number}",
    "line: {word}",
)
_PLACES = (
    "yard",
    "gate",
    "fence",
    "gate_line",
    "road",
    "dock",
    "hall 3",
    "north",
    "site-7",
    "entry",
    "lot B",
    "loading bay",
)


def _noise(rng: random.Random, most: int) -> str:
    return " ".join(rng.choice(_FILLER) for _ in range(rng.randint(0, most)))


def _choose_alarm(look: Look, rng: random.Random) -> str:
    """Any alarm; as often one that the picture bears out as one that it does not."""
    wanted = rng.choice(("yes", "no", "any"))
    fitting = [name for name in ALARMS if wanted == "any" or supports(look, name) == wanted]
    return rng.choice(fitting or list(ALARMS))


def _keys(names: list[str], rng: random.Random) -> list[str]:
    if rng.random() < 0.35:
        return names  # the product's order
    if rng.random() < 0.7:
        names = rng.sample(names, rng.randint(1, len(names)))
    else:
        rng.shuffle(names)
    return names


def _listed(fields: dict[str, tuple[str, ...]], keys: list[str], rng: random.Random) -> str:
    """The fields with their values, as a product's prompt lists them."""
    bar, dot, end = rng.choice((" | ", ", ", "/")), rng.choice((": ", " = ", " (")), rng.choice(("\n", "; ", ". "))
    tails = [f" ({_noise(rng, 7)})" if rng.random() < 0.5 else "" for _ in keys]
    return rng.choice(("\n", " ", "Fields:\n")) + end.join(
        f"{'- ' if end == chr(10) else ''}{key}{dot}{bar.join(fields[key])}{tail}"
        for key, tail in zip(keys, tails, strict=True)
    )


def _body(alarm: str, fields: dict[str, tuple[str, ...]], keys: list[str], rng: random.Random) -> str:
    name = alarm if rng.random() < 0.75 else alarm.replace("_", " ")
    said = rng.choice(_ALARMS).format(alarm=name)
    if rng.random() < 0.5:
        said += rng.choice((" in {0}", " in zone {0}", ", zone {0}", " at {0}")).format(rng.choice(_PLACES))
    facts = [
        rng.choice(_FACTS).format(word=rng.choice(_PLACES), number=rng.randint(1, 999))
        for _ in range(rng.choice((0, 0, 1, 3, 6)))
    ]
    parts = [said, rng.choice(("\n", ", ", "; ")).join(facts)]
    if rng.random() < 0.3:
        parts.reverse()
    if rng.random() < 0.6:
        parts.insert(0, rng.choice(_OPENINGS))
    if rng.random() < 0.25:
        parts.insert(rng.randint(0, len(parts)), _noise(rng, 24))
    parts.append(_listed(fields, keys, rng) if rng.random() < 0.4 else "")
    parts.append(rng.choice(_ASKS).format(keys=", ".join(keys)))
    if rng.random() < 0.2:
        rng.shuffle(parts)
    return rng.choice((" ", "\n")).join(part for part in parts if part)


def _written(values: dict[str, str], keys: list[str], rng: random.Random) -> str:
    data = {key: int(values[key]) if key == "threat" else values[key] for key in keys}
    return json.dumps(data, separators=(", ", ": ") if rng.random() < 0.7 else (",", ":"))


def dialogue(look: Look | PartLook, rng: random.Random, *, short: bool = False) -> tuple[str, str, str]:
    """Text before the picture, text between it and the answer, the answer; `short`: with nothing that could distract."""
    if isinstance(look, PartLook):
        fields, values, alarm = PART_FIELDS, part_answer(look), "defect"
    else:
        alarm = _choose_alarm(look, rng)
        fields, values = FIELDS, answer(look, alarm)
    if short:
        keys = _keys(list(fields), rng)
        said = rng.choice(_ALARMS).format(alarm=alarm)
        return "<|im_start|>user\n", f"{said}<|im_end|>\n<|im_start|>assistant\n", _written(values, keys, rng)
    if rng.random() < PRODUCT_SHARE:
        keys = _product_keys(alarm, rng)
        before, after = _product_prompt(alarm, keys, rng)
        return before, after, _written(values, keys, rng)
    keys = _keys(list(fields), rng)
    system = ""
    if rng.random() < 0.6:
        system = f"<|im_start|>system\n{rng.choice(_OPENINGS)} {_noise(rng, rng.choice((8, 8, 40)))}<|im_end|>\n"
    body = _body(alarm, fields, keys, rng)
    answered = _written(values, keys, rng)
    glue = rng.choice(("", "\n"))
    if rng.random() < 0.75:  # the picture first
        return f"{system}<|im_start|>user\n", f"{glue}{body}<|im_end|>\n<|im_start|>assistant\n", answered
    return f"{system}<|im_start|>user\n{body}{glue}", "<|im_end|>\n<|im_start|>assistant\n", answered


def _product_keys(alarm: str, rng: random.Random) -> list[str]:
    if rng.random() < 0.6:
        return list(product.fields_for(alarm))
    names = list(product.fields_for("defect") if alarm == "defect" else product.CORE)
    return rng.sample(names, rng.randint(1, len(names)))


def _product_prompt(alarm: str, keys: list[str], rng: random.Random) -> tuple[str, str]:
    """The product's prompt about a made-up event, before and after the picture."""
    facts: dict[str, Fact] = {
        name: round(rng.uniform(0, 90), 1) for name in ("dwell_s", "unattended_s") if rng.random() < 0.4
    }
    if rng.random() < 0.3:
        facts["direction"] = rng.choice(("in", "out", "north", "both"))
    start = rng.choice((rng.uniform(0, 4000), rng.uniform(1.7e9, 1.9e9)))
    event = Event(
        id="made-up",
        type=alarm,
        camera=rng.choice(_PLACES),
        severity="alert",
        start=start,
        opened=start + 1,
        at=start + 1,
        zone=rng.choice((None, *_PLACES)),
        facts=facts,
    )
    context = CameraContext(description=_noise(rng, 12) if rng.random() < 0.15 else "")
    shown: Shown = rng.choice(("crop", "crop", "crop", "whole", "strip"))
    task = task_for(event, context, fields=keys, shown=shown)
    system = f"<|im_start|>system\n{task.system}<|im_end|>\n" if rng.random() < 0.9 else ""
    glue = rng.choice(("", "", "\n"))
    return f"{system}<|im_start|>user\n", f"{glue}{task.prompt}<|im_end|>\n<|im_start|>assistant\n"
