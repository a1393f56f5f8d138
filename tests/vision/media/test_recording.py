"""Clips written while an event goes on: the source's own frames, the right seconds of them, whatever the camera does."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import ROOT
from tests.media_files import write_video
from tests.ring_feed import EPOCH, feed, hashes, record, shown
from vision.errors import MediaError, OutsideError
from vision.media import recording as module
from vision.media.recording import PatientFile, Recording, finish_clip
from vision.media.ring import PacketRing

MB = 2**20
CLIPS = sorted((ROOT / "demo" / "clips").glob("*.mp4"))


@pytest.mark.parametrize("source", CLIPS, ids=lambda path: path.stem)
def test_frames_are_the_sources(source: Path, tmp_path: Path) -> None:
    whole = hashes(source)
    ring = PacketRing(300.0, 32 * MB)
    feed(ring, source)
    recording, clip = record(ring, tmp_path, 5.3, 11.7)
    frames = hashes(clip.path)
    assert recording.start is not None
    first = recording.start - EPOCH
    assert 0 <= 5.3 - first <= 2.0  # the demo clips have a key frame every 2 s
    assert clip.remuxed
    assert [(round(t + first, 3), pixels) for t, pixels in frames] == [
        shot for shot in whole if first - 1e-3 <= shot[0] <= 11.7 + 1e-3
    ]
    assert clip.duration == pytest.approx(frames[-1][0] + 0.1, abs=0.05)
    assert recording.end == pytest.approx(EPOCH + first + frames[-1][0], abs=1e-3)
    assert clip.size == clip.path.stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
    data = clip.path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # a browser plays it before it is loaded


@pytest.mark.parametrize("step_s", [0.1, 0.7, 3.1, 30.0])
def test_written_as_it_comes(tmp_path: Path, step_s: float) -> None:
    """However often the ring is looked at: the same clip."""
    camera = tmp_path / "camera.mp4"
    write_video(camera, count=200, fps=10)
    ring = PacketRing(5.0, MB)
    recording = Recording(ring, tmp_path / "a.mp4.part", EPOCH + 4.5)
    looked = EPOCH + 8.0

    def look(t: float) -> None:
        nonlocal looked
        if t >= looked:
            recording.step(EPOCH + 15.0)
            looked = t + step_s

    feed(ring, camera, then=look)
    recording.step(EPOCH + 15.0)
    recording.close()
    clip = finish_clip(recording.part, tmp_path / "a.mp4")
    if step_s < 10:  # looked at often enough
        assert (recording.done, recording.note) == (True, None)
        assert shown(clip.path) == [(n, round((n - 40) / 10, 3)) for n in range(40, 151)]
    else:  # once, and then too late: what lies between is gone, and the clip says so
        numbers = [number for number, _ in shown(clip.path)]
        assert recording.note is not None
        assert numbers[0] == 40
        assert numbers[-1] == 150
        assert dict(shown(clip.path))[150] == pytest.approx(11.0, abs=0.01)  # and its times are still right


@pytest.mark.parametrize("bframes", [1, 2, 4])
@pytest.mark.parametrize("last", [7.0, 7.1, 7.2, 7.3, 7.4, 7.5])
def test_b_frames(tmp_path: Path, bframes: int, last: float) -> None:
    camera = tmp_path / "camera.mp4"
    write_video(camera, count=100, fps=10, bframes=bframes, options={"preset": "fast", "b-pyramid": "normal"})
    ring = PacketRing(60.0, MB)
    feed(ring, camera, at=EPOCH - (0.2 if bframes > 1 else 0.1))
    recording, clip = record(ring, tmp_path, 3.5, last)
    frames = shown(clip.path)
    assert [number for number, _ in frames] == list(range(30, 30 + len(frames)))  # none missing, none broken
    assert [t for _, t in frames] == [round(i / 10, 3) for i in range(len(frames))]
    assert recording.start == pytest.approx(EPOCH + 3.0, abs=0.11)
    assert last <= 3.0 + len(frames) / 10 <= last + 0.8


def test_open_groups(tmp_path: Path) -> None:
    """Pictures before the first key frame in time, but after it in the stream, build on what is not there."""
    camera = tmp_path / "camera.mp4"
    options = {"preset": "fast", "x264-params": "open-gop=1:keyint=10:min-keyint=10:scenecut=0:bframes=3:b-adapt=0"}
    write_video(camera, count=100, fps=10, bframes=3, options=options)
    ring = PacketRing(60.0, MB)
    feed(ring, camera)
    _, clip = record(ring, tmp_path, 4.0, 8.0)
    frames = shown(clip.path)
    numbers = [number for number, _ in frames]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert [t for _, t in frames] == [round(i / 10, 3) for i in range(len(frames))]


@pytest.mark.parametrize(
    ("dts", "seconds"),
    [
        ([0, 100, 200, 300], [0, 0.1, 0.2, 0.3]),  # as it should be
        ([None, 100, 200, 300], [0, 0.1, 0.2, 0.3]),  # the first one without
        ([0, None, None, 300], [0, 0.1, 0.2, 0.3]),  # some without
        ([0, 100, 100, 300], [0, 0.1, 0.2, 0.4]),  # twice the same: the clock decides
        ([0, 100, 50, 150], [0, 0.1, 0.2, 0.3]),  # backwards
        ([9_000_000, 9_000_100, 0, 100], [0, 0.1, 0.2, 0.3]),  # the camera's clock was set back
        ([0, 100, 9_000_000, 9_000_100], [0, 0.1, 0.2, 0.3]),  # and forward
        ([2**33 - 200, 2**33 - 100, 0, 100], [0, 0.1, 0.2, 0.3]),  # 33 bits were full
        ([-500, -400, -300, -200], [0, 0.1, 0.2, 0.3]),  # before zero
        ([0, 110, 190, 305], [0, 0.11, 0.19, 0.305]),  # it wobbles: as the camera says
    ],
)
def test_odd_timestamps(tmp_path: Path, dts: list[int | None], seconds: list[float]) -> None:
    camera = tmp_path / "camera.mkv"
    write_video(camera, count=4, fps=10, gop=1, container="matroska")
    ring = PacketRing(60.0, MB)
    with av.open(str(camera)) as container:
        stream = container.streams.video[0]
        for i, (packet, tick) in enumerate(zip(list(container.demux(stream)), dts, strict=False)):
            packet.dts = packet.pts = tick
            ring.tap(packet, stream, EPOCH + i / 10)
    _, clip = record(ring, tmp_path, 0.0, 10.0)
    assert shown(clip.path) == [(n, pytest.approx(t, abs=0.002)) for n, t in enumerate(seconds)]


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A camera that sends key frames only."""
    path = tmp_path_factory.mktemp("single") / "camera.mkv"
    write_video(path, count=12, fps=10, gop=1, container="matroska")
    return path


