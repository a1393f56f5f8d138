"""What a language model may say about the picture of an event: a few fields, each one of a few values.

There is no free text among them: whatever is written in a picture, and whatever a model makes of it, only these values
can get into a sentence. The demo model is trained on the fields of `CORE` and, for parts on a table, of `PARTS`; a
larger model may be asked for those of `EXTRA` too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from vision.language.base import Locale
from vision.language.model import JsonSchema

Activity = Literal["walking", "standing", "climbing", "lying", "carrying", "none"]
ClothingColour = Literal["red", "blue", "green", "yellow", "white", "grey", "black", "brown", "unsure"]
Carried = Literal["nothing", "bag", "unsure"]
Posture = Literal["upright", "bent", "lying", "climbing", "unsure"]
SubjectSeen = Literal["person", "car", "bag", "none", "unsure"]
Visibility = Literal["clear", "dark", "blurred", "covered"]
Supports = Literal["yes", "no", "unsure"]
Threat = Literal[0, 1, 2, 3]
VehicleColour = Literal["red", "blue", "green", "yellow", "white", "grey", "black", "brown", "none", "unsure"]
People = Literal["none", "one", "few", "many", "unsure"]
PartVerdict = Literal["pass", "reject", "unsure"]
Defect = Literal["none", "scratch", "hole", "missing_screw", "discolouration", "misprint", "unsure"]
Place = Literal["upper_left", "upper_right", "lower_left", "lower_right", "centre", "none", "unsure"]
Extent = Literal["none", "small", "medium", "large", "unsure"]
Material = Literal["metal", "plastic", "board", "unsure"]

Value = str | int


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its values, what is asked for in words, and which values say nothing.

    `rules`: the event types it is asked for; None: all of which there are pictures.
    """

    name: str
    values: tuple[Value, ...]
    meaning: Mapping[Locale, str]
    vague: tuple[Value, ...] = ()
    rules: frozenset[str] | None = None

    @property
    def schema(self) -> dict[str, Any]:
        """Its JSON Schema: an enum of strings or a range of integers."""
        if isinstance(self.values[0], int):
            return {"type": "integer", "minimum": self.values[0], "maximum": self.values[-1]}
        return {"type": "string", "enum": list(self.values)}

    @property
    def choices(self) -> str:
        """Its values as they are listed in a prompt."""
        return " | ".join(str(value) for value in self.values)


_PEOPLE = frozenset({"intrusion", "line_crossing", "climbing", "loitering", "fall"})
_THINGS = frozenset({"left_object", "removed_object"})

_CORE = (
    Field(
        "activity",
        get_args(Activity),
        {"en": "what the person does; none without a person", "zh": "人物的动作，没有人时为 none"},
        ("none",),
        _PEOPLE,
    ),
    Field(
        "clothing_colour",
        get_args(ClothingColour),
        {"en": "main colour of the person's clothes", "zh": "人物衣服的主要颜色"},
        ("unsure",),
        _PEOPLE,
    ),
    Field(
        "carried",
        get_args(Carried),
        {"en": "what the person carries", "zh": "人物携带的物品"},
        ("nothing", "unsure"),
        _PEOPLE - {"fall"},
    ),
    Field(
        "posture",
        get_args(Posture),
        {"en": "how the person holds the body", "zh": "人物的身体姿态"},
        ("unsure",),
        _PEOPLE,
    ),
    Field(
        "subject",
        get_args(SubjectSeen),
        {"en": "what is in the middle of the picture", "zh": "图片中央是什么"},
        ("unsure",),
        _PEOPLE | _THINGS | {"crowd", "counting"},
    ),
    Field("visibility", get_args(Visibility), {"en": "how well the picture can be seen", "zh": "画面的清晰程度"}, ()),
    Field(
        "supports",
        get_args(Supports),
        {"en": "whether the picture bears this out", "zh": "画面是否与此相符"},
        ("unsure",),
    ),
    Field(
        "threat",
        get_args(Threat),
        {"en": "0 harmless, 1 to be watched, 2 serious, 3 act at once", "zh": "0 无害，1 需留意，2 严重，3 须立即处理"},
        (),
    ),
)
_EXTRA = (
    Field(
        "vehicle_colour",
        get_args(VehicleColour),
        {"en": "main colour of the vehicle; none without a vehicle", "zh": "车辆的主要颜色，没有车辆时为 none"},
        ("none", "unsure"),
        frozenset({"intrusion", "line_crossing", "loitering", "counting"}),
    ),
    Field(
        "people",
        get_args(People),
        {
            "en": "how many people are to be seen: few is 2 to 4, many 5 or more",
            "zh": "能看到的人数：few 为 2 到 4 人，many 为 5 人以上",
        },
        ("unsure",),
        _PEOPLE | {"crowd"},
    ),
)

