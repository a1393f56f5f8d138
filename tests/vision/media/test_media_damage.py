"""Damaged and odd media: every frame that can be had and a note, or one clear line; never a traceback, nothing on stderr."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.media_files import (
    flipped,
    number_of,
    truncated,
    video_bytes,
    write_audio,
    write_header_only,
    write_image,
    write_stamped,
    write_video,
)
from vision.errors import InputError, MediaError, SightlineError
from vision.media.reader import open_clip

Make = Callable[[Path], Path]
BIG = {"count": 40, "size": (320, 240)}


@dataclass(frozen=True)
class Odd:
    """A file, what is wrong with it, and what its reader says: the number of frames (least, most) and parts of notes."""

    name: str
    make: Callable[[Path], object]
    frames: tuple[int, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wrong:
    """A file that cannot be read at all, and parts of the line that says so."""

    name: str
    make: Callable[[Path], object]
    line: tuple[str, ...]
    error: type[SightlineError] = MediaError


def cut_short(share: float, **how: object) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        write_video(path, **{**BIG, **how})  # type: ignore[arg-type]
        truncated(path, share)

    return make


def bits_turned(**how: object) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        write_video(path, **{**BIG, **how})  # type: ignore[arg-type]
        flipped(path, 0.4, 0.6)

    return make


def folder(count: int, broken: tuple[int, ...] = (), large: tuple[int, ...] = ()) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.mkdir()
        for number in range(count):
            write_image(path / f"{number}.jpg", number, (96, 80) if number in large else (64, 48))
        for number in broken:
            (path / f"{number}.jpg").write_bytes(b"no picture")

    return make


def joined(*parts: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(b"".join(parts))


def ts(**how: object) -> bytes:
    return video_bytes("mpegts", **how)


ODD = [
    # cut off: what was written before is read
    Odd("faststart.mp4", cut_short(0.6, muxer={"movflags": "faststart"}), (18, 20), ("ends early: 20 of 40",)),
    Odd(
        "fragmented.mp4", cut_short(0.6, muxer={"movflags": "frag_keyframe+empty_moov"}), (15, 30), ("pictures end at",)
    ),
    Odd("cut.mkv", cut_short(0.6), (15, 30), ("the pictures end at", "the file says 4.0 s")),
    Odd("cut.webm", cut_short(0.6, codec="libvpx"), (15, 30), ("the pictures end at",)),
    Odd("cut.avi", cut_short(0.6, codec="mpeg4"), (15, 30), ("the file ends early",)),
    Odd("cut.gif", cut_short(0.6, codec="gif", pix_fmt="rgb8"), (15, 30), ("the file ends early",)),
    Odd("cut.ts", cut_short(0.6), (15, 30)),  # a stream promises no length: nothing is missed
    Odd("cut.jpg", lambda p: (write_image(p, 3, (640, 480)), truncated(p, 0.5)), (1, 1)),
    # damaged inside
    Odd("bits.mp4", bits_turned(), (28, 40), ("packets could not be decoded", "are damaged")),
    Odd("bits.mkv", bits_turned(), (25, 40), ("could not be decoded",)),
    Odd("bits.ts", bits_turned(), (28, 40), ("are damaged",)),
    Odd("bits.avi", bits_turned(codec="mpeg4"), (28, 40), ("are damaged",)),
    Odd("bits_mjpeg.avi", bits_turned(codec="mjpeg", pix_fmt="yuvj420p"), (28, 40)),
    Odd("late.ts", joined(ts(count=40)[188 * 25 :]), (25, 35)),  # joined in the middle: begins at the next key frame
    Odd("tail.mp4", joined(video_bytes("mp4"), b"\0" * 5000, b"garbage" * 900), (20, 20)),
    # times
    Odd("same.mkv", lambda p: write_stamped(p, [1000, 1100, 1100, 1300]), (4, 4), ("stood still 1 time",)),
    Odd("back.mkv", lambda p: write_stamped(p, [1000, 1300, 1250, 1400]), (4, 4), ("backwards or stood still 1 time",)),
    Odd("joined.ts", joined(ts(bframes=2), ts(bframes=2, first=20)), (40, 40), ("backwards or stood still 1 time",)),
    Odd("stray.mkv", lambda p: write_stamped(p, [1000, 1100, 91200, 1300, 1400]), (5, 5), ("1 frame had no usable",)),
    Odd("gap.mkv", lambda p: write_stamped(p, [1000, 1100, 91200, 91300]), (4, 4), ("1 gap", "90.1 s at 0.1 s; kept")),
    Odd("bare.h264", lambda p: write_video(p, container="h264"), (20, 20), ("20 frames had no usable timestamp",)),
    # odd but right
    Odd("single.mp4", lambda p: write_video(p, count=1), (1, 1)),
    Odd("one_key_frame.mp4", lambda p: write_video(p, count=100, gop=9999), (100, 100)),
    Odd("named.mp4", lambda p: write_video(p, container="matroska"), (20, 20)),  # a name that says something else
    Odd("photo.mp4", lambda p: (write_image(p.with_suffix(".png")), p.with_suffix(".png").rename(p)), (1, 1)),
    Odd("no_suffix", lambda p: write_video(p, container="mp4"), (20, 20)),
    Odd(
        "new_size.ts",
        joined(ts(), ts(first=20, size=(96, 80), stamps_ms=[2000 + 100 * i for i in range(20)])),
        (40, 40),
        ("changed its size on the way; 20 frames resized to 64x48",),
    ),
    # folders
    Odd("one_broken", folder(6, broken=(2,)), (5, 5), ("1 of 6 pictures cannot be decoded: 2.jpg",)),
    Odd("first_broken", folder(6, broken=(0,)), (5, 5), ("1 of 6 pictures",)),
    Odd("many_broken", folder(9, broken=(1, 2, 3, 5, 7)), (4, 4), ("5 of 9", "1.jpg, 2.jpg, 3.jpg and 2 more")),
    Odd("sizes", folder(6, large=(2, 3)), (6, 6), ("2 pictures of another size resized to 64x48",)),
]

WRONG = [
    Wrong("missing.mp4", lambda p: None, ("no such file or folder", "check the path"), InputError),
    Wrong("empty.mp4", lambda p: p.touch(), ("empty (0 bytes)",)),
    Wrong("text.mp4", lambda p: p.write_text("hello world\n" * 99), ("no video or picture in a format",)),
    Wrong("text.txt", lambda p: p.write_text("hello world\n" * 99), ("text or a list of files",)),
    Wrong("config.mp4", lambda p: p.write_text('{"version": 1}'), ("no video or picture in a format",)),
    Wrong("noise.mp4", lambda p: p.write_bytes(np.random.default_rng(0).bytes(20_000)), ("no video or picture",)),
    Wrong("noise.jpg", lambda p: p.write_bytes(np.random.default_rng(0).bytes(20_000)), ("not one frame",)),
    Wrong("zeros.mkv", lambda p: p.write_bytes(bytes(50_000)), ("no video or picture",)),
    Wrong("playlist.mp4", lambda p: p.write_text("ffconcat version 1.0\nfile other.mp4\n"), ("no video",)),
    Wrong("unfinished.mp4", cut_short(0.6), ("no readable index", "not finished", "copy it again")),
    Wrong("header.mkv", cut_short(0.02), ("copy it again",)),
    Wrong("sound.m4a", write_audio, ("sound but no picture",)),
    Wrong("sound.mp4", write_audio, ("sound but no picture",)),
    Wrong("cover.m4a", lambda p: write_audio(p, cover=True), ("sound but no picture",)),
    Wrong("subtitles.srt", lambda p: p.write_text("1\n00:00:01,000 --> 00:00:02,000\nhi\n"), ("no picture in it",)),
    Wrong("no_frames.mp4", write_header_only, ("no picture in it",)),
    Wrong("no_frames.avi", write_header_only, ("not one frame could be decoded", "0 packets")),
    Wrong("no_frames.mkv", write_header_only, ("ends before its first picture",)),
    Wrong("no_pictures", Path.mkdir, ("the folder has no pictures in it", ".jpg")),
    Wrong("all_broken", folder(3, broken=(0, 1, 2)), ("none of its 3 pictures can be decoded",)),
    Wrong("pipe.mp4", os.mkfifo, ("a device or pipe", "sightline run"), InputError),
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_what_can_be_read_is_read(tmp_path: Path, odd: Odd, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / odd.name
    odd.make(path)
    capfd.readouterr()
    with open_clip(path) as clip:
        frames = list(clip)
    assert odd.frames[0] <= len(frames) <= odd.frames[1]
    assert clip.frames_read == len(frames)
    for frame in frames:
        assert frame.image.shape == (clip.height, clip.width, 3)
        assert frame.luma.shape == (clip.height, clip.width)
    assert all(a.t < b.t for a, b in itertools.pairwise(frames))
    assert frames[0].t == 0
    said = "\n".join(clip.notes)
    assert [part for part in odd.notes if part not in said] == [], said
    assert bool(odd.notes) or said == "" or odd.name == "bits_mjpeg.avi", said
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_what_cannot_be_read_is_said_in_one_line(
    tmp_path: Path, wrong: Wrong, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / wrong.name
    wrong.make(path)
    capfd.readouterr()
    with pytest.raises(SightlineError) as caught:
        open_clip(path)
    assert type(caught.value) is wrong.error
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    assert [part for part in wrong.line if part not in line] == [], line
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "url", ["rtsp://viewer:secret@192.0.2.1/sub", "http://192.0.2.1/video.mjpg", "HTTPS://a/b.mp4"]
)
def test_live_sources_are_named_and_their_password_is_not(url: str) -> None:
    with pytest.raises(InputError, match="sightline run") as caught:
        open_clip(url)
    assert "secret" not in str(caught.value)


def test_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The administrator, who may run this test, reads everything; so the refusal is played."""
    path = tmp_path / "locked.mp4"
    write_video(path, count=1)

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(MediaError, match="reading is not permitted"):
        open_clip(path)


def test_pictures_keep_their_times_beside_broken_ones(tmp_path: Path) -> None:
    folder(6, broken=(2,))(tmp_path / "pictures")
    with open_clip(tmp_path / "pictures", image_fps=2) as clip:
        frames = list(clip)
    assert [(number_of(frame.image), frame.t) for frame in frames] == [(0, 0), (1, 0.5), (3, 1.5), (4, 2), (5, 2.5)]


def test_frames_before_the_damage_are_untouched(tmp_path: Path) -> None:
    cut_short(0.6, muxer={"movflags": "faststart"})(tmp_path / "clip.mp4")
    with open_clip(tmp_path / "clip.mp4") as clip:
        numbers = [number_of(frame.image) for frame in clip]
    assert numbers == list(range(len(numbers)))
