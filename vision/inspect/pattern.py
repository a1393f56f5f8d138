"""The printed pattern of the calibration: a ChArUco board, drawn as what it is made of, and found in pictures.

Squares alternate with markers whose numbers say which corner is which, so that a part of the board is enough.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vision.errors import InputError
from vision.frame import Pixels
from vision.inspect.calibration import Calibration, Matrix, Points

_MODULES = 8  # of a square's side; a marker has six of them
_LEAST = 6  # corners without which nothing is calibrated
_LENS = 5  # pictures from which on the lens is measured
_POINT = 72 / 25.4  # PDF points in a millimetre


@dataclass(frozen=True, slots=True)
class Pattern:
    """A board of `columns` x `rows` squares of `square_mm`; at least 3 each way, at most 50 markers in all."""

    columns: int = 7
    rows: int = 10
    square_mm: float = 25.0

    def __post_init__(self) -> None:
        if not (self.columns >= 3 and self.rows >= 3 and self.columns * self.rows <= 100):
            raise InputError(f"a pattern of {self.columns} x {self.rows} squares: 3 to 33 each way, 100 in all")
        if not 1 <= self.square_mm <= 1000:
            raise InputError(f"squares of {self.square_mm:g} mm: 1 to 1000 are possible")

    @property
    def board(self) -> Any:
        """OpenCV's board; its unit is the millimetre."""
        markers = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
        return cv2.aruco.CharucoBoard((self.columns, self.rows), self.square_mm, self.square_mm * 0.75, markers)

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height of the board."""
        return self.columns * self.square_mm, self.rows * self.square_mm

    @property
    def title(self) -> str:
        """What is printed below it."""
        return f"Sightline {self.columns} x {self.rows}, squares of {self.square_mm:g} mm: measure one; print at 100 %"

    def modules(self) -> npt.NDArray[np.bool_]:
        """Where it is black, one entry for each of its smallest squares."""
        size = (self.columns * _MODULES, self.rows * _MODULES)
        return np.asarray(self.board.generateImage(size, None, 0, 1)) < 128

    def picture(self, dpi: int = 300) -> Pixels:
        """The board as pixels, BGR, with a white rim."""
        each = max(1, round(self.square_mm / _MODULES * dpi / 25.4))
        black = np.kron(self.modules(), np.ones((each, each), bool))
        framed = np.pad(np.where(black, 0, 255).astype(np.uint8), _MODULES * each, constant_values=255)
        return np.repeat(framed[..., None], 3, axis=2)

    def png(self, dpi: int = 300) -> bytes:
        """The board as a PNG that knows its resolution, so that it is printed in its size."""
        each = max(1, round(self.square_mm / _MODULES * dpi / 25.4))
        per_metre = round(each * _MODULES / self.square_mm * 1000)
        _, data = cv2.imencode(".png", self.picture(dpi))
        body = b"pHYs" + per_metre.to_bytes(4, "big") * 2 + b"\x01"
        chunk = (9).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
        whole = data.tobytes()
        return whole[:33] + chunk + whole[33:]  # behind the header, which is always as long

    def svg(self) -> str:
        """The board as SVG in millimetres."""
        rim = self.square_mm
        width, height = self.size_mm[0] + 2 * rim, self.size_mm[1] + 2 * rim
        rects = "".join(f"M{x + rim:g} {y + rim:g}h{w:g}v{h:g}h{-w:g}z" for x, y, w, h in self._bars())
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm" '
            f'viewBox="0 0 {width:g} {height:g}"><rect width="{width:g}" height="{height:g}" fill="#fff"/>'
            f'<path d="{rects}" shape-rendering="crispEdges"/>'
            f'<text x="{rim:g}" y="{height - rim * 0.35:g}" font-family="sans-serif" font-size="{rim * 0.2:g}">'
            f"{self.title}</text></svg>\n"
        )

    def pdf(self) -> bytes:
        """The board as a PDF page of its own size."""
        rim = self.square_mm
        width, height = (side + 2 * rim for side in self.size_mm)
        bars = [(x + rim, height - rim - y - h, w, h) for x, y, w, h in self._bars()]
        drawn = "".join(f"{_pt(x)} {_pt(y)} {_pt(w)} {_pt(h)} re\n" for x, y, w, h in bars)
        said = f"BT /F1 {_pt(rim * 0.2)} Tf {_pt(rim)} {_pt(rim * 0.35)} Td ({self.title}) Tj ET\n"
        stream = (drawn + "f\n" + said).encode("ascii")
        objects = [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_pt(width)} {_pt(height)}] /Contents 4 0 R "
            "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>".encode(),
            b"<< /Length %d >>\nstream\n%bendstream" % (len(stream), stream),
        ]
        return _pdf(objects)

    def _bars(self) -> Iterator[tuple[float, float, float, float]]:
        """Its black as rectangles in millimetres: x, y, width, height; one for each run of a row."""
        unit = self.square_mm / _MODULES
        for row, line in enumerate(self.modules()):
            edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(np.int8), [0]])))
            for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
                yield start * unit, row * unit, (end - start) * unit, unit


def _pt(mm: float) -> str:
    return f"{mm * _POINT:.4f}"


def _pdf(objects: Sequence[bytes]) -> bytes:
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    many, start = len(objects) + 1, len(out)
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (many, table, many, start)
    )


def corners(pattern: Pattern, picture: Pixels) -> tuple[Points, Points]:
    """The board's inner corners that a picture shows: in pixels (centres), and on the board in millimetres."""
    board = pattern.board
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    found, ids, _, _ = cv2.aruco.CharucoDetector(board).detectBoard(grey)
    if found is None or ids is None or len(ids) == 0:
        return np.zeros((0, 2)), np.zeros((0, 2))
    on_board = np.asarray(board.getChessboardCorners(), np.float64)[np.asarray(ids).ravel(), :2]
    rough = np.asarray(found, np.float32).reshape(-1, 1, 2)
    nearest = min((float(np.hypot(*(a - b).ravel())) for a, b in itertools.pairwise(rough)), default=0.0)
    reach = int(np.clip(nearest / 8, 2, 9))  # a marker begins an eighth of a square away
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 40, 1e-3)
    fine = cv2.cornerSubPix(grey, rough, (reach, reach), (-1, -1), stop)
    return np.asarray(fine, np.float64).reshape(-1, 2), on_board


