"""What goes up: cut, small, nothing but pixels, nobody to be recognised."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge_agent.inspect.pictures import pixels_of
from edge_agent.uplink.people import Everybody, Faces, Persons
from edge_agent.uplink.prepare import Shape, hidden, prepare
from tests.edge_agent.uplink.making import picture
from vision.detect.base import Detections, ScriptedDetector
from vision.errors import InputError, ModelError
from vision.frame import Pixels
from vision.geometry import Box

SIZES = {
    "4K": ((3840, 2160), Shape(), (1024, 576)),
    "upright": ((1080, 1920), Shape(), (576, 1024)),
    "never enlarged": ((640, 360), Shape(), (640, 360)),
    "smaller wanted": ((1920, 1080), Shape(max_px=512), (512, 288)),
    "the right half": ((2000, 1000), Shape(crop=(0.5, 0, 1, 1)), (1000, 1000)),
    "a crop is cut before it is reduced": ((4000, 3000), Shape(crop=(0.25, 0.25, 0.5, 0.5)), (1000, 750)),
}


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
@pytest.mark.parametrize("name", SIZES)
def test_sizes(name: str, kind: str) -> None:
    (width, height), shape, wanted = SIZES[name]
    made = prepare(picture(1, width, height), Shape(shape.crop, shape.max_px, kind))  # type: ignore[arg-type]  # of the table
    assert (made.width, made.height) == wanted
    back = cv2.imdecode(np.frombuffer(made.data, np.uint8), cv2.IMREAD_COLOR)
    assert back is not None
    assert back.shape[:2] == wanted[::-1]
    assert made.data.startswith(b"\xff\xd8\xff" if kind == "jpeg" else b"RIFF")


def test_quality_counts() -> None:
    image = picture(1, 800, 600)
    sizes = [len(prepare(image, Shape(quality=q)).data) for q in (30, 60, 90)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 2


def test_nothing_left_is_told() -> None:
    with pytest.raises(InputError, match="8x8"):
        prepare(picture(1, 800, 600), Shape(crop=(0, 0, 0.01, 0.0134)))


def exif(orientation: int) -> bytes:
    """An APP1 segment with orientation, the camera's serial number and a place in GPS (little-endian TIFF)."""
    serial = b"SN-4711-SECRET\0"
    at = 8 + 2 + 3 * 12 + 4
    gps = at + len(serial) + 1
    tags = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    tags += struct.pack("<HHII", 0x8825, 4, 1, gps)  # GPS IFD
    tags += struct.pack("<HHII", 0xA431, 2, len(serial), at)  # body serial number
    place = struct.pack("<H", 1) + struct.pack("<HHI4s", 1, 2, 2, b"N\0\0\0") + struct.pack("<I", 0)
    tiff = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 3) + tags + struct.pack("<I", 0) + serial + b"\0" + place
    body = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def photo(orientation: int) -> bytes:
    """A photo whose upper left corner is red as displayed upright, with all that a phone writes beside the pixels."""
    upright = np.full((120, 200, 3), 128, np.uint8)
    upright[:40, :40] = (0, 0, 255)
    stored = {
        1: upright,
        6: cv2.rotate(upright, cv2.ROTATE_90_COUNTERCLOCKWISE),
        3: cv2.rotate(upright, cv2.ROTATE_180),
    }
    plain = bytes(cv2.imencode(".jpg", stored[orientation])[1])
    comment = b"\xff\xfe" + struct.pack(">H", 2 + 13) + b"taken at home"
    return plain[:2] + exif(orientation) + comment + plain[2:]


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_the_orientation_is_kept_and_everything_else_is_gone(orientation: int, kind: str) -> None:
    raw = photo(orientation)
    assert b"SN-4711" in raw
    image = pixels_of(raw)
    assert not isinstance(image, str)
    made = prepare(image, Shape(format=kind))  # type: ignore[arg-type]  # one of the two
    assert (made.width, made.height) == (200, 120)
    for word in (b"SN-4711", b"Exif", b"EXIF", b"taken at home", b"ICC_PROFILE", b"http://ns.adobe.com"):
        assert word not in made.data
    if kind == "jpeg":
        assert segments(made.data) <= {0xE0, 0xDB, 0xC0, 0xC4, 0xDA}
    back = cv2.imdecode(np.frombuffer(made.data, np.uint8), cv2.IMREAD_COLOR)
    assert back is not None
    blue, green, red = back[15, 15].tolist()
    assert red > 200
    assert max(blue, green) < 80
    with av.open(io.BytesIO(made.data)) as container:
        assert next(container.decode(video=0)).rotation == 0


def segments(data: bytes) -> set[int]:
    """Markers of a JPEG up to its scan."""
    found, at = set(), 2
    while data[at] == 0xFF:
        found.add(data[at + 1])
        if data[at + 1] == 0xDA:
            break
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return found


# -- people -----------------------------------------------------------------------------------------------------


def test_what_is_hidden_cannot_be_told_from_another() -> None:
    """Two faces that differ in every pixel give nearly the same mosaic; around the box nothing changes."""
    one, other = (np.full((200, 300, 3), 90, np.uint8) for _ in range(2))
    one[60:140, 100:180] = picture(1, 80, 80)
    other[60:140, 100:180] = picture(2, 80, 80)
    assert np.abs(one.astype(int) - other)[60:140, 100:180].mean() > 50
    box = Box(100, 60, 180, 140)
    a, b = hidden(one, [box]), hidden(other, [box])
    assert np.abs(a.astype(int) - b)[60:140, 100:180].mean() < 15
    assert (a[:, :70] == one[:, :70]).all()
    assert (one[60:140, 100:180] == picture(1, 80, 80)).all(), "the picture itself is left alone"


@pytest.mark.parametrize(
    "box", [Box(-50, -50, 20, 20), Box(280, 180, 400, 400), Box(500, 500, 600, 600), Box(5, 5, 6, 6)]
)
def test_boxes_beyond_the_picture_are_cut(box: Box) -> None:
    assert hidden(picture(1, 300, 200), [box]).shape == (200, 300, 3)


def test_persons_of_the_detector() -> None:
    found = Detections(
        np.array([[10, 10, 50, 90], [60, 10, 90, 90], [0, 0, 5, 5]], np.float32),
        np.array([0.8, 0.7, 0.1], np.float32),
        np.array([0, 1, 0], np.int32),
        ("person", "car"),
    )
    finder = Everybody([Persons(ScriptedDetector([found], ("person", "car")))])
    assert finder.people(picture()) == [Box(10, 10, 50, 90)]
    with pytest.raises(ModelError, match="person"):
        Persons(ScriptedDetector([], ("car",)))


def test_a_file_that_is_no_face_detector(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        Faces(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelError, match="YuNet"):
        Faces(tmp_path / "bad.onnx")


def test_real_faces_are_found_and_not_found_again_once_hidden(shared_data: Path) -> None:
    finder = Faces(shared_data / "models" / "face_detection_yunet_2026may.onnx")
    for name in ("bus.jpg", "coco_frisbee.jpg"):
        image = read(shared_data / "images" / "photos" / name)
        faces = finder.people(image)
        assert len(faces) >= 2
        assert finder.people(hidden(image, faces)) == []
    leaves = sorted((shared_data / "images" / "leaves_potato").rglob("*.jpg"))[:12]
    assert [path.name for path in leaves if finder.people(read(path))] == []


def read(path: Path) -> Pixels:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)
