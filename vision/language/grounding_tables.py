"""What an event's facts say about the fields of a picture, as tables: which values cannot be, which speak for the alarm.

Only what is certain is called impossible. The time of day says nothing of the light, a dog's owner may stand beside the
dog, and somebody who fell may have sat up: such values stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from vision.events import Event
from vision.language.fields import Value

Reason = Literal[
    "not_asked",  # a key that is not in the schema
    "not_allowed",  # a value that the field does not have
    "label",  # the detector saw another kind of thing
    "event",  # what happened rules it out
    "count",  # the event counted more
    "detected",  # something was detected in this very picture, so its lens is not covered
    "kind",  # another kind of tampering was measured
    "light",  # the measured brightness of the picture says otherwise
    "mismatch",  # two answers exclude each other
    "unseen",  # a detail of something that was not seen
    "untold",  # one picture cannot tell this
    "poor_sight",  # a denial of what can hardly be seen
    "unfounded",  # a denial that nothing else in the answer bears out
]

Ruled = Mapping[str, tuple[Value, ...]]

PERSON_FIELDS: Ruled = {  # and the values that need a person to be seen
    "activity": ("walking", "standing", "climbing", "lying", "carrying"),
    "clothing_colour": ("red", "blue", "green", "yellow", "white", "grey", "black", "brown"),
    "carried": ("bag",),
    "posture": ("upright", "bent", "lying", "climbing"),
}
VEHICLE_FIELDS: Ruled = {
    "vehicle_colour": ("red", "blue", "green", "yellow", "white", "grey", "black", "brown"),
}

_DEFECTS = ("scratch", "hole", "missing_screw", "discolouration", "misprint")

# Values that an event of this type cannot have, were it as the rule says.
IMPOSSIBLE: Mapping[str, Ruled] = {
    "fall": {
        "posture": ("upright", "climbing"),
        "activity": ("walking", "standing", "climbing", "carrying"),
    },
    "climbing": {"posture": ("lying",), "activity": ("lying",)},
    "line_crossing": {"posture": ("lying",), "activity": ("lying",)},
    "left_object": {
        "subject": ("person", "none"),
        "carried": ("bag",),  # it is unattended
        "activity": ("walking", "standing", "climbing", "lying", "carrying"),
        "posture": ("upright", "bent", "lying", "climbing"),
        "clothing_colour": PERSON_FIELDS["clothing_colour"],
    },
    "removed_object": {"subject": ("bag",)},
    "defect": {"verdict": ("pass",), "defect": ("none",)},
}
# Of these, the ones that say the alarm is false, if they are right; the others only show that the answer is confused.
DENIALS: Mapping[str, Ruled] = {
    "fall": {
        "posture": ("upright", "bent", "climbing"),
        "activity": ("walking", "standing", "climbing", "carrying"),
        "subject": ("none",),
    },
    "climbing": {
        "posture": ("upright", "bent", "lying"),
        "activity": ("walking", "standing", "lying", "carrying"),
        "subject": ("none",),
    },
    "left_object": {**PERSON_FIELDS, "subject": ("person", "none")},
    "removed_object": {"subject": ("bag",)},
    "crowd": {"subject": ("none",), "people": ("none", "one", "few")},
    "tamper": {"visibility": ("clear",)},
    "defect": {"verdict": ("pass",), "defect": ("none",)},
    "*": {"subject": ("none",), "people": ("none",)},
}
PROOFS: Mapping[str, Ruled] = {  # values that bear out the alarm
    "fall": {"posture": ("lying",), "activity": ("lying",)},
    "climbing": {"posture": ("climbing",), "activity": ("climbing",)},
    "left_object": {"subject": ("bag",)},
    "removed_object": {"subject": ("none",)},
    "crowd": {"people": ("many",)},
    "tamper": {"visibility": ("covered", "blurred")},
    "loitering": {"subject": ("person",)},
    "defect": {"verdict": ("reject",), "defect": _DEFECTS},
    "*": {"subject": ("person", "car")},
}
# Kinds of tampering, and what the picture then cannot look like.
KINDS: Mapping[str, tuple[Value, ...]] = {
    "covered": ("clear",),
    "blurred": ("clear",),
    "black": ("clear", "blurred"),
    "moved": ("covered",),
}
UNTOLD_KINDS = ("moved", "frozen")  # to be seen only by comparing pictures

# Pairs of answers about one person that exclude each other.
MISMATCHES: tuple[tuple[str, tuple[Value, ...], str, tuple[Value, ...]], ...] = (
    ("activity", ("walking", "standing", "climbing", "carrying"), "posture", ("lying",)),
    ("activity", ("lying",), "posture", ("upright", "climbing")),
    ("activity", ("walking", "standing"), "posture", ("climbing",)),
    ("activity", ("carrying",), "carried", ("nothing",)),
    ("subject", ("person",), "people", ("none",)),
    ("subject", ("none",), "people", ("one", "few", "many")),
    ("verdict", ("pass",), "defect", _DEFECTS),
    ("verdict", ("reject",), "defect", ("none",)),
    ("defect", ("none",), "place", ("upper_left", "upper_right", "lower_left", "lower_right", "centre")),
    ("defect", ("none",), "extent", ("small", "medium", "large")),
)

# Fields that say whether the alarm is true; the others only describe.
EVIDENCE = frozenset(
    {"activity", "posture", "subject", "visibility", "people", "threat", "supports", "verdict", "defect"}
)

BRIGHT = 180.0  # mean grey level (0..255) above which no picture is dark; the ground under a lamp has 135 by night
BLACK = 20.0  # and below which none is clear

_PEOPLE = frozenset(
    {"person", "people", "pedestrian", "man", "woman", "child", "boy", "girl", "worker", "face", "head"}
)
_RIDDEN = frozenset({"bicycle", "motorcycle", "motorbike", "scooter"})
_VEHICLES = frozenset({"car", "truck", "bus", "van", "vehicle", "pickup", "lorry", "train", "tractor", "forklift"})
_BAGS = frozenset({"bag", "backpack", "handbag", "suitcase", "luggage", "package", "parcel", "box", "briefcase"})
_THINGS = frozenset({"object", "thing", "item", "unknown"})


def seen_as(event: Event) -> frozenset[str] | None:
    """What the `subject` of the picture may be by the event's label; None where that is not known."""
    name = (event.label or "").replace("_", " ").strip().lower()
    if not name or name in _THINGS:
        return None
    if name in _RIDDEN:
        return frozenset({"person", "car"})  # with or without its rider
    for names, subject in ((_PEOPLE, "person"), (_VEHICLES, "car"), (_BAGS, "bag")):
        if name in names:
            return frozenset({subject})
    return frozenset()  # a dog, a chair: none of the subjects there are


def defect_named(event: Event) -> str | None:
    """The kind of defect that an inspection told of, where it is one of those that can be answered."""
    name = (event.label or "").replace(" ", "_").strip().lower()
    return name if event.type == "defect" and name in _DEFECTS else None


def at_least(event: Event) -> int:
    """How many people the event counted."""
    most = [event.facts.get(name) for name in ("people_max", "peak", "max_count")]
    return max([event.count, *(round(n) for n in most if isinstance(n, int | float))])
