"""What the demo model is asked: bounded fields of an event's picture, and which answers go together.

The picture decides the fields of a `Look`; `supports` and `threat` also depend on the alarm that the prompt names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

FIELDS: dict[str, tuple[str, ...]] = {
    "activity": ("walking", "standing", "climbing", "lying", "carrying", "none"),
    "clothing_colour": ("red", "blue", "green", "yellow", "white", "grey", "black", "brown", "unsure"),
    "carried": ("nothing", "bag", "unsure"),
    "posture": ("upright", "bent", "lying", "climbing", "unsure"),
    "subject": ("person", "car", "bag", "none", "unsure"),
    "visibility": ("clear", "dark", "blurred", "covered"),
    "supports": ("yes", "no", "unsure"),
    "threat": ("0", "1", "2", "3"),
}
SEEN = ("activity", "clothing_colour", "carried", "posture", "subject", "visibility")  # told by the picture alone

# How grave an alarm is when the picture bears it out.
ALARMS: dict[str, int] = {
    "intrusion": 2,
    "line_crossing": 1,
    "loitering": 1,
    "climbing": 3,
    "fall": 2,
    "left_object": 2,
    "removed_object": 2,
    "counting": 0,
    "crowd": 1,
    "tamper": 3,
}


@dataclass(frozen=True)
class Look:
    """What is to be seen in one picture; names and values are those of `FIELDS`."""

    subject: str = "none"
    activity: str = "none"
    posture: str = "unsure"
    clothing_colour: str = "unsure"
    carried: str = "nothing"
    visibility: str = "clear"

    def covered(self) -> Look:
        """The same scene behind a cloth: nothing can be told."""
        return Look("unsure", "none", "unsure", "unsure", "unsure", "covered")

    def blurred(self) -> Look:
        """The same scene out of focus: small things cannot be told."""
        return replace(self, carried="unsure" if self.subject == "person" else self.carried, visibility="blurred")


def supports(look: Look, alarm: str) -> str:
    """Whether the picture bears out an alarm: yes, no, or unsure."""
    if alarm == "tamper":
        return {"covered": "yes", "blurred": "yes", "dark": "unsure"}.get(look.visibility, "no")
    if look.visibility == "covered" or look.subject == "unsure":
        return "unsure"
    if alarm == "left_object":
        right = look.subject == "bag"
    elif alarm == "removed_object":
        right = look.subject == "none"
    elif alarm == "climbing":
        right = look.posture == "climbing"
    elif alarm == "fall":
        right = look.posture == "lying"
    elif alarm in {"loitering", "crowd"}:
        right = look.subject == "person"
    else:
        right = look.subject in {"person", "car"}
    return "yes" if right else "no"


def threat(look: Look, alarm: str) -> str:
    """0 to 3: nothing when the picture speaks against the alarm, 1 when it does not tell, else by the alarm."""
    told = supports(look, alarm)
    return str({"no": 0, "unsure": 1, "yes": ALARMS[alarm]}[told])


def answer(look: Look, alarm: str) -> dict[str, str]:
    """Every field of one picture under one alarm."""
    seen = {name: str(getattr(look, name)) for name in SEEN}
    return seen | {"supports": supports(look, alarm), "threat": threat(look, alarm)}


def schema(keys: tuple[str, ...] = tuple(FIELDS)) -> dict[str, Any]:
    """The JSON schema of an answer with these keys."""
    properties: dict[str, Any] = {
        key: {"type": "integer", "minimum": 0, "maximum": 3}
        if key == "threat"
        else {"type": "string", "enum": list(FIELDS[key])}
        for key in keys
    }
    return {"type": "object", "properties": properties, "required": list(keys), "additionalProperties": False}
