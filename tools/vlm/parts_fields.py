"""What the demo model is asked about a picture of a part on a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PART_FIELDS: dict[str, tuple[str, ...]] = {
    "verdict": ("pass", "reject", "unsure"),
    "defect": ("none", "scratch", "hole", "missing_screw", "discolouration", "misprint", "unsure"),
    "place": ("upper_left", "upper_right", "lower_left", "lower_right", "centre", "none", "unsure"),
    "extent": ("none", "small", "medium", "large", "unsure"),
    "material": ("metal", "plastic", "board", "unsure"),
    "visibility": ("clear", "dark", "blurred", "covered"),
    "supports": ("yes", "no", "unsure"),
    "threat": ("0", "1", "2", "3"),
}
PART_SEEN = ("material", "defect", "place", "visibility", "extent")  # told by the picture alone


@dataclass(frozen=True)
class PartLook:
    """What is to be seen of one part; names and values are those of `PART_FIELDS`."""

    material: str = "metal"
    defect: str = "none"
    place: str = "none"
    visibility: str = "clear"
    extent: str = "none"


def part_answer(look: PartLook) -> dict[str, str]:
    """Every field of one part's picture."""
    verdict = {"none": "pass", "unsure": "unsure"}.get(look.defect, "reject")
    supports = {"pass": "no", "reject": "yes", "unsure": "unsure"}[verdict]
    return {
        "verdict": verdict,
        "defect": look.defect,
        "place": look.place,
        "extent": look.extent,
        "material": look.material,
        "visibility": look.visibility,
        "supports": supports,
        "threat": {"no": "0", "unsure": "1", "yes": "2"}[supports],
    }


def part_schema() -> dict[str, Any]:
    """The JSON schema of an answer about a part."""
    properties: dict[str, Any] = {key: {"type": "string", "enum": list(values)} for key, values in PART_FIELDS.items()}
    properties["threat"] = {"type": "integer", "minimum": 0, "maximum": 3}
    return {"type": "object", "properties": properties, "required": list(PART_FIELDS), "additionalProperties": False}
