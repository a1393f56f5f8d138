"""What is looked at on a part, and how: the declarative recipe, one pydantic model from file to documentation.

name: bracket
reference: good.png
locate: {turn: 20}
regions:
  - {name: whole, checks: [{type: golden}]}
  - {name: label, box: [0.2, 0.6, 0.8, 0.9], checks: [{type: code, expect_order: serial}]}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Union

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vision.geometry import Point
from vision.inspect.check import CheckParams, check_types

Share = Annotated[float, Field(ge=0, le=1)]

if TYPE_CHECKING:
    AnyCheck = CheckParams
else:
    AnyCheck = Annotated[Union[tuple(c.Params for c in check_types().values())], Field(discriminator="type")]  # noqa: UP007


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Locate(_Keys):
    """How a part is found in its picture."""

    find: Literal["auto", "part", "whole"] = Field(
        "auto",
        description="part: it lies free on an even table; whole: the reference fills its picture; auto: part where one "
        "solid part is plain to see. Without a reference, part cuts the part out, whole takes the picture as it is.",
    )
    turn: float = Field(15.0, ge=0, le=180, description="Parts may lie turned by so many degrees either way; 180: any.")
    motion: Literal["shift", "rigid", "affine"] = Field(
        "affine", description="What may differ between part and reference: place; and turn; and scale and slant."
    )
    min_likeness: float = Field(
        0.5,
        ge=0,
        le=1,
        description="A picture less like the reference (correlation 0..1 once brought to it) is no decision.",
    )


class Region(_Keys):
    """A place on the part and what is checked there."""

    name: str = Field("part", min_length=1, description="Name of the region in verdicts.")
    box: tuple[Share, Share, Share, Share] | None = Field(
        None, description="Left, top, right, bottom in 0..1 of the part (of its box, where it lies on a table)."
    )
    polygon: tuple[tuple[Share, Share], ...] | None = Field(
        None, min_length=3, description="In place of box: corners in 0..1 of the part; only what is inside is judged."
    )
    ignore: tuple[tuple[tuple[Share, Share], ...], ...] = Field(
        (), description="Polygons in 0..1 of the part that are not judged: a serial number, a screw's slot."
    )
    checks: tuple[AnyCheck, ...] = Field(min_length=1, description="The checks of this region.")

    @model_validator(mode="after")
    def _shape(self) -> Self:
        if self.box is not None and self.polygon is not None:
            raise ValueError("give box or polygon, not both")
        x1, y1, x2, y2 = self.bounds
        if x2 - x1 < 1e-3 or y2 - y1 < 1e-3:
            raise ValueError(f"region {self.name} is empty: left, top, right, bottom must go up")
        titles = [check.title for check in self.checks]
        if len(set(titles)) != len(titles):
            raise ValueError(f"region {self.name} has two checks of one name; give each a `name`")
        return self

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom in 0..1 of the part."""
        if self.polygon is not None:
            xs, ys = zip(*self.polygon, strict=True)
            return min(xs), min(ys), max(xs), max(ys)
        return self.box or (0.0, 0.0, 1.0, 1.0)

    @property
    def outline(self) -> tuple[Point, ...] | None:
        """The polygon; None where the box says it all."""
        return self.polygon


class Recipe(_Keys):
    """How one kind of part is inspected."""

    name: str = Field("part", min_length=1, description="Name of the part or recipe in verdicts.")
    version: str = Field("1", min_length=1, description="The recipe's own version; kept with every verdict.")
    reference: str | tuple[str, ...] | None = Field(
        None, description="Picture of a good part; of several, the first is the one that parts are brought to."
    )
    locate: Locate = Locate()
    calibration: str | None = Field(
        None, description="File of `sightline inspect calibrate`; without it nothing is measured in millimetres."
    )
    regions: tuple[Region, ...] = Field(min_length=1, description="The places that are looked at.")
    checks: tuple[AnyCheck, ...] = Field(
        (), description="In place of regions: the checks of the whole part; they become a region of the name part."
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        """`checks:` without regions are those of the whole part."""
        if isinstance(data, dict) and data.get("checks"):
            if data.get("regions"):
                raise ValueError("give checks or regions, not both")
            rest = {key: value for key, value in data.items() if key != "checks"}
            return {**rest, "regions": [{"checks": data["checks"]}]}
        return data

    @model_validator(mode="after")
    def _names(self) -> Self:
        names = [region.name for region in self.regions]
        if len(set(names)) != len(names):
            raise ValueError("two regions have the same name; give each its own")
        return self

    @property
    def references(self) -> tuple[str, ...]:
        """The pictures of good parts, the leading one first."""
        if self.reference is None:
            return ()
        return (self.reference,) if isinstance(self.reference, str) else self.reference
