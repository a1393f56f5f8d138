"""Clips cut out of recordings: the right pictures, at the right times, that play."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.media_files import number_of, video_bytes, write_image, write_video
from vision.errors import MediaError, OutsideError
from vision.media.clips import ClipCut, ClipCutter, cut_clip
from vision.media.reader import open_clip

LONG = {"count": 60, "gop": 10}


def numbers(path: Path) -> list[int]:
    """The numbers in a clip's pictures; it must read without a note and start at 0 like any other."""
    with open_clip(path) as clip:
        shown = [number_of(frame.image) for frame in clip]
        assert clip.notes == []
    return shown


def check(cut: ClipCut, first: int, last: int, fps: float = 10) -> None:
    """Pictures `first` to at least `last` without one missing; start and duration tell the truth."""
    shown = numbers(cut.path)
    assert shown == list(range(first, first + len(shown)))
    assert last <= shown[-1] <= last + 3  # a picture that others lean on may follow, with all before it
    assert cut.start == pytest.approx(first / fps, abs=0.001)
    assert cut.duration == pytest.approx(len(shown) / fps, abs=0.11)
    with av.open(str(cut.path)) as container:
        assert container.streams.video[0].start_time == 0


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("plain.mp4", {}),
        ("b_frames.mp4", {"bframes": 3}),  # decoding times before the first display time
        ("b_frames.mkv", {"bframes": 3}),  # no decoding times in the file
        ("b_frames.mov", {"bframes": 2}),
        ("offset.ts", {"bframes": 3, "stamps_ms": [10**6 + 100 * i for i in range(60)]}),  # starts at 1000 s
        ("open_groups.mp4", {"bframes": 3, "options": {"x264-params": "open-gop=1"}}),  # pictures that lean backwards
        ("open_groups.ts", {"bframes": 3, "options": {"x264-params": "open-gop=1"}}),
        ("fragmented.mp4", {"bframes": 2, "muxer": {"movflags": "frag_keyframe+empty_moov"}}),
        ("flash.flv", {}),
        ("sound.mp4", {"audio": True}),
        ("vp9.webm", {"codec": "libvpx-vp9", "options": {"cpu-used": "8"}}),
    ],
)
def test_packets_are_copied(tmp_path: Path, name: str, how: dict[str, Any]) -> None:
    write_video(tmp_path / name, **{**LONG, **how})
    cut = cut_clip(tmp_path / name, tmp_path / "cut.mp4", 2.8, 3.2, pre=0.5, post=0.5)
    assert cut.remuxed
    check(cut, 20, 37)  # from the key frame before 2.3 s


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("mpeg4.avi", {"codec": "mpeg4", "options": {"bf": "2"}}),
        ("h264.avi", {"bframes": 2}),
        ("animated.gif", {"codec": "gif", "pix_fmt": "rgb8"}),
        ("motion_jpeg.mkv", {"codec": "mjpeg", "pix_fmt": "yuvj420p"}),
        ("vp8.webm", {"codec": "libvpx"}),
        ("hevc.mp4", {"codec": "libx265"}),
        ("ten_bit.mkv", {"pix_fmt": "yuv420p10le"}),
        ("444.mp4", {"pix_fmt": "yuv444p"}),
        ("odd.mkv", {"codec": "ffv1", "size": (321, 241)}),
    ],
)
def test_what_browsers_do_not_play_is_encoded_anew(tmp_path: Path, name: str, how: dict[str, Any]) -> None:
    write_video(tmp_path / name, **{**LONG, **how})
    cut = cut_clip(tmp_path / name, tmp_path / "cut.mp4", 2.8, 3.2, pre=0.5, post=0.5)
    assert not cut.remuxed
    check(cut, 23, 37)
    with av.open(str(cut.path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert stream.width % 2 == stream.height % 2 == 0


def test_a_far_key_frame_is_not_waited_for(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4", count=200, gop=9999)
    near = cut_clip(tmp_path / "clip.mp4", tmp_path / "near.mp4", 9, 9.5, pre=0.5, post=0.5)
    far = cut_clip(tmp_path / "clip.mp4", tmp_path / "far.mp4", 15, 15.5, pre=0.5, post=0.5)
    assert (near.remuxed, near.start) == (True, 0)
    assert (far.remuxed, far.start) == (False, pytest.approx(14.5))
    check(far, 145, 160)


def test_transport_stream_becomes_proper_mp4(tmp_path: Path) -> None:
    """MP4 wants lengths before its units where a stream has start codes; players refuse the latter."""
    write_video(tmp_path / "clip.ts", count=30)
    cut_clip(tmp_path / "clip.ts", tmp_path / "cut.mp4", 1, 2)
    with av.open(str(tmp_path / "cut.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.extradata or b"")[:1] == b"\x01"
        packet = bytes(next(container.demux(stream)))
    assert packet[:4] != b"\0\0\0\1"
    at = 0
    while at < len(packet):
        at += 4 + int.from_bytes(packet[at : at + 4], "big")
    assert at == len(packet)


def test_index_stands_before_the_pictures(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4", count=30)
    cut_clip(tmp_path / "clip.mp4", tmp_path / "cut.mp4", 1, 2)
    data = (tmp_path / "cut.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_right_way_up(tmp_path: Path, codec: str, degrees: int, *, mirrored: bool) -> None:
    source = tmp_path / "clip.mp4"
    write_video(source, size=(96, 48), codec=codec, rotation=degrees, mirrored=mirrored, first=37)
    cut = cut_clip(source, tmp_path / "cut.mp4", 0, 0.1)
    assert cut.remuxed == (codec == "libx264")
    with open_clip(source) as whole, open_clip(cut.path) as part:
        assert (whole.width, whole.height) == (part.width, part.height)
        want, got = next(iter(whole)).image, next(iter(part)).image
    assert np.abs(want.astype(int) - got).mean() < 5


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        (0.0, 0.2, 0, 7),  # nothing before the beginning
        (5.8, 5.9, 50, 59),  # nothing after the end
        (5.8, 900.0, 50, 59),  # an event that outlives the recording
        (2.5, 2.5, 20, 30),  # an event of no length
        (2.5, 1.0, 20, 30),  # an end before the start counts as none
    ],
)
def test_edges(tmp_path: Path, start: float, end: float, first: int, last: int) -> None:
    write_video(tmp_path / "clip.mp4", count=60)
    check(cut_clip(tmp_path / "clip.mp4", tmp_path / "cut.mp4", start, end, pre=0.5, post=0.5), first, last)


def test_nothing_there(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4", count=10)
    with pytest.raises(MediaError, match=r"no picture between 49\.0 and 61\.0 s"):
        cut_clip(tmp_path / "clip.mp4", tmp_path / "cut.mp4", 50, 60, pre=1, post=1)
    assert [file.name for file in tmp_path.iterdir()] == ["clip.mp4"]


def test_no_place_to_write(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4", count=10)
    with pytest.raises(OutsideError, match="cannot be written") as caught:
        cut_clip(tmp_path / "clip.mp4", tmp_path / "no folder" / "cut.mp4", 0, 1)
    assert "\n" not in str(caught.value)


def test_repaired_times_are_cut_by_the_repaired_clock(tmp_path: Path) -> None:
    """Two recordings in one file: the second one's timestamps start again, its times in the clip do not."""
    (tmp_path / "joined.ts").write_bytes(video_bytes("mpegts", bframes=2) + video_bytes("mpegts", bframes=2, first=20))
    cut = cut_clip(tmp_path / "joined.ts", tmp_path / "cut.mp4", 2.2, 2.5, pre=0.5, post=0.5)
    assert not cut.remuxed
    check(cut, 17, 30)


def test_times_without_stamps(tmp_path: Path) -> None:
    write_video(tmp_path / "bare.h264", container="h264", count=60)
    cut = cut_clip(tmp_path / "bare.h264", tmp_path / "cut.mp4", 1.0, 1.2, pre=0.52, post=0.48)
    assert not cut.remuxed
    assert numbers(cut.path) == list(range(12, 43, 2))  # every second of 25 a second: what is encoded has 12.5


def test_variable_rate_and_a_picture_that_stays(tmp_path: Path) -> None:
    write_video(tmp_path / "vfr.mp4", stamps_ms=[0, 40, 80, 400, 440, 900, 1000, 1700, 90000])
    cut = cut_clip(tmp_path / "vfr.mp4", tmp_path / "cut.mp4", 1, 1.1, pre=0.2, post=0.8)
    assert numbers(cut.path) == list(range(8))
    assert cut.duration < 4  # the last picture stays for 88 s in the recording, not in the clip


def test_folder_of_pictures(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for number in range(40):
        write_image(tmp_path / "pictures" / f"{number}.jpg", number)
    (tmp_path / "pictures" / "12.jpg").write_bytes(b"no picture")
    cut = cut_clip(tmp_path / "pictures", tmp_path / "cut.mp4", 2.5, 3, pre=0.5, post=0.5, image_fps=5)
    assert not cut.remuxed
    assert cut.start == pytest.approx(2.0)
    assert numbers(cut.path) == [10, 11, 13, 14, 15, 16, 17]


def test_one_picture(tmp_path: Path) -> None:
    write_image(tmp_path / "one.png", 5)
    assert numbers(cut_clip(tmp_path / "one.png", tmp_path / "cut.mp4", 0, 0).path) == [5]


def test_many_clips_of_one_recording(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4", count=250, gop=20, bframes=2)
    with ClipCutter(tmp_path / "clip.mp4") as cutter:
        for number, start in enumerate([20.0, 3.0, 11.0, 3.0]):  # in any order, also twice
            cut = cutter.cut(tmp_path / f"{number}.mp4", start, start + 1, pre=0, post=0)
            check(cut, int(start) * 10 // 20 * 20, int(start) * 10 + 10)


def test_same_bytes_every_time(tmp_path: Path) -> None:
    for codec in ("libx264", "mpeg4"):
        write_video(tmp_path / "clip.mp4", count=30, codec=codec)
        for number in (1, 2):
            cut_clip(tmp_path / "clip.mp4", tmp_path / f"{number}.mp4", 1, 2)
        assert (tmp_path / "1.mp4").read_bytes() == (tmp_path / "2.mp4").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "copied"),
    [("burglar_cctv.mp4", True), ("pets09_s2l1_vtest_480x360.mp4", True), ("aboda_video4.avi", False)],
)
def test_real_footage(shared_data: Path, tmp_path: Path, name: str, *, copied: bool) -> None:
    source = shared_data / "footage" / name
    with ClipCutter(source) as cutter:
        began = time.process_time()
        cut = cutter.cut(tmp_path / "cut.mp4", 9, 10)
        spent = time.process_time() - began
    assert cut.remuxed == copied
    assert cut.start < 6.04  # the first picture from 6 s on, or a key frame before it
    assert cut.start + cut.duration >= 12.9
    if copied:
        assert spent < 0.5
    want = {}
    with open_clip(source) as whole:
        want = {round(frame.t, 2): frame for frame in whole if 6.1 <= frame.t < 8}
    with open_clip(cut.path) as clip:
        assert clip.notes == []
        pairs = [(frame, want.get(round(frame.t + cut.start, 2))) for frame in clip if 6.1 <= frame.t + cut.start < 8]
        assert len(pairs) == pytest.approx(len(want) if copied else 1.9 * 12.5, abs=1)
        for frame, same in pairs[::5]:
            assert same is not None
            assert np.abs(frame.image.astype(int) - same.image).mean() < (0.01 if copied else 4)