_PART = frozenset({"defect"})
_PARTS = (
    Field(
        "verdict", get_args(PartVerdict), {"en": "whether the part is good", "zh": "零件是否合格"}, ("unsure",), _PART
    ),
    Field(
        "defect",
        get_args(Defect),
        {"en": "what is wrong with the part", "zh": "零件的缺陷"},
        ("unsure",),
        _PART,
    ),
    Field(
        "place",
        get_args(Place),
        {"en": "where on the part; none without a defect", "zh": "缺陷在零件上的位置，没有缺陷时为 none"},
        ("none", "unsure"),
        _PART,
    ),
    Field(
        "extent",
        get_args(Extent),
        {
            "en": "how long the defect is: small is under 15% of the part's width, large over 30%; none without a defect",
            "zh": "缺陷的长度：small 为零件宽度的 15% 以下，large 为 30% 以上，没有缺陷时为 none",
        },
        ("none", "unsure"),
        _PART,
    ),
    Field("material", get_args(Material), {"en": "what the part is made of", "zh": "零件的材料"}, ("unsure",), _PART),
)

FIELDS: Mapping[str, Field] = {entry.name: entry for entry in (*_CORE, *_EXTRA, *_PARTS)}
CORE: tuple[str, ...] = tuple(entry.name for entry in _CORE)
EXTRA: tuple[str, ...] = tuple(entry.name for entry in _EXTRA)
PARTS: tuple[str, ...] = tuple(entry.name for entry in _PARTS)

# Types of events with nothing to look at: what the agent tells of itself, and counts over an hour.
UNSEEN = frozenset({"camera_offline", "camera_online", "storage_low", "counting", "output_missed", "score_drift"})


@dataclass(frozen=True, slots=True)
class Fields:
    """Values by field; None where a field was not asked for or did not survive."""

    activity: Activity | None = None
    clothing_colour: ClothingColour | None = None
    carried: Carried | None = None
    posture: Posture | None = None
    subject: SubjectSeen | None = None
    visibility: Visibility | None = None
    supports: Supports | None = None
    threat: Threat | None = None
    vehicle_colour: VehicleColour | None = None
    people: People | None = None
    verdict: PartVerdict | None = None
    defect: Defect | None = None
    place: Place | None = None
    extent: Extent | None = None
    material: Material | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Fields:
        """The allowed ones of these values; any other key or value is left out."""
        return cls(**{name: value for name, value in values.items() if allowed(name, value)})

    def known(self) -> dict[str, Value]:
        """The fields that have a value, in their order."""
        pairs = ((entry.name, getattr(self, entry.name)) for entry in fields(self))
        return {name: value for name, value in pairs if value is not None}


def allowed(name: str, value: object) -> bool:
    """Whether the field may have this value; the types count too: `True` is no number, `"2"` neither."""
    entry = FIELDS.get(name)
    return entry is not None and any(type(value) is type(known) and value == known for known in entry.values)


def fields_for(rule_type: str, *, rich: bool = False) -> tuple[str, ...]:
    """The fields that are asked for an event of this type; of an unknown type all. `rich`: with those of `EXTRA`."""
    known = any(rule_type in (entry.rules or ()) for entry in FIELDS.values()) or rule_type == "tamper"
    names = (*(PARTS if rule_type in _PART else ()), *CORE, *(EXTRA if rich else ()))
    return tuple(name for name in names if not known or (rules := FIELDS[name].rules) is None or rule_type in rules)


def schema_for(rule_type: str, fields: Iterable[str] | None = None) -> JsonSchema:
    """The JSON Schema of an answer: a flat object, every key required, enums and ranges of integers only.

    `fields`: these and no others, in this order. Raises `ValueError` for a name that is no field.
    """
    names = fields_for(rule_type) if fields is None else tuple(dict.fromkeys(fields))
    unknown = [name for name in names if name not in FIELDS]
    if unknown or not names:
        raise ValueError(f"no fields: {', '.join(unknown) or 'none named'}; there are {', '.join(FIELDS)}")
    return {
        "type": "object",
        "properties": {name: FIELDS[name].schema for name in names},
        "required": list(names),
        "additionalProperties": False,
    }