stamps = st.one_of(st.none(), st.integers(-(2**40), 2**40), st.integers(0, 5000))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shots=st.lists(
        st.tuples(stamps, stamps, st.floats(0, 20), st.integers(-5, 10_000), st.booleans()), min_size=1, max_size=12
    )
)
def test_any_timestamps(
    single: Path, tmp_path: Path, shots: list[tuple[int | None, int | None, float, int, bool]]
) -> None:
    """Whatever a camera counts: a clip with every picture once, in order, and times that follow the clock or the camera."""
    ring = PacketRing(1000.0, MB)
    t = 0.0
    with av.open(str(single)) as container:
        stream = container.streams.video[0]
        for packet, (dts, pts, step, duration, again) in zip(list(container.demux(stream)), shots, strict=False):
            packet.dts, packet.pts, packet.duration = dts, pts, duration
            t += step
            ring.tap(packet, stream, EPOCH + t)
            if again:
                ring.reset()
    recording, clip = record(ring, tmp_path, -1.0, 1e6)
    with av.open(str(clip.path)) as written:
        packets = [packet for packet in written.demux(video=0) if packet.size]
    times = [float((packet.dts or 0) * packet.time_base) for packet in packets]
    assert len(packets) == len(shots)
    assert times == sorted(set(times))
    assert times[-1] - times[0] <= t + 5.1 * len(shots)
    assert all(packet.pts is not None and packet.dts is not None and packet.pts >= packet.dts for packet in packets)
    assert recording.start is not None


