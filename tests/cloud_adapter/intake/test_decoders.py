"""Decoding strangers' pictures: upright, with nothing else in them, and whatever happens to a decoder ends there."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from cloud_adapter.intake import decoders as module
from cloud_adapter.intake.decoder import reencode
from cloud_adapter.intake.decoders import Decoders
from cloud_adapter.intake.refusals import Refusal
from cloud_adapter.intake.settings import PictureLimits
from cloud_adapter.intake.shapes import ShapeError
from cloud_adapter.records import Picture
from tests.cloud_adapter.intake.pictures import BOMBS, NO_PICTURES, POLYGLOTS, SECRET_TAIL, exif, riff, with_segment
from tests.cloud_adapter.intake.serving import jpeg, webp
from tests.conftest import missing

LIMITS = PictureLimits()


def pixels(picture: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    assert image is not None
    return image


@pytest.mark.parametrize("name", POLYGLOTS)
def test_only_pixels_come_through(name: str) -> None:
    picture, width, height = reencode(POLYGLOTS[name], LIMITS)
    assert (width, height) == (64, 48)
    assert picture.startswith(b"\xff\xd8\xff")
    assert picture.endswith(b"\xff\xd9")
    assert b"Exif" not in picture
    assert not any(word in picture for word in (b"PK\x03\x04", b"script", b"php", b"EVIL", SECRET_TAIL))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_exif_says(orientation: int) -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    image[:24, :32] = 255  # white in the corner where the first row and column meet
    stored = cv2.imencode(".jpg", image)[1].tobytes()
    picture, width, height = reencode(with_segment(stored, 0xE1, exif(orientation)), LIMITS)
    upright = pixels(picture)
    # EXIF 2.3: where row 0 and column 0 are in the picture as shown
    corner = {1: "tl", 2: "tr", 3: "br", 4: "bl", 5: "tl", 6: "tr", 7: "br", 8: "bl"}[orientation]
    assert (width, height) == ((48, 64) if orientation > 4 else (64, 48))
    y, x = 4 if corner[0] == "t" else height - 5, 4 if corner[1] == "l" else width - 5
    assert upright[y, x].min() > 200
    assert upright[height - 1 - y, width - 1 - x].max() < 50


def test_the_same_picture_gives_the_same_bytes_and_a_large_one_is_made_smaller() -> None:
    assert reencode(jpeg(), LIMITS) == reencode(jpeg(), LIMITS), "answers of models are remembered by this hash"
    _, width, height = reencode(webp(700, 100), PictureLimits(longest_side=256))
    assert (width, height) == (256, 37)


def decoding(use: Callable[[Decoders], Awaitable[None]], limits: PictureLimits = LIMITS) -> None:
    async def run() -> None:
        decoders = Decoders(limits)
        try:
            await use(decoders)
        finally:
            await decoders.close()

    asyncio.run(run())


def process_of(decoders: Decoders) -> int:
    (process,) = [one for one in decoders._all if one.returncode is None]
    return int(process.pid)


async def refused(decoders: Decoders, data: bytes) -> str:
    with pytest.raises(Refusal) as caught:
        await decoders.reencode(data)
    assert (caught.value.status, caught.value.code) == (422, "wrong_picture")
    return caught.value.told


def test_what_is_no_picture_costs_no_decoder() -> None:
    async def use(decoders: Decoders) -> None:
        first = await decoders.reencode(jpeg())
        assert isinstance(first, Picture)
        pid = process_of(decoders)
        for name, data in (BOMBS | NO_PICTURES).items():
            assert await refused(decoders, data), name
        assert "cannot be decoded" in await refused(decoders, riff((b"VP8 ", webp()[20:32])))
        assert await decoders.reencode(jpeg()) == first
        assert process_of(decoders) == pid

    decoding(use)


def test_a_decoder_that_falls_over_is_replaced() -> None:
    async def use(decoders: Decoders) -> None:
        good = await decoders.reencode(jpeg())
        pid = process_of(decoders)
        os.kill(pid, signal.SIGSTOP)  # so that it dies with a picture in hand
        hanging = asyncio.create_task(decoders.reencode(jpeg(640, 480)))
        while decoders._free.qsize():
            await asyncio.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(Refusal) as caught:
            await hanging
        assert caught.value.status == 422
        assert await decoders.reencode(jpeg()) == good
        assert process_of(decoders) != pid

    decoding(use)


def test_a_decoder_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    async def use(decoders: Decoders) -> None:
        await decoders.reencode(jpeg())
        pid = process_of(decoders)
        monkeypatch.setattr(module, "_PATIENCE", 0.5)
        os.kill(pid, signal.SIGSTOP)
        await refused(decoders, jpeg())
        monkeypatch.setattr(module, "_PATIENCE", 60.0)
        await decoders.reencode(jpeg())
        assert process_of(decoders) != pid

    decoding(use, PictureLimits(decode_seconds=1))


def test_a_decoder_stands_behind_walls(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        missing("the walls around decoders are those of Linux")
    monkeypatch.setenv("SIGHTLINE_SECRET", "do not hand on")

    async def use(decoders: Decoders) -> None:
        await decoders.reencode(jpeg())
        place = Path(f"/proc/{process_of(decoders)}")
        rows = [line.split("  ") for line in (place / "limits").read_text().splitlines()]
        limits = {row[0].strip(): [cell.strip() for cell in row[1:] if cell.strip()] for row in rows}
        assert int(limits["Max address space"][0]) < LIMITS.max_pixels * 16 + (2 << 30)
        assert limits["Max file size"][:2] == ["0", "0"]
        assert limits["Max core file size"][:2] == ["0", "0"]
        assert limits["Max open files"][:2] == ["3", "3"]
        assert int(limits["Max cpu time"][0]) <= 60
        environment = (place / "environ").read_bytes()
        assert b"SIGHTLINE_SECRET" not in environment

    decoding(use)


def test_several_decode_at_the_same_time() -> None:
    async def use(decoders: Decoders) -> None:
        found = await asyncio.gather(*(decoders.reencode(jpeg(seed=n)) for n in range(12)))
        assert len({picture.sha256 for picture in found}) == 12
        assert len(decoders._all) <= 2

    decoding(use, PictureLimits(decoders=2))


def test_the_largest_picture_that_is_taken_fits_within_the_walls() -> None:
    async def use(decoders: Decoders) -> None:
        grey = np.full((1000, 4000, 3), 128, np.uint8)
        for suffix in (".jpg", ".webp"):
            picture = await decoders.reencode(cv2.imencode(suffix, grey)[1].tobytes())
            assert (picture.width, picture.height) == (2048, 512)

    decoding(use, PictureLimits(max_pixels=4_000_000))


def test_a_picture_that_cannot_be_decoded_says_so() -> None:
    header_alone = riff((b"VP8 ", webp()[20:32]))  # says how large it is, and then ends
    with pytest.raises(ShapeError, match="cannot be decoded"):
        reencode(header_alone, LIMITS)
