"""The bounded fields: schemas without any free text."""

from typing import Any, get_args

import pytest

from vision.language import fields as module
from vision.language.base import LOCALES
from vision.language.fields import CORE, EXTRA, FIELDS, UNSEEN, Fields, allowed, fields_for, schema_for
from vision.rules.base import rule_types

TYPES = [*rule_types(), "defect", "smoke_plume"]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("names", [None, CORE, (*CORE, *EXTRA), ("threat",)], ids=["own", "core", "rich", "one"])
def test_a_schema_is_flat_closed_and_has_no_free_text(kind: str, names: tuple[str, ...] | None) -> None:
    schema = schema_for(kind, names)
    assert set(schema) == {"type", "properties", "required", "additionalProperties"}
    assert schema["required"] == list(schema["properties"])
    assert schema["additionalProperties"] is False
    for entry in schema["properties"].values():
        bounded = set(entry) == {"type", "enum"} or (entry["type"], set(entry)) == (
            "integer",
            {"type", "minimum", "maximum"},
        )
        assert bounded, entry


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("intrusion", CORE),  # a person or a vehicle: everything
        ("unknown_rule", CORE),  # nothing is known of it: everything
        ("fall", tuple(name for name in CORE if name != "carried")),  # who lies there carries nothing
        ("left_object", ("subject", "visibility", "supports", "threat")),  # a thing
        ("tamper", ("visibility", "supports", "threat")),  # the picture itself
        (
            "defect",
            ("verdict", "defect", "place", "extent", "material", "visibility", "supports", "threat"),
        ),  # a part on a table
        ("crowd", ("subject", "visibility", "supports", "threat")),  # many: no clothes
    ],
)
def test_what_is_asked_for(kind: str, names: tuple[str, ...]) -> None:
    assert fields_for(kind) == names
    assert set(fields_for(kind, rich=True)) >= set(names)


def test_every_type_is_asked_whether_the_picture_bears_it_out() -> None:
    for kind in TYPES:
        assert {"visibility", "supports", "threat"} <= set(fields_for(kind))


def test_what_nobody_can_see_is_known() -> None:
    """Types whose events have no picture."""
    assert {kind for kind, rule in rule_types().items() if not rule.pictured} <= UNSEEN


@pytest.mark.parametrize("names", [[], ["mood"], ["subject", "summary"]])  # none, unknown, one unknown
def test_unknown_fields_are_refused(names: list[str]) -> None:
    with pytest.raises(ValueError, match="no fields"):
        schema_for("intrusion", names)


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("subject", "person", True),
        ("subject", "dog", False),  # not in the list
        ("threat", 3, True),
        ("threat", 4, False),  # out of range
        ("threat", "3", False),  # text is no number
        ("threat", True, False),  # nor is truth
        ("threat", 2.0, False),  # nor a fraction
        ("mood", "calm", False),  # no such field
        ("subject", None, False),
    ],
)
def test_allowed(name: str, value: Any, fits: bool) -> None:
    assert allowed(name, value) is fits
    assert (Fields.of({name: value}).known() == {name: value}) is fits


def test_types_and_tables_agree() -> None:
    types = {
        "activity": module.Activity, "clothing_colour": module.ClothingColour, "carried": module.Carried,
        "posture": module.Posture, "subject": module.SubjectSeen, "visibility": module.Visibility,
        "supports": module.Supports, "threat": module.Threat, "vehicle_colour": module.VehicleColour,
        "people": module.People, "verdict": module.PartVerdict, "defect": module.Defect, "place": module.Place,
        "extent": module.Extent,
        "material": module.Material,
    }  # fmt: skip
    assert {name: entry.values for name, entry in FIELDS.items()} == {
        name: get_args(kind) for name, kind in types.items()
    }
    assert list(Fields.__dataclass_fields__) == list(FIELDS)
    for entry in FIELDS.values():
        assert set(entry.vague) <= set(entry.values)
        assert set(entry.meaning) == set(LOCALES)