def test_the_camera_comes_back(tmp_path: Path) -> None:
    """Gone for 6 s in the middle and back as it was: one clip, its clock right on both sides."""
    first, second = tmp_path / "first.mp4", tmp_path / "second.mp4"
    write_video(first, count=50, fps=10)
    write_video(second, count=100, fps=10, first=100)
    ring = PacketRing(60.0, MB)
    recording = Recording(ring, tmp_path / "a.mp4.part", EPOCH + 2)
    feed(ring, first)
    recording.step(EPOCH + 15)
    feed(ring, second, at=EPOCH + 11, then=lambda t: recording.step(EPOCH + 15))
    recording.close()
    frames = shown(finish_clip(recording.part, tmp_path / "a.mp4").path)
    assert recording.note is None
    assert frames == [(n, round((n - 20) / 10, 3)) for n in range(20, 50)] + [
        (100 + i, pytest.approx(9.0 + i / 10, abs=0.002)) for i in range(41)
    ]


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("bframes", [0, 3])
def test_start_codes(tmp_path: Path, codec: str, bframes: int) -> None:
    """As RTSP brings it: start codes and parameter sets within the stream, not in front of it."""
    camera = tmp_path / "camera.ts"
    write_video(camera, count=60, codec=codec, bframes=bframes, container="mpegts", options={"preset": "fast"})
    ring = PacketRing(60.0, MB)
    feed(ring, camera)
    _, clip = record(ring, tmp_path, 0.0, 60.0)
    frames = shown(clip.path)
    assert clip.remuxed == (codec == "libx264")
    assert len(frames) >= (60 if clip.remuxed else 30)
    assert all(number == pytest.approx(10 * t, abs=1.01) for number, t in frames)


def test_turned_pictures_stay_turned(tmp_path: Path) -> None:
    camera = tmp_path / "camera.mp4"
    write_video(camera, count=20, rotation=90)
    ring = PacketRing(60.0, MB)
    feed(ring, camera)
    _, clip = record(ring, tmp_path, 0.0, 60.0)
    with av.open(str(camera)) as one, av.open(str(clip.path)) as other:
        assert next(one.decode(video=0)).rotation == next(other.decode(video=0)).rotation != 0


def test_the_camera_comes_back_different(tmp_path: Path) -> None:
    first, second = tmp_path / "first.mp4", tmp_path / "second.mp4"
    write_video(first, count=50, fps=10)
    write_video(second, count=100, fps=10, first=100, size=(128, 96))
    ring = PacketRing(60.0, MB)
    feed(ring, first)
    feed(ring, second, at=EPOCH + 11)
    recording, clip = record(ring, tmp_path, 2.0, 15.0)
    assert recording.note == "the stream changed on the way; the clip ends there"
    assert [number for number, _ in shown(clip.path)] == list(range(20, 50))
    assert recording.end == pytest.approx(EPOCH + 4.9)


