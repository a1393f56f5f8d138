from __future__ import annotations

import itertools
import time
from pathlib import Path

import av
import numpy as np
import pytest

from vision.errors import InputError
from vision.media.live.base import Shot, SourceFault, SourceOptions
from vision.media.live.open import open_live


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of video at 20 fps, with B-frames: picture i is as bright as 10 i."""
    made = tmp_path_factory.mktemp("file") / "short clip.mp4"
    with av.open(str(made), "w") as out:
        stream = out.add_stream("libx264", rate=20, options={"bf": "2", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 10 * i, np.uint8), format="bgr24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return made


@pytest.mark.parametrize("uri", [False, True])
def test_once_in_real_time(short: Path, uri: bool) -> None:
    shots: list[Shot] = []
    began, wall = time.monotonic(), time.time()
    with open_live(short.as_uri() if uri else str(short)) as source:
        with pytest.raises(SourceFault) as caught:
            shots.extend(source.shots())
        assert source.over
        assert source.info is not None
        assert (source.info.codec, source.info.fps, source.info.packets) == ("h264", 20.0, True)
    assert caught.value.fault == "ended"
    assert [shot.index for shot in shots] == list(range(20))
    assert [round(shot.picture.luma().mean()) for shot in shots][::6] == pytest.approx([16, 67, 119, 170], abs=4)
    assert time.monotonic() - began >= 0.9
    assert wall - 0.2 <= shots[0].t <= time.time()
    assert all(b.t > a.t for a, b in itertools.pairwise(shots))


def test_looped_its_times_and_stamps_go_on(short: Path) -> None:
    shots: list[Shot] = []
    stamps: list[tuple[int, int, float]] = []

    def tap(packet: av.Packet, stream: av.VideoStream, t: float) -> None:
        assert packet.pts is not None
        assert packet.dts is not None
        stamps.append((packet.pts, packet.dts, t))

    with open_live(str(short), SourceOptions(loop=True)) as source:
        for shot in source.shots(None, tap):
            shots.append(shot)
            if len(shots) == 50:
                break
        assert not source.over
    assert all(b.t > a.t for a, b in itertools.pairwise(shots))
    assert all(b[1] > a[1] and b[2] >= a[2] for a, b in itertools.pairwise(stamps))
    assert all(pts >= dts for pts, dts, _ in stamps)
    assert shots[-1].t - shots[0].t == pytest.approx(shots[-1].arrived - shots[0].arrived, abs=0.5)


def test_sampled_and_packets_alone(short: Path) -> None:
    taken = []
    with open_live(str(short), SourceOptions(decode=False)) as source, pytest.raises(SourceFault):
        assert list(source.shots(5, lambda packet, stream, t: taken.append(packet.size))) == []
    assert len(taken) == 20
    with open_live(str(short), SourceOptions(loop=True)) as source:
        shots = list(itertools.islice(source.shots(5), 6))
    assert shots[-1].index >= 15


def test_closing_while_it_waits(short: Path) -> None:
    with open_live(str(short), SourceOptions(loop=True)) as source:
        shots = source.shots()
        next(shots)
        source.close()
        with pytest.raises(SourceFault) as caught:
            list(shots)
        assert caught.value.fault == "ended"
        assert not source.over


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("gone.mp4", None, "no_file"),  # not there
        ("text.mp4", b"no video, but text " * 50, "no_video"),  # another kind of file
        ("empty.mp4", b"", "no_video"),  # nothing in it
        ("head.mp4", b"\0\0\0\x18ftypisom\0\0\2\0isomiso2\0\0\0\x08free", "no_video"),  # a copy that broke off
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nhttp://192.0.2.1/x.ts\n", "no_video"),  # leads elsewhere
    ],
)
def test_no_file_or_no_video(tmp_path: Path, name: str, content: bytes | None, fault: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with open_live(str(tmp_path / name)) as source, pytest.raises(SourceFault) as caught:
        list(source.shots())
    assert caught.value.fault == fault
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("address", "word"),
    [("usb:9017", "no such camera"), ("/dev/video9017", "no such camera")],  # nothing there
)
def test_no_device(address: str, word: str) -> None:
    with open_live(address) as source, pytest.raises(SourceFault, match=word) as caught:
        list(source.shots())
    assert caught.value.fault == "no_device"


@pytest.mark.parametrize("address", ["usb:front", "gopher://u:secret@h/", "rtsp://", "http://u:secret@:1/x"])
def test_addresses_that_never_work(address: str) -> None:
    with pytest.raises(InputError) as caught:
        open_live(address)
    assert "secret" not in str(caught.value)
