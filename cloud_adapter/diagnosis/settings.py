"""What is asked about a picture: the section `profiles` of the cloud config, one entry for each kind of subject."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from vision.language.base import Locale
from vision.settings.values import ConfigPath, Value

MAX_REFERENCES = 8
RESERVED = ("healthy", "unsure", "none", "text_in_scene")

LabelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=48)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"^[^\r\n]*$")]
Severity = Literal["low", "medium", "high"]


class LabelSettings(Value):
    """One thing that a picture may show."""

    meaning: Line | None = Field(None, description="What it looks like, in plain words; the model reads this.")
    severity: Severity = Field("medium", description="How bad it is where the model does not say.")


class Reference(Value):
    """A picture whose label is known; it is shown to the model before the question."""

    picture: ConfigPath = Field(description="The file; it is made smaller and loses its metadata.")
    label: LabelName = Field(description="What it shows: a label of the profile, or healthy.")


class LeafProfile(Value):
    """Leaves of one crop: first healthy or not, then which of the labels."""

    kind: Literal["leaf"] = "leaf"
    crop: LabelName = Field(description="The crop; also names the table of advice (potato, rice, tomato).")
    labels: dict[LabelName, LabelSettings] = Field(
        min_length=1, max_length=40, description="The closed list of what may be found, beside healthy and unsure."
    )
    model: str = Field(description="The model that names what it sees; a name of the catalogue, or rules.")
    first_model: str | None = Field(
        None, description="A cheaper model for the first question, healthy or not; default: the same model."
    )
    second_model: str | None = Field(
        None, description="Another model that is asked too when a disease was named; guarded actions may need it."
    )
    first_question: bool = Field(
        True, description="Ask healthy-or-not first; saves the dearer question for most pictures."
    )
    references: tuple[Reference, ...] = Field(
        (), max_length=MAX_REFERENCES, description="At most 8, kept in this order."
    )
    reference_px: int = Field(384, ge=64, le=1024, description="Longest edge of a reference picture as it is shown.")
    healthy_confidence: float = Field(0.8, ge=0.5, le=1, description="So sure the first answer has to be to end there.")
    min_confidence: float = Field(0.6, ge=0, le=1, description="Less sure than this: a person has to look.")
    calibration: ConfigPath | None = Field(None, description="Table of calibrations; default: none, said so.")
    advice: ConfigPath | None = Field(None, description="Table of advice; default: the shipped one of the crop.")
    locale: Locale = Field("en", description="Language of the advice.")
    find_writing: bool = Field(
        True,
        description="Look for writing without the model as well; a picture with writing goes to a person, unasked.",
    )

    @model_validator(mode="after")
    def _labels(self) -> Self:
        for name in RESERVED:
            if name in self.labels:
                raise ValueError(f"`{name}` is always there and is not listed in `labels`")
        for reference in self.references:
            if reference.label not in (*self.labels, "healthy"):
                raise ValueError(f"a reference shows `{reference.label}`, which is no label of this profile")
        if self.second_model is not None and self.second_model == self.model:
            raise ValueError("`second_model` has to be another model than `model`")
        return self


class CoverProfile(Value):
    """A manhole cover: tilt and vibration first, a picture second."""

    kind: Literal["cover"] = "cover"
    model: str | None = Field(None, description="The model that looks at pictures; default: none, a person does.")
    tilt_sensor: str = Field("tilt", description="Name of the readings of the tilt against the frame, in degrees.")
    vibration_sensor: str = Field("vibration", description="Name of the readings of the vibration, in g.")
    in_place_deg: float = Field(3, ge=0, le=45, description="Up to this tilt the cover lies as it should.")
    displaced_deg: float = Field(10, gt=0, le=90, description="From this tilt it does not; between the two is unsure.")
    rattling_g: float = Field(
        1.5, gt=0, le=16, description="From this vibration it sits loosely: unsure, and worth a look."
    )
    max_age_s: float = Field(3600, ge=1, le=604800, description="Readings older than this are named and not used.")
    max_ahead_s: float = Field(
        120, ge=0, le=86400, description="Readings further in the future are named and not used."
    )
    min_confidence: float = Field(0.7, ge=0, le=1, description="Less sure than this: a person has to look.")
    calibration: ConfigPath | None = Field(None, description="Table of calibrations; default: none, said so.")
    find_writing: bool = Field(
        False,
        description="Send pictures with writing to a person; covers carry writing by themselves, so not by default.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.in_place_deg >= self.displaced_deg:
            raise ValueError("`in_place_deg` has to be smaller than `displaced_deg`")
        return self


Profile = Annotated[LeafProfile | CoverProfile, Field(discriminator="kind")]
Profiles = dict[str, Profile]