def test_two_at_once(tmp_path: Path) -> None:
    camera = tmp_path / "camera.mp4"
    write_video(camera, count=200, fps=10)
    ring = PacketRing(5.0, MB)
    one = Recording(ring, tmp_path / "one.mp4.part", EPOCH + 3)
    two = Recording(ring, tmp_path / "two.mp4.part", EPOCH + 6)

    def look(t: float) -> None:
        if t >= EPOCH + 5:
            one.step(EPOCH + 11)
        if t >= EPOCH + 8:
            two.step(EPOCH + 14)

    feed(ring, camera, then=look)
    for recording, numbers in ((one, range(30, 111)), (two, range(60, 141))):
        recording.close()
        clip = finish_clip(recording.part, tmp_path / recording.part.stem)
        assert [number for number, _ in shown(clip.path)] == list(numbers)


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "container"),
    [
        ("libx265", "yuv420p", "mp4"),  # browsers do not play it
        ("mjpeg", "yuvj420p", "matroska"),
        ("mpeg4", "yuv420p", "mp4"),
        ("libvpx", "yuv420p", "matroska"),  # MP4 has no place for it
        ("libx264", "yuv444p", "mp4"),  # H.264, but of a kind that browsers do not play
    ],
)
def test_what_browsers_do_not_play_is_encoded(tmp_path: Path, codec: str, pix_fmt: str, container: str) -> None:
    camera = tmp_path / "camera.bin"
    write_video(camera, count=100, fps=10, codec=codec, pix_fmt=pix_fmt, container=container)
    ring = PacketRing(60.0, 8 * MB)
    feed(ring, camera)
    recording, clip = record(ring, tmp_path, 2.5, 8.0)
    frames = shown(clip.path)
    assert recording.start is not None
    begin = recording.start - EPOCH
    assert not clip.remuxed
    assert begin <= 2.5
    assert all(number == pytest.approx(10 * (begin + t), abs=1.01) for number, t in frames)
    assert frames[-1][0] >= 78
    assert clip.duration == pytest.approx(8.1 - begin, abs=0.3)
    with av.open(str(clip.path)) as written:
        assert written.streams.video[0].codec_context.name == "h264"
        assert written.streams.video[0].codec_context.pix_fmt == "yuv420p"


def test_vp9_is_copied(tmp_path: Path) -> None:
    camera = tmp_path / "camera.mkv"
    write_video(
        camera, count=60, codec="libvpx-vp9", container="matroska", options={"deadline": "realtime", "cpu-used": "8"}
    )
    ring = PacketRing(60.0, MB)
    feed(ring, camera)
    _, clip = record(ring, tmp_path, 2.0, 4.0)
    assert clip.remuxed
    assert [number for number, _ in shown(clip.path)] == list(range(20, 41))


def test_nothing_of_that_time(tmp_path: Path) -> None:
    camera = tmp_path / "camera.mp4"
    write_video(camera, count=20)
    ring = PacketRing(60.0, MB)
    recording = Recording(ring, tmp_path / "a.mp4.part", EPOCH)
    recording.step(EPOCH + 5)
    feed(ring, camera, at=EPOCH + 100)
    recording.step(EPOCH + 5)
    recording.close()
    assert recording.start is None
    assert not recording.part.exists()


KILLED = """
import sys, time
from pathlib import Path
from tests.ring_feed import EPOCH, feed
from vision.media.recording import Recording
from vision.media.ring import PacketRing
ring = PacketRing(60.0, 2**20)
recording = Recording(ring, Path(sys.argv[2]), EPOCH)
def then(t):
    recording.step(EPOCH + 100)
    if t >= EPOCH + 15:
        print("here", flush=True)
        time.sleep(60)
feed(ring, Path(sys.argv[1]), then=then)
"""


def test_killed_while_it_writes(tmp_path: Path) -> None:
    """All but the last seconds are there, and the clip is finished by whoever comes after."""
    camera, part = tmp_path / "camera.mp4", tmp_path / "a.mp4.part"
    write_video(camera, count=200, fps=10)
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(camera), str(part)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    clip = finish_clip(part, tmp_path / "a.mp4")
    frames = shown(clip.path)
    assert [number for number, _ in frames] == list(range(len(frames)))
    assert len(frames) >= 130


