"""From pixels to millimetres on the plane of the pattern: made once, kept as JSON.

Source: Zhang, "A flexible new technique for camera calibration" (PAMI 2000) through OpenCV; one picture gives the plane
alone, five and more of the tilted pattern the lens too.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from vision.errors import InputError

Points = npt.NDArray[np.float64]  # [N, 2], x and y
Matrix = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


class Calibration(BaseModel):
    """Where on the plane, in millimetres, the pixels of a camera lie; for pictures of one size from one standpoint.

    `to_mm` is the homography from pixel centres without distortion to millimetres. `camera` and `distortion` are the
    lens, None where it was not measured. `rms_mm` is how far the pattern's corners lie from where they should.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: int = 1
    width: int
    height: int
    to_mm: Matrix
    camera: Matrix | None = None
    distortion: tuple[float, ...] | None = None
    rms_mm: float
    corners: int
    pictures: int = 1
    square_mm: float

    @classmethod
    def parse(cls, data: bytes) -> Calibration:
        """The calibration in a file. Raises InputError where it is none."""
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(step) for step in first["loc"])
            raise InputError(
                f"calibration: is no file of `sightline inspect calibrate` ({where}: {first['msg']}); make it again"
            ) from None

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether it holds for pictures of this shape."""
        return (self.height, self.width) == tuple(shape[:2])

    def mm(self, points: npt.ArrayLike) -> Points:
        """Points [N, 2] of the original picture (from the corner of the first pixel) on the plane, in millimetres."""
        given = np.asarray(points, np.float64).reshape(-1, 1, 2) - 0.5
        if self.camera is not None and self.distortion is not None:
            camera = np.array(self.camera)
            given = np.asarray(cv2.undistortPoints(given, camera, np.array(self.distortion), P=camera), np.float64)
        return np.asarray(cv2.perspectiveTransform(given, np.array(self.to_mm)), np.float64).reshape(-1, 2)

    def mm_per_px(self, at: npt.ArrayLike) -> float:
        """Millimetres of a pixel's side at one point of the picture."""
        x, y = np.asarray(at, np.float64).ravel()
        a, b, c = self.mm([[x, y], [x + 1, y], [x, y + 1]])
        return float(np.sqrt(abs(np.linalg.det(np.stack([b - a, c - a])))))
