"""What a file is by its own bytes."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_adapter.intake.decoder import check_shape
from cloud_adapter.intake.settings import PictureLimits
from cloud_adapter.intake.shapes import Shape, ShapeError, shape
from tests.cloud_adapter.intake.pictures import (
    BOMBS,
    NO_PICTURES,
    POLYGLOTS,
    exif,
    extended,
    resized,
    riff,
    with_segment,
)
from tests.cloud_adapter.intake.serving import jpeg, webp


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (jpeg(70, 50), Shape("image/jpeg", 70, 50)),
        (with_segment(jpeg(), 0xE1, exif(6)), Shape("image/jpeg", 64, 48)),  # as stored, not as shown
        (jpeg()[:2] + b"\xff" * 9 + jpeg()[3:], Shape("image/jpeg", 64, 48)),  # fill bytes before a marker
        (resized(jpeg(), 9000, 7000), Shape("image/jpeg", 9000, 7000)),
        (webp(70, 50), Shape("image/webp", 70, 50)),  # lossy
        (webp(70, 50, quality=101), Shape("image/webp", 70, 50)),  # lossless
        (riff(extended(70, 50), (b"VP8 ", webp(70, 50)[20:])), Shape("image/webp", 70, 50)),
        (riff(extended(700, 500), (b"VP8 ", webp()[20:])), Shape("image/webp", 700, 500)),  # the larger claim counts
    ],
)
def test_sizes_are_read_from_headers(data: bytes, wanted: Shape) -> None:
    assert shape(data) == wanted


@pytest.mark.parametrize("name", [*BOMBS, *NO_PICTURES])
def test_what_must_not_be_decoded_is_refused_before(name: str) -> None:
    with pytest.raises(ShapeError):
        check_shape((BOMBS | NO_PICTURES)[name], PictureLimits())


@pytest.mark.parametrize("name", POLYGLOTS)
def test_what_hangs_on_to_a_picture_does_not_matter(name: str) -> None:
    check_shape(POLYGLOTS[name], PictureLimits())


@given(st.sampled_from([b"\xff\xd8\xff", b"RIFF\x40\0\0\0WEBP", b""]), st.binary(max_size=200))
def test_any_bytes_have_a_shape_or_none(head: bytes, rest: bytes) -> None:
    with contextlib.suppress(ShapeError):
        assert shape(head + rest).width >= 0


@given(st.sampled_from([jpeg(), webp(), webp(quality=101)]), st.data())
def test_a_damaged_picture_has_a_shape_or_none(picture: bytes, data: st.DataObject) -> None:
    damaged = bytearray(picture)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, min(700, len(picture)) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(picture)))
    with contextlib.suppress(ShapeError):
        assert shape(bytes(damaged[:cut])).height >= 0