@pytest.mark.parametrize("kept", [0.0, 0.02, 0.3, 0.5, 0.77, 0.999])
def test_a_part_that_was_cut_off(tmp_path: Path, kept: float) -> None:
    """A power cut: any number of bytes of the part. A clip of whole pictures or a clear error."""
    camera = tmp_path / "camera.mp4"
    write_video(camera, count=100, fps=10)
    ring = PacketRing(60.0, MB)
    feed(ring, camera)
    recording = Recording(ring, tmp_path / "a.mp4.part", EPOCH)
    recording.step(EPOCH + 20)
    recording.close()
    data = recording.part.read_bytes()
    recording.part.write_bytes(data[: int(len(data) * kept)])
    try:
        frames = shown(finish_clip(recording.part, tmp_path / "a.mp4").path)
    except MediaError:
        assert kept < 0.1
        assert not (tmp_path / "a.mp4").exists()
    else:
        assert kept > 0.1
        assert [number for number, _ in frames] == list(range(len(frames)))
        assert len(frames) >= 90 * kept - 20


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    camera = tmp_path / "camera.mp4"
    write_video(camera, count=20)
    ring = PacketRing(60.0, MB)
    feed(ring, camera)
    recording = Recording(ring, tmp_path / "a.mp4.part", EPOCH)
    recording.step(EPOCH + 20)
    recording.close()
    with pytest.raises(OutsideError, match="cannot be written"):
        finish_clip(recording.part, tmp_path / "none" / "a.mp4")
    assert recording.part.exists()


@pytest.mark.parametrize(
    ("helps", "codec", "kept"),
    [
        (True, "libx264", "whole"),  # room is made: as always
        (False, "libx264", "fragments"),  # no room for a second copy: the part is the clip
        (False, "libx265", "part"),  # nor to encode it: it stays for the next start
    ],
)
def test_a_disk_that_is_full_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, helps: bool, codec: str, kept: str
) -> None:
    camera = tmp_path / "camera.mp4"
    write_video(camera, count=40, codec=codec)
    ring = PacketRing(60.0, MB)
    feed(ring, camera)
    recording = Recording(ring, tmp_path / "a.mp4.part", EPOCH)
    recording.step(EPOCH + 20)
    recording.close()
    full = True
    finished = module._finished

    def once(part: Path, out: Path) -> tuple[float, bool]:
        if full:
            out.write_bytes(b"as far as it went")
            raise OSError(errno.ENOSPC, "No space left on device")
        return finished(part, out)

    def make_room(size: int) -> bool:
        nonlocal full
        full = not helps
        return helps

    monkeypatch.setattr(module, "_finished", once)
    if kept == "part":
        with pytest.raises(OutsideError, match="No space left"):
            finish_clip(recording.part, tmp_path / "a.mp4", make_room)
        assert recording.part.exists()
        assert not (tmp_path / "a.mp4").exists()
    else:
        clip = finish_clip(recording.part, tmp_path / "a.mp4", make_room)
        assert [number for number, _ in shown(clip.path)] == list(range(40))
        assert clip.duration == pytest.approx(4.0, abs=0.15)
        assert (b"moof" in clip.path.read_bytes()) == (kept == "fragments")
        assert not recording.part.exists()
    assert not list(tmp_path.glob("*.tmp.part"))


class FullOnce:
    """A disk that is full after so many bytes, until somebody makes room."""

    def __init__(self, file: object, room: int) -> None:
        self.file, self.room = file, room

    def write(self, data: memoryview) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = data[: self.room]
        self.room -= len(taken)
        return int(self.file.write(taken))  # type: ignore[attr-defined]  # a raw file

    def close(self) -> None:
        self.file.close()  # type: ignore[attr-defined]  # a raw file


@pytest.mark.parametrize("helps", [True, False])
def test_a_full_disk_is_written_to_once_more(tmp_path: Path, helps: bool) -> None:
    asked: list[int] = []

    def make_room(size: int) -> bool:
        asked.append(size)
        full.room = 1000 if helps else 0
        return helps

    file = PatientFile(tmp_path / "a", make_room)
    full = FullOnce(file._file, 5)  # the disk under the file
    file._file = full  # type: ignore[assignment]
    if helps:
        assert file.write(b"0123456789") == 10
    else:
        with pytest.raises(OSError, match="No space"):
            file.write(b"0123456789")
    file.close()
    assert asked == [5]
    assert (tmp_path / "a").read_bytes() == (b"0123456789" if helps else b"01234")