def calibrate(pattern: Pattern, pictures: Sequence[tuple[str, Pixels]]) -> Calibration:
    """The calibration from pictures of the pattern (name and pixels); the first shows it in the plane of the parts.

    With five and more the lens is measured too. Raises InputError where the pattern cannot be seen well enough.
    """
    seen = [(name, picture.shape[:2], *corners(pattern, picture)) for name, picture in pictures]
    name, (height, width), plane_px, plane_mm = seen[0]
    if len(plane_px) < _LEAST or min(np.ptp(plane_mm, axis=0)) == 0:
        raise InputError(
            f"{name}: shows {len(plane_px)} corners of a pattern of {pattern.columns} x {pattern.rows} squares, at least "
            f"{_LEAST} in two rows are needed; light it evenly, bring it into focus, give its --columns and --rows"
        )
    other = next((entry[0] for entry in seen if entry[1] != (height, width)), None)
    if other is not None:
        raise InputError(f"{other}: is not of the size of {name}; all pictures must be of one camera at one resolution")
    camera, lens = _lens([entry[2:] for entry in seen if len(entry[2]) >= _LEAST], (width, height))
    flat = plane_px
    if camera is not None and lens is not None:
        straight = cv2.undistortPoints(plane_px.reshape(-1, 1, 2), camera, lens, P=camera)
        flat = np.asarray(straight, np.float64).reshape(-1, 2)
    to_mm, _ = cv2.findHomography(flat, plane_mm, 0)
    if to_mm is None:
        raise InputError(f"{name}: the corners of the pattern lie on one line; show more of it")
    back = cv2.perspectiveTransform(flat.reshape(-1, 1, 2), to_mm).reshape(-1, 2)
    rms = float(np.sqrt(np.mean(np.sum((np.asarray(back) - plane_mm) ** 2, axis=1))))
    return Calibration(
        width=width,
        height=height,
        to_mm=_matrix(to_mm),
        camera=None if camera is None else _matrix(camera),
        distortion=None if lens is None else tuple(float(v) for v in np.ravel(lens)),
        rms_mm=rms,
        corners=len(plane_px),
        pictures=len(pictures),
        square_mm=pattern.square_mm,
    )


def _lens(seen: list[tuple[Points, Points]], size: tuple[int, int]) -> tuple[Any, Any] | tuple[None, None]:
    """Camera matrix and distortion, where there are pictures enough to tell them."""
    if len(seen) < _LENS:
        return None, None
    on_board = [np.pad(mm, ((0, 0), (0, 1))).astype(np.float32) for _, mm in seen]
    in_picture = [px.astype(np.float32).reshape(-1, 1, 2) for px, _ in seen]
    flags = cv2.CALIB_FIX_K3 | cv2.CALIB_ZERO_TANGENT_DIST
    guess, none = np.eye(3), np.zeros(5)
    _, camera, lens, _, _ = cv2.calibrateCamera(on_board, in_picture, size, guess, none, flags=flags)
    return camera, lens


def _matrix(values: npt.ArrayLike) -> Matrix:
    a, b, c = (tuple(float(v) for v in row) for row in np.asarray(values))
    return (a[0], a[1], a[2]), (b[0], b[1], b[2]), (c[0], c[1], c[2])
