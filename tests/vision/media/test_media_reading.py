"""Sound recordings of every kind: pictures in order, right way up, right colours, right times."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.media_files import number_of, picture, write_image, write_stamped, write_video
from vision.frame import Frame
from vision.media.picture import DecodedPicture
from vision.media.reader import open_clip

TEN_A_SECOND = [i / 10 for i in range(20)]


def read(path: Path, fps: float | None = None) -> tuple[list[Frame], Any]:
    with open_clip(path, camera="yard") as clip:
        return list(clip.frames(fps)), clip


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("plain.mp4", {}),
        ("b_frames.mp4", {"bframes": 3}),  # decoded in another order than shown
        ("b_frames.mkv", {"bframes": 3}),
        ("b_frames.avi", {"bframes": 2}),  # H.264 in AVI: no display times at all
        ("mpeg4.avi", {"codec": "mpeg4", "options": {"bf": "2"}}),
        ("motion_jpeg.avi", {"codec": "mjpeg", "pix_fmt": "yuvj422p"}),
        ("raw.avi", {"codec": "rawvideo", "pix_fmt": "yuyv422"}),
        ("quicktime.mov", {"bframes": 2, "audio": True}),
        ("vp8.webm", {"codec": "libvpx"}),
        ("vp9.webm", {"codec": "libvpx-vp9", "options": {"cpu-used": "8"}}),
        ("hevc.mp4", {"codec": "libx265"}),
        ("flash.flv", {"bframes": 2}),
        ("animated.gif", {"codec": "gif", "pix_fmt": "rgb8"}),
        ("offset.ts", {"bframes": 2, "stamps_ms": [10**7 + 100 * i for i in range(20)]}),  # starts at 10000 s
        ("fragmented.mp4", {"muxer": {"movflags": "frag_keyframe+empty_moov+default_base_moof"}}),
        ("ten_bit.mkv", {"pix_fmt": "yuv420p10le"}),
        ("full_range.mp4", {"pix_fmt": "yuvj420p"}),
        ("422.mkv", {"codec": "ffv1", "pix_fmt": "yuv422p"}),
        ("444.mp4", {"pix_fmt": "yuv444p"}),
        ("444_ten_bit.mkv", {"codec": "ffv1", "pix_fmt": "yuv444p10le"}),
        ("grey.mkv", {"codec": "ffv1", "pix_fmt": "gray"}),
        ("grey_ten_bit.mkv", {"codec": "ffv1", "pix_fmt": "gray10le"}),
        ("alpha.mkv", {"codec": "ffv1", "pix_fmt": "bgra"}),
        ("odd.mkv", {"codec": "ffv1", "size": (321, 241)}),  # sides that are not even
        ("tiny.mp4", {"size": (16, 16)}),
        ("a:b %d — 夜.mp4", {}),  # a name that means something to FFmpeg
    ],
)
def test_every_frame_in_order(tmp_path: Path, name: str, how: dict[str, Any]) -> None:
    write_video(tmp_path / name, **how)
    frames, clip = read(tmp_path / name)
    assert [number_of(frame.image) for frame in frames] == list(range(20))
    assert [number_of(frame.luma) for frame in frames] == list(range(20))
    assert [frame.t for frame in frames] == pytest.approx(TEN_A_SECOND, abs=0.001)
    assert [frame.index for frame in frames] == list(range(20))
    assert {frame.camera for frame in frames} == {"yard"}
    width, height = how.get("size", (64, 48))
    assert (clip.width, clip.height) == (width, height)
    for frame in frames[:1]:
        assert frame.image.shape == (height, width, 3)
        assert frame.image.dtype == np.uint8
        assert frame.luma.shape == (height, width)
    assert clip.frames_read == 20
    assert clip.duration_s == pytest.approx(2.0, abs=0.01)
    assert clip.fps == pytest.approx(10, abs=0.1)
    assert clip.notes == []


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_turned_as_displayed(tmp_path: Path, degrees: int, *, mirrored: bool) -> None:
    """Degrees are counter-clockwise, then mirrored left to right: FFmpeg's order, as its own documentation states it."""
    path = tmp_path / "turned.mp4"
    write_video(path, count=3, size=(96, 48), rotation=degrees, mirrored=mirrored, first=37)
    frames, clip = read(path)
    upright = np.rot90(picture(38, 96, 48), degrees // 90)
    upright = upright[:, ::-1] if mirrored else upright
    assert (clip.width, clip.height) == (upright.shape[1], upright.shape[0])
    assert np.abs(frames[1].image.astype(int) - upright).mean() < 8
    grey = cv2.cvtColor(np.ascontiguousarray(upright), cv2.COLOR_BGR2GRAY).astype(float)
    assert np.corrcoef(frames[1].luma.ravel(), grey.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_turned_as_opencv_does(tmp_path: Path, degrees: int) -> None:
    write_video(tmp_path / "turned.mp4", count=1, size=(96, 48), rotation=degrees, first=37)
    frames, _ = read(tmp_path / "turned.mp4")
    ok, image = cv2.VideoCapture(str(tmp_path / "turned.mp4")).read()
    assert ok
    assert np.abs(frames[0].image.astype(int) - image).max() <= 2


def test_photo_turned_by_exif(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    write_image(path, 37, (96, 48))
    tag = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # orientation 6: turn 90 degrees clockwise
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(tag) + 8).to_bytes(2, "big") + b"Exif\0\0" + tag + data[2:])
    frames, clip = read(path)
    assert (clip.width, clip.height) == (48, 96)
    assert np.abs(frames[0].image.astype(int) - cv2.imread(str(path))).mean() < 2  # edges of colour differ a little


@pytest.mark.parametrize(
    ("codec", "pix_fmt"),
    [
        ("ffv1", "yuv420p"),
        ("mjpeg", "yuvj420p"),  # full range
        ("mjpeg", "yuvj422p"),
        ("ffv1", "yuv422p"),
        ("ffv1", "yuv444p"),
        ("ffv1", "gray"),
        ("ffv1", "bgra"),
    ],
)
def test_colours_as_opencv_reads_them(tmp_path: Path, codec: str, pix_fmt: str) -> None:
    path = tmp_path / "colours.mkv"
    write_video(path, count=2, codec=codec, pix_fmt=pix_fmt, size=(66, 50), first=90)
    frames, _ = read(path)
    ok, image = cv2.VideoCapture(str(path)).read()
    assert ok
    assert np.abs(frames[0].image.astype(int) - image).max() <= 2


@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv444p10le", "gray10le"])
def test_ten_bits_keep_their_colours(tmp_path: Path, pix_fmt: str) -> None:
    """Beside the picture that went in: OpenCV itself is off by 3 levels here."""
    path = tmp_path / "ten.mkv"
    write_video(path, count=1, codec="ffv1", pix_fmt=pix_fmt, first=90)
    frames, _ = read(path)
    top = np.s_[:20]  # grey bars; below is colour
    assert np.abs(frames[0].image[top].astype(int) - picture(90)[top]).max() <= 2


def test_variable_frame_rate(tmp_path: Path) -> None:
    stamps = [0, 40, 80, 400, 440, 900, 1000, 1700, 1740]
    write_video(tmp_path / "vfr.mp4", stamps_ms=stamps, bframes=2)
    frames, clip = read(tmp_path / "vfr.mp4")
    assert [frame.t * 1000 for frame in frames] == pytest.approx(stamps, abs=1)
    assert clip.notes == []


def test_sampling_converts_only_what_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    monkeypatch.setattr(DecodedPicture, "bgr", lambda self: made.append(1))
    write_video(tmp_path / "clip.mp4", count=40, bframes=2)
    frames, clip = read(tmp_path / "clip.mp4", fps=5)
    assert [frame.index for frame in frames] == list(range(0, 40, 2))
    assert clip.frames_read == 40
    assert made == []


def test_luma_is_the_decoders_own_memory_and_cannot_be_spoilt(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4")
    frames, _ = read(tmp_path / "clip.mp4")
    with pytest.raises(ValueError, match="read-only"):
        frames[0].luma[0, 0] = 1
    assert number_of(frames[0].luma) == 0  # also long after the file was closed
    assert number_of(frames[19].luma) == 19


def test_frames_outlive_the_clip(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4")
    frames, _ = read(tmp_path / "clip.mp4")
    assert number_of(frames[7].image) == 7


def test_a_clip_is_read_once(tmp_path: Path) -> None:
    write_video(tmp_path / "clip.mp4", count=3)
    with open_clip(tmp_path / "clip.mp4") as clip:
        list(clip)
        with pytest.raises(RuntimeError, match="open it again"):
            clip.frames()


def test_one_huge_frame(tmp_path: Path) -> None:
    write_video(tmp_path / "4k.mp4", count=1, size=(3840, 2160), first=5)
    frames, clip = read(tmp_path / "4k.mp4")
    assert [number_of(frame.image) for frame in frames] == [5]
    assert clip.duration_s == pytest.approx(0.1)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp"])
def test_one_picture(tmp_path: Path, suffix: str) -> None:
    write_image(tmp_path / f"one{suffix}", 9)
    frames, clip = read(tmp_path / f"one{suffix}")
    assert [(number_of(frame.image), frame.t) for frame in frames] == [(9, 0.0)]
    assert (clip.fps, clip.duration_s) == (None, None)


def test_transparent_gif(tmp_path: Path) -> None:
    write_video(tmp_path / "seen_through.gif", codec="gif", pix_fmt="bgr8", size=(64, 48))
    frames, _ = read(tmp_path / "seen_through.gif")
    assert frames[0].image.shape == (48, 64, 3)
    assert frames[0].luma.shape == (48, 64)


def test_folder_in_natural_order(tmp_path: Path) -> None:
    for number in range(12):
        write_image(tmp_path / f"shot{number}.jpg", number)  # shot10 comes after shot9
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "sub").mkdir()
    with open_clip(tmp_path, image_fps=4) as clip:
        frames = list(clip)
    assert [number_of(frame.image) for frame in frames] == list(range(12))
    assert [frame.t for frame in frames] == [i / 4 for i in range(12)]
    assert clip.duration_s == 3.0
    assert clip.notes == []


def test_long_clips_take_no_more_memory(tmp_path: Path) -> None:
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("memory is measured through /proc")
    write_video(tmp_path / "long.mp4", count=1500, size=(320, 240), gop=250, bframes=2)
    with open_clip(tmp_path / "long.mp4") as clip:
        used = []
        for frame in clip:
            assert frame.image.shape
            assert frame.luma.shape
            if frame.index % 500 == 400:
                used.append(int(statm.read_text().split()[1]) * 4096)
    assert used[-1] - used[0] < 4e6  # 1000 pictures are 230 MB


def test_stamps_are_repaired_in_files_too(tmp_path: Path) -> None:
    write_stamped(tmp_path / "joined.mkv", [9000, 9100, 9200, 1300, 1400, 1500])
    frames, clip = read(tmp_path / "joined.mkv")
    assert [frame.t for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert clip.duration_s == pytest.approx(0.6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "count", "width", "height"),
    [
        ("pets09_s2l1_vtest_480x360.mp4", 795, 480, 360),
        ("aboda_video4.avi", 1169, 720, 480),
        ("burglar_cctv.mp4", 637, 1280, 720),
        ("fall_one_person.mp4", 143, 852, 480),
        ("airport_suitcases_1.mp4", 500, 640, 360),
        ("intel_bottle.mp4", 1189, 640, 360),
        ("intel_car.mp4", 377, 768, 432),
        ("intel_persons.mp4", 1394, 768, 432),
        ("intel_worker-zone-detection.gif", 71, 480, 270),
        ("veo_crowd_lobby.mp4", 192, 848, 478),
    ],
)
def test_real_footage(shared_data: Path, name: str, count: int, width: int, height: int) -> None:
    """Every frame, rising times, no note, and the very pixels that OpenCV reads."""
    path = shared_data / "footage" / name
    capture = cv2.VideoCapture(str(path))
    times = []
    with open_clip(path) as clip:
        assert (clip.width, clip.height) == (width, height)
        for frame in clip:
            times.append(frame.t)
            if frame.index < 120:
                ok, image = capture.read()
                assert ok
                if frame.index % 20 == 0:
                    assert np.abs(frame.image.astype(int) - image).max() <= 2
    assert clip.frames_read == count
    assert clip.notes == []
    assert all(a < b for a, b in itertools.pairwise(times))
