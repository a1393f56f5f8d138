"""What is known of a picture from its brightness alone, before any detector looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vision.geometry import Box


@dataclass(frozen=True, slots=True)
class StaticRegion:
    """A patch that differs from the slow background and has stopped changing.

    `kind` tells something put there from something taken away. `since` is when the patch came to rest and `begin` when it
    first differed (seconds); `area` is in pixels of the picture, `box` likewise; `clarity` 0..1 says how sure it is an
    object and not light or shadow.
    """

    id: int
    box: Box
    kind: Literal["appeared", "removed"]
    begin: float
    since: float
    area: float
    clarity: float


@dataclass(frozen=True, slots=True)
class PictureState:
    """The picture as a whole against its own past; what `tamper` looks at.

    `mean` and `contrast` (standard deviation) in grey levels 0..255; `sharpness` and `likeness` (edge structure) are
    ratios to the long-term reference, about 1 when all is well; `shift` is the displacement of the view in 0..1 of the
    picture's width; `frozen_s` counts the seconds without even sensor noise. `edges` (strength of the
    edges) and `light` (brightness above black) are ratios to the reference as well; `known` tells whether there is a
    reference with enough texture to compare with.
    """

    mean: float
    contrast: float
    sharpness: float
    likeness: float
    shift: float
    frozen_s: float
    edges: float = 1.0
    light: float = 1.0
    known: bool = False


@dataclass(frozen=True, slots=True)
class Motion:
    """Motion at time `t`: the share of the picture that changed since the last look (0..1), and where (pixels).

    `static` is filled when a rule needs static foreground, `picture` when a rule needs the state of the picture.
    """

    t: float
    changed: float = 0.0
    regions: tuple[Box, ...] = ()
    static: tuple[StaticRegion, ...] = ()
    picture: PictureState | None = None


STILL = Motion(t=0.0)
