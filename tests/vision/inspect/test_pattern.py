"""The printed pattern, and millimetres from pictures of it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import missing
from vision.errors import InputError
from vision.frame import Pixels
from vision.inspect.calibration import Calibration
from vision.inspect.pattern import Pattern, calibrate, corners

PATTERN = Pattern(7, 10, 20.0)
SIZE = (960, 720)
CAMERA = np.array([[1100.0, 0, 480], [0, 1100.0, 360], [0, 0, 1]])
_DPI, _PX_PER_MM = 102, 4.0  # ten whole pixels to a module


def posed(turn: tuple[float, float, float], at: tuple[float, float, float], lens: tuple[float, ...] = ()) -> Pixels:
    """The pattern as the camera sees it: turned (radians about x, y, z), its corner at (mm), through a lens (k1, k2)."""
    flat = PATTERN.picture(_DPI)
    rotation, _ = cv2.Rodrigues(np.array(turn))
    to_image = CAMERA @ np.column_stack([rotation[:, 0], rotation[:, 1], at])
    rim = 20.0
    to_mm = np.array(
        [[1 / _PX_PER_MM, 0, -rim + 0.5 / _PX_PER_MM], [0, 1 / _PX_PER_MM, -rim + 0.5 / _PX_PER_MM], [0, 0, 1]]
    )
    seen = cv2.warpPerspective(flat, to_image @ to_mm, SIZE, flags=cv2.INTER_AREA, borderValue=(255, 255, 255))
    if lens:
        y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]].astype(np.float32)
        straight = cv2.undistortPoints(np.stack([x.ravel(), y.ravel()], 1)[:, None], CAMERA, np.array(lens), P=CAMERA)
        maps = straight.reshape(SIZE[1], SIZE[0], 2).astype(np.float32)
        seen = cv2.remap(seen, maps[..., 0], maps[..., 1], cv2.INTER_LINEAR, borderValue=(255, 255, 255))
    return np.asarray(seen, np.uint8)


def errors_mm(
    made: Calibration, turn: tuple[float, float, float], at: tuple[float, float, float], lens: tuple[float, ...]
) -> float:
    """The greatest error of a length of 40 mm on the plane, measured all over the picture."""
    starts = np.array([(x, y) for x in (10.0, 50.0, 90.0) for y in (10.0, 80.0, 150.0)])
    ends = starts + np.array([24.0, 32.0])
    pixels = [
        cv2.projectPoints(
            np.pad(p, ((0, 0), (0, 1))), np.array(turn), np.array(at), CAMERA, np.array(lens or (0.0,) * 4)
        )[0]
        for p in (starts, ends)
    ]
    a, b = (made.mm(p.reshape(-1, 2) + 0.5) for p in pixels)
    return float(np.abs(np.hypot(*(a - b).T) - 40.0).max())


FLAT, OVER = (0.0, 0.0, 0.0), (-70.0, -100.0, 420.0)


@pytest.mark.parametrize(
    ("turn", "at", "allowed"),
    [
        (FLAT, OVER, 0.05),  # straight above
        ((0.25, -0.15, 0.4), (-60.0, -110.0, 440.0), 0.08),  # a tilted camera: millimetres all the same
        (FLAT, (-20.0, -60.0, 420.0), 0.08),  # part of the pattern outside of the picture
    ],
)
def test_one_picture_gives_the_plane(
    turn: tuple[float, float, float], at: tuple[float, float, float], allowed: float
) -> None:
    made = calibrate(PATTERN, [("a.png", posed(turn, at))])
    assert made.distortion is None
    assert made.rms_mm < 0.1
    assert errors_mm(made, turn, at, ()) < allowed
    assert Calibration.parse(made.model_dump_json().encode()) == made


def test_five_pictures_give_the_lens() -> None:
    lens = (-0.22, 0.05, 0.0, 0.0)
    poses = [
        (FLAT, OVER),
        ((0.3, 0, 0), (-70, -90, 450)),
        ((-0.3, 0.1, 0.2), (-60, -110, 430)),
        ((0, 0.35, 0), (-70, -100, 470)),
        ((0.1, -0.3, -0.2), (-80, -80, 440)),
        ((0.2, 0.2, 1.2), (60, -90, 460)),
    ]
    pictures = [(f"{n}.png", posed(turn, at, lens)) for n, (turn, at) in enumerate(poses)]  # type: ignore[arg-type]
    alone = calibrate(PATTERN, pictures[:1])
    made = calibrate(PATTERN, pictures)
    assert made.distortion is not None
    assert made.distortion[0] == pytest.approx(lens[0], abs=0.03)
    assert errors_mm(made, FLAT, OVER, lens) < 0.1 < errors_mm(alone, FLAT, OVER, lens)


def test_what_cannot_be_used_is_told() -> None:
    empty = np.full((720, 960, 3), 128, np.uint8)
    with pytest.raises(InputError, match=r"a\.png: shows 0 corners"):
        calibrate(PATTERN, [("a.png", empty)])
    with pytest.raises(InputError, match=r"b\.png: is not of the size of a\.png"):
        calibrate(PATTERN, [("a.png", posed(FLAT, OVER)), ("b.png", empty[:, :900])])
    for columns, rows, square in ((2, 10, 20.0), (11, 10, 20.0), (7, 10, 0.1)):
        with pytest.raises(InputError):
            Pattern(columns, rows, square)
    for text in (b"", b"{}", b'{"width": "x"}', b"\xff"):
        with pytest.raises(InputError, match="inspect calibrate"):
            Calibration.parse(text)


def test_the_files_to_print(tmp_path: Path) -> None:
    png = PATTERN.png(_DPI)
    assert int.from_bytes(png[png.index(b"pHYs") + 4 :][:4], "big") == 4000  # whole pixels a module
    read_back = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert len(corners(PATTERN, read_back)[0]) == 6 * 9
    svg = PATTERN.svg()
    assert 'width="180mm" height="240mm" viewBox="0 0 180 240"' in svg
    covered = sum(float(w) * float(h) for w, h in re.findall(r"h([\d.]+)v([\d.]+)", svg))
    assert covered == pytest.approx(PATTERN.modules().sum() * 2.5**2)
    pdf = PATTERN.pdf()
    start = int(pdf.split(b"startxref\n")[1].split()[0])
    assert pdf[start:].startswith(b"xref")
    for number, place in enumerate(re.findall(rb"(\d{10}) 00000 n", pdf), 1):
        assert pdf[int(place) :].startswith(b"%d 0 obj" % number)


def test_the_pdf_has_its_size_on_paper(tmp_path: Path) -> None:
    program = shutil.which("pdftoppm")
    if program is None:
        missing("no pdftoppm on this machine: apt-get install poppler-utils")
        return
    (tmp_path / "a.pdf").write_bytes(PATTERN.pdf())
    subprocess.run([program, "-r", "127", "-png", "-singlefile", tmp_path / "a.pdf", tmp_path / "a"], check=True)
    picture = cv2.imread(str(tmp_path / "a.png"))
    found, on_board = corners(PATTERN, np.asarray(picture, np.uint8))
    assert len(found) == 6 * 9
    shown = np.linalg.norm(found[-1] - found[0]) / 5.0  # 127 dpi: five pixels to a millimetre
    assert shown == pytest.approx(np.linalg.norm(on_board[-1] - on_board[0]), rel=1e-3)
