"""Pictures of events: inside the picture, legible sizes, same bytes."""

import cv2
import numpy as np
import pytest

import edge_agent.snapshot as snapshot
from edge_agent.snapshot import draw, drawable, encode_jpeg
from vision.events import Event, Severity
from vision.rules.base import View

Place = tuple[float, float, float, float]


def event(box: Place | None = (0.4, 0.3, 0.6, 0.8), *, zone: str | None = None, severity: Severity = "alert") -> Event:
    return Event(
        id="1", type="line_crossing", camera="c", severity=severity, start=1, opened=1, at=1, box=box, zone=zone,
        label="person", score=0.87,
    )  # fmt: skip


def grey(width: int, height: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((height, width, 3), 120, np.uint8)


@pytest.mark.parametrize(
    ("box", "size"),
    [
        ((0.4, 0.3, 0.6, 0.8), (640, 480)),  # in the middle
        ((0.0, 0.0, 0.1, 0.2), (640, 480)),  # upper left corner: no room above
        ((0.9, 0.0, 1.0, 1.0), (640, 480)),  # right edge, full height: no room above or below
        ((0.0, 0.0, 1.0, 1.0), (640, 480)),  # the whole picture
        ((-0.2, -0.1, 1.3, 1.2), (640, 480)),  # a box that leaves the picture
        ((0.5, 0.5, 0.5, 0.5), (640, 480)),  # an empty box
        ((0.2, 0.2, 0.4, 0.9), (320, 240)),  # the smallest usual camera
        ((0.2, 0.2, 0.4, 0.9), (3840, 2160)),  # 4K
        ((0.2, 0.2, 0.4, 0.9), (40, 300)),  # narrow: no room for words
        ((0.2, 0.2, 0.4, 0.9), (8, 6)),  # tiny
        ((0.2, 0.2, 0.4, 0.9), (1, 1)),  # one pixel
        (None, (640, 480)),  # an event without a box
    ],
)
def test_draws_inside_any_picture(box: Place | None, size: tuple[int, int]) -> None:
    image = grey(*size)
    drawn = draw(image, event(box), None)
    assert drawn.shape == image.shape
    assert drawn.dtype == np.uint8
    assert (image == 120).all(), "the frame itself is not drawn on"
    assert encode_jpeg(drawn) == encode_jpeg(draw(image, event(box), None))


@pytest.mark.parametrize("size", [(320, 240), (640, 360), (1920, 1080), (3840, 2160)])
def test_letters_are_legible_and_modest(size: tuple[int, int]) -> None:
    scale = snapshot._scale(*size)
    assert scale.text >= 11
    assert scale.text <= size[1] / 20
    assert 1 <= scale.line <= max(1, size[1] / 300)


def test_zone_is_a_faint_area_and_line_has_no_area() -> None:
    view = View(
        320, 240, {"yard": ((32, 120), (288, 120), (288, 230), (32, 230))}, {"fence": ((32.0, 200.0), (288.0, 200.0))}
    )
    # the picture is twice the view: places are scaled
    zone = draw(grey(640, 480), event(None, zone="yard"), view)
    inside = zone[400, 320].astype(int)
    assert 0 < np.abs(inside - 120).max() < 30
    assert (zone[200, 320] == 120).all()
    line = draw(grey(640, 480), event(None, zone="fence"), view)
    assert (line[430, 320] == 120).all()
    assert line[400, 320, 2] > 180, "the line itself, in the colour of an alert"


def test_severities_look_different_and_unknown_zone_is_left_out() -> None:
    view = View(640, 480)
    severities: tuple[Severity, ...] = ("info", "warning", "alert")
    pictures = {
        encode_jpeg(draw(grey(640, 480), event(severity=severity, zone="gone"), view)) for severity in severities
    }
    assert len(pictures) == 3


def test_older_opencv_draws_latin_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, "FontFace", raising=False)
    snapshot._faces.cache_clear()
    try:
        assert drawable("后院") == ""
        assert drawable("back  yard\n") == "back yard"
        drawn = draw(grey(640, 480), event(zone="后院"), View(640, 480, {"后院": ((10, 10), (600, 10), (600, 400))}))
        assert (drawn != 120).any()
    finally:
        snapshot._faces.cache_clear()


def test_long_names_are_cut_to_the_picture() -> None:
    words = "w" * 300
    assert snapshot._text_width(snapshot._fitted(words, 200, 12), 12) <= 200
    assert snapshot._fitted(words, 3, 12) == ""
