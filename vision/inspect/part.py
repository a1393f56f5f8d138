"""What a check sees of a part: the registered picture of one region, and the way back into the original picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vision.frame import Pixels
from vision.geometry import Box
from vision.inspect.calibration import Calibration, Points

Affine = npt.NDArray[np.float64]  # [2, 3], between pixel centres, as OpenCV has it
Mask = npt.NDArray[np.uint8]  # [height, width], 0 or 255

IDENTITY: Affine = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One region of one part, brought to where the reference has it.

    `image` is uint8 [height, width, 3] in BGR order. `mask` is 255 where there is part to judge and 0 on the table and
    outside of the picture; None: everything is part. `reference` is the same region of the good part that the recipe
    names, of the same size, None where it names none; `others`
    are the same of further good parts. `mm_per_px` holds for `image`; None without calibration. `order`
    says what is expected of this very part ("code": "4006381333931"). `to_native` leads from pixels of `image` to pixels
    of the original picture. `span` is the longer side of the whole part in pixels of `image`; None: that of `image`.
    `seen` is 255 where the original picture has pixels at all; None: everywhere.
    """

    image: Pixels
    mask: Mask | None = None
    mm_per_px: float | None = None
    order: Mapping[str, str] = field(default_factory=dict)
    region: str = "part"
    reference: Pixels | None = None
    to_native: Affine = field(default_factory=IDENTITY.copy)
    others: tuple[Pixels, ...] = ()
    span: float | None = None
    seen: Mask | None = None
    calibration: Calibration | None = None

    @property
    def whole_px(self) -> float:
        """The longer side of the whole part in pixels of `image`: what percentages count in, whatever the region."""
        return self.span if self.span is not None else float(max(self.image.shape[:2]))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.shape[1], self.image.shape[0]

    def native(self, points: npt.ArrayLike) -> Points:
        """Points [N, 2] of `image` in the original picture; both count from the corner of the first pixel."""
        centred = np.asarray(points, np.float64).reshape(-1, 2) - 0.5
        return np.asarray(centred @ self.to_native[:, :2].T + self.to_native[:, 2] + 0.5)

    def native_box(self, box: Box) -> Box:
        """The box of the original picture that holds a box of `image`."""
        corners = ((box.x1, box.y1), (box.x2, box.y1), (box.x2, box.y2), (box.x1, box.y2))
        return self.around(np.array(corners))

    def mm(self, points: npt.ArrayLike) -> Points | None:
        """Points [N, 2] of `image` in millimetres on the calibrated plane; None without calibration."""
        return None if self.calibration is None else self.calibration.mm(self.native(points))

    def around(self, points: npt.ArrayLike) -> Box:
        """The smallest box of the original picture around points [N, 2] of `image`."""
        x, y = self.native(points).T
        return Box(float(x.min()), float(y.min()), float(x.max()), float(y.max()))
