"""The packet ring: what it holds, what it lets go, and that nothing of a connection is needed afterwards."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from tests.media_files import picture, write_video
from tests.ring_feed import EPOCH, feed, record, shown
from vision.frame import ArrayPicture
from vision.media.ring import PacketRing

MB = 2**20


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    """20 s, 10 pictures and one key frame a second."""
    path = tmp_path / "camera.mp4"
    write_video(path, count=200, fps=10)
    return path


@pytest.mark.parametrize(
    ("seconds", "max_bytes", "held", "least"),
    [
        (5.0, MB, 5.9, 5.0),  # whole groups: up to one more than asked for
        (0.0, MB, 0.9, 0.0),  # the group that is going on always stays
        (60.0, MB, 19.9, 19.9),  # more than there is: everything
        (60.0, 12_000, 6.0, 1.0),  # the memory ends first
    ],
)
def test_old_groups_go(camera: Path, seconds: float, max_bytes: int, held: float, least: float) -> None:
    ring = PacketRing(seconds, max_bytes)
    most = 0
    lengths = []

    def look(t: float) -> None:
        nonlocal most
        most = max(most, ring.bytes)
        lengths.append(ring.seconds)

    feed(ring, camera, then=look)
    packets = ring.read_from(0.0)
    assert most <= max_bytes
    assert packets[0].key
    assert [packet.number for packet in packets] == list(range(packets[0].number, 201))
    assert max(lengths) <= held + 0.01
    assert ring.seconds >= least
    assert ring.seconds == pytest.approx(packets[-1].t - packets[0].t)


@pytest.mark.parametrize(
    ("wanted", "first"),
    [
        (12.0, 12.0),  # a key frame exactly
        (12.95, 12.0),  # the one before
        (3.0, 10.0),  # longer ago than is held: the oldest
        (99.0, 19.0),  # not yet: the newest
    ],
)
def test_reading_begins_with_a_key_frame(camera: Path, wanted: float, first: float) -> None:
    ring = PacketRing(9.5, MB)
    feed(ring, camera)
    packet = ring.read_from(EPOCH + wanted)[0]
    assert packet.key
    assert packet.shown == pytest.approx(EPOCH + first)


@pytest.mark.parametrize("number", [0, 95, 139, 150, 199, 200, 300])
def test_reading_on(camera: Path, number: int) -> None:
    ring = PacketRing(9.5, MB)
    feed(ring, camera)
    oldest = ring.read_from(0.0)[0].number
    assert [packet.number for packet in ring.read_after(number)] == list(range(max(oldest, number + 1), 201))


def test_another_length(camera: Path) -> None:
    ring = PacketRing(15.0, MB)
    feed(ring, camera)
    ring.keep(2.0)
    feed(ring, camera, at=EPOCH + 20, until=0.5)
    assert 2.0 <= ring.seconds < 3.0


def test_one_group_is_more_than_the_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "long.mp4"
    write_video(path, count=200, fps=10, gop=1000)
    ring = PacketRing(60.0, 12_000)
    numbers: list[int] = []

    def follow(t: float) -> None:
        numbers.extend(packet.number for packet in ring.read_after(numbers[-1] if numbers else 0))
        assert ring.bytes <= 12_000

    feed(ring, path, then=follow)
    assert numbers == list(range(1, 201))  # who follows loses nothing
    assert ring.read_from(0.0) == []  # nothing can begin
    assert ring.seconds == 0.0
    assert caplog.text.count("raise evidence.ring_mb") == 1
    feed(ring, path, at=EPOCH + 30, until=1.0)
    assert ring.read_from(0.0)[0].t == EPOCH + 30  # with the next key frame all is well


def test_nothing_before_the_first_key_frame(camera: Path) -> None:
    ring = PacketRing(60.0, MB)
    with av.open(str(camera)) as container:
        stream = container.streams.video[0]
        for packet in list(container.demux(stream))[5:15]:
            ring.tap(packet, stream, EPOCH)
    assert [packet.key for packet in ring.read_from(0.0)] == [True] + [False] * 4


def test_a_size_that_changes_within_the_connection(tmp_path: Path) -> None:
    small, large = tmp_path / "small.ts", tmp_path / "large.ts"
    write_video(small, count=20, container="mpegts")
    write_video(large, count=20, container="mpegts", size=(128, 96), first=20)
    ring = PacketRing(60.0, MB)
    with av.open(str(small)) as one, av.open(str(large)) as other:
        stream = one.streams.video[0]
        for offset, source in ((0, one), (2, other)):
            for packet in source.demux(video=0):
                if packet.size and packet.dts is not None:
                    ring.tap(packet, stream, EPOCH + offset + float(packet.dts * packet.time_base))
    ring.reset()
    sizes = [packet.copy.size for packet in ring.read_from(0.0)]
    assert sizes == [(64, 48)] * 20 + [(128, 96)] * 20
    change = ring.read_from(0.0)[20].shown - EPOCH
    for name, essential, numbers, size in (
        ("before", change - 0.5, range(20), (64, 48)),  # the event is before the change
        ("after", change + 0.5, range(20, 40), (128, 96)),  # the event comes after it: the clip has the event
    ):
        recording, clip = record(ring, tmp_path, 0.0, 10.0, name, essential=essential)
        assert recording.note is not None
        assert [number for number, _ in shown(clip.path)] == list(numbers)
        with av.open(str(clip.path)) as container:
            assert (container.streams.video[0].width, container.streams.video[0].height) == size


def test_pictures_of_a_source_without_packets(tmp_path: Path) -> None:
    ring = PacketRing(60.0, MB)
    for i in range(100):  # 10 s at 10 a second
        ring.offer(ArrayPicture(picture(i)), EPOCH + i / 10)
    packets = ring.read_from(0.0)
    assert 33 <= len(packets) <= 41
    _, clip = record(ring, tmp_path, 2.0, 8.0)
    numbers = shown(clip.path)
    assert not clip.remuxed
    assert numbers[0][0] in range(16, 21)
    assert numbers[-1][0] in range(76, 81)
    assert clip.duration == pytest.approx(6.0, abs=0.5)


def test_pictures_are_not_wanted_where_there_are_packets(camera: Path) -> None:
    ring = PacketRing(60.0, MB)
    feed(ring, camera, then=lambda t: ring.offer(ArrayPicture(np.zeros((4, 4, 3), np.uint8)), t))
    assert len(ring.read_from(0.0)) == 200


def test_uncompressed_packets_are_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "raw.avi"
    write_video(path, count=20, codec="rawvideo", pix_fmt="yuyv422", container="avi")
    ring = PacketRing(60.0, MB)
    feed(ring, path, then=lambda t: ring.offer(ArrayPicture(picture(7)), t))
    assert {packet.copy.codec for packet in ring.read_from(0.0)} == {"mjpeg"}
