"""Which picture is shown."""

from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.events import Event
from vision.frame import Pixels
from vision.language.crops import Box01, Chosen, Moment, Region, around, choose, fitted, light

GREY, BODY, PAD = (90, 90, 90), (30, 40, 220), (104, 116, 122)
BOX: Box01 = (0.45, 0.4, 0.55, 0.8)


def scene(box: Box01 | None = BOX, size: tuple[int, int] = (640, 360), ground: tuple[int, int, int] = GREY) -> Pixels:
    """A grey picture with a red body in its box."""
    picture = np.full((size[1], size[0], 3), ground, dtype=np.uint8)
    if box is not None:
        x1, y1, x2, y2 = (round(v * size[n % 2]) for n, v in enumerate(box))
        picture[y1:y2, x1:x2] = BODY
    return picture


def event(kind: str = "intrusion", box: Box01 | None = BOX, at: float = 13.0) -> Event:
    return Event(id="1", type=kind, camera="yard", severity="warning", start=12.0, opened=13.0, at=at, box=box)


def decoded(chosen: Chosen) -> Pixels:
    assert len(chosen.images) == 1
    picture = cv2.imdecode(np.frombuffer(chosen.images[0], np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture, dtype=np.uint8)


def near(picture: Pixels, colour: tuple[int, int, int], tolerance: int = 28) -> Any:
    return np.all(np.abs(picture.astype(int) - colour) <= tolerance, axis=2)


REGIONS = [
    # twice the longer side, around the middle
    ((0.45, 0.4, 0.55, 0.8), (640, 360), Region(176, 72, 464, 360)),
    # a small box: at least 96 pixels
    ((0.5, 0.5, 0.51, 0.52), (640, 360), Region(275, 136, 371, 232)),
    # and at least an eighth of a large picture
    ((0.5, 0.5, 0.505, 0.51), (3840, 2160), Region(1800, 961, 2060, 1221)),
    # at the left upper corner: moved inside, not cut off
    ((0.0, 0.0, 0.1, 0.3), (640, 360), Region(0, 0, 216, 216)),
    # at the right lower corner
    ((0.9, 0.7, 1.0, 1.0), (640, 360), Region(424, 144, 640, 360)),
    # larger than the picture is high: all of its height
    ((0.3, 0.1, 0.5, 0.9), (640, 360), Region(0, 0, 576, 360)),
    # the whole picture
    ((0.0, 0.0, 1.0, 1.0), (640, 360), Region(0, 0, 640, 360)),
]


@pytest.mark.parametrize(("box", "size", "region"), REGIONS)
def test_the_part_around_a_box(box: Box01, size: tuple[int, int], region: Region) -> None:
    assert around(box, scene(box, size)) == region


UNIT = st.floats(0, 1)


@given(a=UNIT, b=UNIT, c=UNIT, d=UNIT, width=st.integers(16, 2000), height=st.integers(16, 1200))
def test_any_part_lies_inside_and_holds_its_box(
    a: float, b: float, c: float, d: float, width: int, height: int
) -> None:
    box = (min(a, c), min(b, d), max(a, c), max(b, d))
    region = around(box, np.empty((height, width, 3), dtype=np.uint8))
    assert 0 <= region.left < region.right <= width
    assert 0 <= region.top < region.bottom <= height
    assert region.left <= box[0] * width + 1
    assert box[2] * width - 1 <= region.right
    assert region.top <= box[1] * height + 1
    assert box[3] * height - 1 <= region.bottom
    across, down = region.right - region.left, region.bottom - region.top
    assert across == down or across == width or down == height  # square, or all there is


@pytest.mark.parametrize("side", [128, 384, 512])
def test_a_crop_is_square_and_shows_the_body_in_its_middle(side: int) -> None:
    chosen = choose(event(), [Moment(scene(), BOX, 13.0)], side=side)
    picture = decoded(chosen)
    assert (chosen.shown, picture.shape) == ("crop", (side, side, 3))
    body = near(picture, BODY)
    assert 0.08 < body.mean() < 0.16  # half as high as the square, a quarter of that as wide
    assert body[side // 2, side // 2]
    assert not near(picture, PAD, 4).any() or near(picture, GREY).mean() > 0.8


WHOLES = [
    ("tamper", None),  # it has no box
    ("tamper", BOX),  # nor would one matter
    ("crowd", BOX),  # everybody is wanted
    ("intrusion", None),  # no box is known
    ("intrusion", (0.5, 0.5, 0.5, 0.9)),  # an empty one
    ("intrusion", (0.9, 0.9, 0.1, 0.1)),  # a reversed one
    ("intrusion", (float("nan"), 0.1, 0.5, 0.5)),  # no number
    ("intrusion", (1.2, 1.2, 1.4, 1.4)),  # outside
]


@pytest.mark.parametrize(("kind", "box"), WHOLES)
def test_the_whole_picture_where_a_part_would_not_do(kind: str, box: Box01 | None) -> None:
    chosen = choose(event(kind, box), [Moment(scene(), None, 13.0)], side=128)
    picture = decoded(chosen)
    assert chosen.shown == "whole"
    assert near(picture[:20], PAD, 6).all()  # 16:9 in a square: even bars above and below
    assert near(picture[-20:], PAD, 6).all()
    assert near(picture[40:88], GREY).mean() > 0.8


def test_the_moment_of_the_event_is_shown() -> None:
    moments = [Moment(scene(None, ground=(20 * n, 20 * n, 20 * n)), BOX, 10.0 + n) for n in range(6)]
    for at, grey in ((10.0, 0), (13.4, 60), (99.0, 100)):
        picture = decoded(choose(event(at=at), moments, side=128))
        assert abs(float(picture.mean()) - grey) < 4


def test_the_events_own_box_comes_first() -> None:
    left: Box01 = (0.25, 0.4, 0.35, 0.8)
    picture = decoded(choose(event(box=left), [Moment(scene(left), BOX, 13.0)], side=128))
    assert near(picture, BODY)[64, 64]


def course(count: int, apart: float = 1.0) -> list[Moment]:
    """A body that walks from left to right."""
    boxes = [(0.2 + 0.08 * n, 0.4, 0.26 + 0.08 * n, 0.8) for n in range(count)]
    return [Moment(scene(box), box, 10.0 + apart * n) for n, box in enumerate(boxes)]


SHEETS = [
    ("fall", 2, 1.0, "strip", 2),
    ("fall", 3, 1.0, "strip", 3),
    ("climbing", 4, 1.0, "strip", 4),
    ("left_object", 7, 1.0, "strip", 4),  # four of seven
    ("fall", 1, 1.0, "crop", 1),  # one moment has no course
    ("fall", 5, 0.05, "crop", 1),  # all at once: the same picture five times
    ("intrusion", 4, 1.0, "crop", 1),  # where one moment tells all
]


@pytest.mark.parametrize(("kind", "count", "apart", "shown", "bodies"), SHEETS)
def test_a_course_is_shown_in_cells(kind: str, count: int, apart: float, shown: str, bodies: int) -> None:
    moments = course(count, apart)
    chosen = choose(event(kind, moments[-1].box, at=moments[-1].t), moments, side=256)
    picture = decoded(chosen)
    assert (chosen.shown, picture.shape) == (shown, (256, 256, 3))
    found, _ = cv2.connectedComponents(
        cv2.morphologyEx(near(picture, BODY, 45).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    )
    assert found - 1 == bodies
    drawn = near(picture, (0, 220, 255), 70).any()
    assert drawn == (shown == "strip")


def test_cells_are_in_the_order_of_time_and_of_the_same_place() -> None:
    """The body is further to the right in every cell, read from left to right and then down."""
    moments = course(4)
    picture = decoded(choose(event("fall", moments[1].box, at=11.0), moments[::-1], side=512))
    cells = [picture[y : y + 256, x : x + 256] for y in (0, 256) for x in (0, 256)]
    columns = [float(np.nonzero(near(cell, BODY, 45))[1].mean()) for cell in cells]
    assert all(earlier < later for earlier, later in pairwise(columns))


def test_of_many_moments_first_best_and_last_are_among_those_shown() -> None:
    moments = course(9)
    chosen = choose(event("fall", moments[4].box, at=14.0), moments, side=512)
    without = choose(event("fall", moments[4].box, at=14.0), [m for n, m in enumerate(moments) if n != 4], side=512)
    assert chosen.images != without.images


def test_a_model_that_was_not_made_for_sheets_gets_a_crop() -> None:
    moments = course(4)
    assert choose(event("fall", moments[-1].box, at=13.0), moments, sheets=False).shown == "crop"


def test_moments_without_a_box_or_of_another_size_are_left_out_of_a_sheet() -> None:
    moments = course(2)
    odd = [Moment(scene(), None, 12.0), Moment(scene(size=(320, 180)), BOX, 13.0)]
    one = choose(event("fall", moments[1].box, at=11.0), moments)
    assert choose(event("fall", moments[1].box, at=11.0), [*moments, *odd]) == one


@given(
    boxes=st.lists(st.none() | st.tuples(UNIT, UNIT, UNIT, UNIT), min_size=1, max_size=6),
    times=st.lists(st.floats(0, 20), min_size=6, max_size=6),
    kind=st.sampled_from(["fall", "intrusion", "tamper"]),
    own=st.none() | st.tuples(*[st.floats(-1, 2)] * 4),
)
@settings(max_examples=60, deadline=None)
def test_any_moments_give_one_square_picture_always_the_same(
    boxes: list[Box01 | None], times: list[float], kind: str, own: Box01 | None
) -> None:
    moments = [Moment(scene(None, (80, 60)), box, t) for box, t in zip(boxes, times, strict=False)]
    chosen = choose(event(kind, own), moments, side=64)
    assert decoded(chosen).shape == (64, 64, 3)
    assert choose(event(kind, own), moments, side=64) == chosen


def test_no_moments_no_picture() -> None:
    with pytest.raises(ValueError, match="without a picture"):
        choose(event(), [])


def test_light_is_that_of_the_part_shown() -> None:
    picture = scene(None, ground=(10, 10, 10))
    picture[:, :200] = 250  # a lamp far away from the box
    assert choose(event(), [Moment(picture, BOX, 13.0)]).light == pytest.approx(light(picture[:, 300:]), abs=30)
    assert choose(event("tamper"), [Moment(picture, None, 13.0)]).light > 80


def test_pictures_are_not_changed() -> None:
    moments = course(4)
    before = [moment.picture.copy() for moment in moments]
    choose(event("fall", moments[0].box, at=10.0), moments)
    assert all(np.array_equal(one.picture, other) for one, other in zip(moments, before, strict=True))


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (4000, 3), (16, 16)])
def test_odd_shapes_fit(size: tuple[int, int]) -> None:
    assert fitted(scene(None, size), 128).shape == (128, 128, 3)
