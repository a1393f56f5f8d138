"""What one camera watches: zones, lines, masks, how to detect, which rules. Plain values; no file is read here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self, Union

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from vision.geometry import scaled
from vision.rules.base import RuleParams, View, rule_types
from vision.schedule import Schedule

if TYPE_CHECKING:
    AnyRule = RuleParams
else:
    AnyRule = Annotated[Union[tuple(rule.Params for rule in rule_types().values())], Field(discriminator="type")]  # noqa: UP007


def _in_picture(value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError("a coordinate is 0..1 of the picture's width or height (0.5 is the middle), not pixels")
    return value


Coordinate = Annotated[float, AfterValidator(_in_picture)]
PicturePoint = tuple[Coordinate, Coordinate]


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Zone(_Value):
    """A named area of the picture."""

    name: str = Field(min_length=1)
    polygon: tuple[PicturePoint, ...] = Field(min_length=3, description="Corners in 0..1 of the picture, in order.")


class Line(_Value):
    """A named line; walked from the first to the last point, crossing from its left to its right hand is "in"."""

    name: str = Field(min_length=1)
    points: tuple[PicturePoint, ...] = Field(min_length=2, description="Points in 0..1 of the picture, in order.")


class Mask(_Value):
    """A part of the picture that is not looked at: a public road, a flag, a clock overlay."""

    name: str | None = None
    polygon: tuple[PicturePoint, ...] = Field(min_length=3, description="Corners in 0..1 of the picture, in order.")


class Detect(_Value):
    """How the detector is used on this camera."""

    fps: float = Field(
        5.0, gt=0, le=60, description="Pictures a second that are looked at, chosen by their timestamps."
    )
    classes: tuple[str, ...] | None = Field(
        None, description="Only these classes; default: those that the rules ask for."
    )
    confidence: float = Field(0.4, gt=0, lt=1, description="Score from which an object starts a track (0..1).")
    always: bool = Field(
        False, description="Run the detector on every sampled picture, also where nothing has changed."
    )


class Camera(_Value):
    """One camera's view of the world."""

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="Letters, digits, _ . -")
    detect: Detect = Detect()
    zones: tuple[Zone, ...] = ()
    lines: tuple[Line, ...] = ()
    masks: tuple[Mask, ...] = ()
    rules: tuple[AnyRule, ...] = ()
    schedule: Schedule | None = Field(None, description="When the rules are armed; default: always.")

    def view(self, width: int, height: int) -> View:
        """Zones and lines in pixels of a picture of this size."""
        return View(
            width,
            height,
            {zone.name: scaled(zone.polygon, width, height) for zone in self.zones},
            {line.name: scaled(line.points, width, height) for line in self.lines},
        )

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        for kind, items in (("zone", self.zones), ("line", self.lines)):
            names = [item.name for item in items]
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(f"two {kind}s are called {min(twice)!r}; give each its own name")
        return self
