from __future__ import annotations

import gc
import itertools
import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.live.backoff import ReconnectWait
from edge_agent.live.feed import CameraFeed, FeedState
from tests.peers.rtsp import RtspFarm, RtspServer, camera_video, free_port
from vision.errors import InputError
from vision.frame import ArrayPicture, Frame
from vision.media.live.address import filled_address
from vision.media.live.base import LiveSource, PacketTap, Shot, SourceFault, SourceOptions, StreamInfo
from vision.media.live.open import open_live

QUICK = SourceOptions(connect_s=5, stall_s=1.0)


class Watcher:
    """A feed and everything it told."""

    def __init__(self, address: str, options: SourceOptions = QUICK, **more: object) -> None:
        self.frames: list[Frame] = []
        self.states: list[FeedState] = []
        self.streams: list[StreamInfo] = []
        self.packets = 0
        given = {"fps": None, "tap": self._tap, "random": lambda: 0.2, **more}
        self.feed = CameraFeed(
            "yard", address, options, on_shot=self._shot, on_change=self.states.append,
            on_stream=self.streams.append, **given,  # type: ignore[arg-type]  # as given
        )  # fmt: skip

    def _shot(self, frame: Frame, arrived: float) -> None:
        frame.luma.mean()
        self.frames.append(frame)

    def _tap(self, packet: object, stream: object, t: float) -> None:
        self.packets += 1

    def until(self, what: Callable[[], object], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, self.feed.state
            time.sleep(0.02)

    def until_online(self, reconnects: int = 0, seconds: float = 20.0) -> None:
        self.until(lambda: self.feed.state.state == "online" and self.feed.state.reconnects >= reconnects, seconds)

    def __enter__(self) -> Self:
        self.feed.start()
        return self

    def __exit__(self, *error: object) -> None:
        assert self.feed.stop(5.0)
        assert self.feed.state.state == "stopped"
        assert all(b.t > a.t and b.index > a.index for a, b in itertools.pairwise(self.frames))
        assert len({frame.picture.size for frame in self.frames}) <= 1


class Script(LiveSource):
    """A source that plays what a list says: numbers of shots before a fault."""

    def __init__(self, shots: int, fault: Exception, size: tuple[int, int] = (64, 48), codec: str = "h264") -> None:
        self._shots, self._fault, self._size, self._codec = shots, fault, size, codec
        self._closed = threading.Event()

    def shots(self, fps: float | None = None, tap: PacketTap | None = None) -> Iterator[Shot]:
        width, height = self._size
        for index in range(self._shots):
            self.info = StreamInfo(self._codec, width, height)
            picture = ArrayPicture(np.zeros((height, width, 3), np.uint8))
            yield Shot(picture, 1_800_000_000.0 + index, time.monotonic(), index)
        if self._closed.wait(0):
            raise SourceFault("ended", "closed")
        raise self._fault

    def close(self) -> None:
        self._closed.set()


def scripted(*sources: Script | Exception) -> Callable[[str, SourceOptions], LiveSource]:
    """An opener that gives these one after the other, the last one for ever."""
    left = list(sources)

    def opener(address: str, options: SourceOptions) -> LiveSource:
        source = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(source, Exception):
            raise source
        return Script(source._shots, source._fault, source._size, source._codec)

    return opener


STALL = SourceFault("stall", "x: silent")


def test_times_and_counting_go_on_and_sizes_stay() -> None:
    opener = scripted(Script(3, STALL), Script(4, STALL, (32, 24), "hevc"), Script(0, STALL))
    with Watcher("x", opener=opener) as watcher:
        watcher.until(lambda: watcher.feed.state.faults.get("stall", 0) >= 3)
        state = watcher.feed.state
    assert [frame.index for frame in watcher.frames] == list(range(7))
    assert {frame.image.shape for frame in watcher.frames} == {(48, 64, 3)}
    assert [info.codec for info in watcher.streams] == ["h264", "hevc"]
    assert [s.state for s in watcher.states] == ["online", "offline", "online", "offline", "stopped"]
    assert (state.frames, state.reconnects, state.fault, state.reason) == (7, 1, "stall", "x: silent")


def test_one_line_for_each_change(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sightline.camera")
    refused = SourceFault("refused", "rtsp://h/: refused")
    opener = scripted(Script(2, STALL), Script(0, refused))
    with Watcher("x", opener=opener, random=lambda: 0.0) as watcher:
        watcher.until(lambda: watcher.feed.state.faults.get("refused", 0) >= 5)
    lines = [record.getMessage() for record in caplog.records]
    assert [line.partition(":")[2].split()[0] for line in lines] == ["online", "offline", "offline"]
    assert caplog.records[1].__dict__["fault"] == "stall"
    assert caplog.records[1].__dict__["camera"] == "yard"
    assert [(s.state, s.fault) for s in watcher.states] == [
        ("online", None), ("offline", "stall"), ("offline", "refused"), ("stopped", None),
    ]  # fmt: skip


def test_mistakes_in_listeners_and_sources_do_not_end_a_camera(caplog: pytest.LogCaptureFixture) -> None:
    def fails(state: FeedState) -> None:
        raise RuntimeError("s3cret")

    opener = scripted(Script(1, ValueError("s3cret")), Script(1, STALL))
    feed = CameraFeed(
        "yard", "x", QUICK, fps=5, on_shot=lambda f, a: None, on_change=fails, opener=opener, random=lambda: 0.0
    )
    feed.start()
    deadline = time.monotonic() + 10
    while feed.state.faults.get("stall", 0) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert feed.stop(5)
    assert feed.state.faults["other"] == 1
    assert "ValueError at test_feed.py" in caplog.text
    assert "s3cret" not in caplog.text


def test_an_address_that_never_works_is_not_tried_again() -> None:
    with Watcher("x", opener=scripted(InputError("x: no way to read it"))) as watcher:
        watcher.until(lambda: watcher.feed.state.state == "stopped")
        assert watcher.feed.state.reason == "x: no way to read it"
        assert not watcher.feed._thread.is_alive() or watcher.feed.stop(2)


def test_waits_between_tries() -> None:
    top = ReconnectWait(lambda: 1.0)
    assert [top.after("refused", 0.0) for _ in range(7)] == [0.5, 1, 2, 4, 5, 5, 5]
    assert top.after("refused", 29.0) == 5  # not healthy for long enough
    assert top.after("stall", 31.0) == 0.5  # a new story
    other = ReconnectWait(lambda: 1.0)
    assert [other.after("no_video", 0.0) for _ in range(8)][-1] == 30
    assert other.after("no_video", 2.0) == 5  # it has worked: a relay in front of it says anything
    auth = ReconnectWait(lambda: 0.0)
    assert min(auth.after("auth", 0.0) for _ in range(9)) >= 4  # accounts get locked
    auth = ReconnectWait(lambda: 1.0)
    assert [auth.after("auth", 0.0) for _ in range(9)][-1] == 60
    chance = random.Random(7)
    jitter = ReconnectWait(chance.random)
    waits = [jitter.after("ended", 0.0) for _ in range(500)]
    assert min(waits) >= 0.1  # never a busy loop
    assert max(waits) <= 6


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="looks into /proc")
def test_two_hundred_reconnects_leave_nothing_behind(root: Path) -> None:
    """To a real server: each connection opens, decodes some pictures and is broken off by a fault."""
    clip = camera_video(root / "demo/clips/quiet.mp4", width=320, height=180, gop_s=0.1)
    packets = SourceOptions(decode=False)
    # with one viewer always there, the server need not begin anew for each
    with RtspServer(clip, prepare=False) as camera, Watcher(camera.url, packets) as other:
        other.until_online()
        threads, marks = threading.active_count(), []

        def opener(address: str, options: SourceOptions) -> LiveSource:
            source = open_live(address, options)
            shots = source.shots

            def few(fps: float | None = None, tap: PacketTap | None = None) -> Iterator[Shot]:
                yield from itertools.islice(shots(fps, tap), 1)
                raise SourceFault("stall", "x: silent")

            source.shots = few  # type: ignore[method-assign]  # breaks off what is real
            return source

        with Watcher(camera.url, opener=opener, tap=None) as watcher:
            watcher.feed._wait.after = lambda fault, online_s: 0.0  # type: ignore[method-assign]  # as quick as it can
            for mark in range(25, 226, 25):
                watcher.until(lambda mark=mark: watcher.feed.state.reconnects >= mark, 60)
                del watcher.frames[:-1]
                gc.collect()
                marks.append((_resident() >> 20, _files(), threading.active_count()))
    print(marks)
    assert max(mark[1] for mark in marks) - marks[0][1] <= 6
    assert max(mark[2] for mark in marks) <= threads + 3
    assert marks[-1][0] - marks[1][0] < 12
    assert threading.active_count() <= threads + 1


def test_a_real_camera_comes_and_goes(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    clip = root / "demo/clips/loiter.mp4"
    other = camera_video(clip, width=320, height=180, codec="hevc")
    with RtspServer(camera_video(clip), user="viewer", password="s3cret/p@ss", prepare=False) as camera:
        with Watcher(camera.url, fps=5) as watcher:
            watcher.until_online()
            camera.suspend()
            watcher.until(lambda: watcher.feed.state.fault == "stall")
            camera.resume()
            watcher.until_online(1, 10)
            camera.kill()
            watcher.until(lambda: watcher.feed.state.fault == "refused")
            camera.start_server()
            watcher.until_online(2, 10)
            camera.restart(other)
            watcher.until(lambda: watcher.feed.state.fault)
            watcher.until_online(3, 10)
            seen = len(watcher.frames)
            watcher.until(lambda: len(watcher.frames) > seen + 5)
            state = watcher.feed.state
        with Watcher(camera.at("cam", password="s3cret-wr0ng"), fps=5) as wrong:
            wrong.until(lambda: wrong.feed.state.fault == "auth")
            told = repr(wrong.feed.state) + repr(wrong.states)
    assert state.info is not None
    assert (state.info.codec, state.info.width) == ("hevc", 320)
    assert watcher.frames[-1].image.shape == (360, 640, 3)
    assert watcher.packets == state.packets
    assert state.faults["stall"] == 1
    everything = caplog.text + told + repr(state) + repr(watcher.states) + repr([r.__dict__ for r in caplog.records])
    assert "s3cret" not in everything
    assert "viewer" not in everything


def test_packets_alone_of_several_cameras(root: Path) -> None:
    clips = {name: root / f"demo/clips/{name}.mp4" for name in ("quiet", "car")}
    with RtspFarm(clips) as farm:
        options = SourceOptions(decode=False)
        with Watcher(farm.url("quiet"), options) as quiet, Watcher(farm.url("car"), options) as car:
            for watcher in (quiet, car):
                watcher.until(lambda watcher=watcher: watcher.packets > 30)
                state = watcher.feed.state
                assert state.state == "online"
                assert state.info is not None
                assert (state.info.width, state.info.codec) == (640, "h264")
                assert state.bytes > 1000
                assert 5 < state.fps_in < 45
                assert not watcher.frames


def test_a_file_ends(root: Path, tmp_path: Path) -> None:
    clip = camera_video(root / "demo/clips/quiet.mp4")
    import av

    short = tmp_path / "short.mp4"
    with av.open(str(clip)) as source, av.open(str(short), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in itertools.islice(source.demux(video=0), 15):
            packet.stream = stream
            out.mux(packet)
    with Watcher(str(short)) as watcher:
        watcher.until(lambda: watcher.feed.state.state == "stopped")
        assert watcher.feed.state.reason == "the file has ended"
    assert [state.state for state in watcher.states] == ["online", "stopped"]
    assert len(watcher.frames) == 15


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(password=st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=6, max_size=20))
def test_no_password_anywhere(caplog: pytest.LogCaptureFixture, password: str) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    address = filled_address(f"rtsp://viewer:${{PW}}@127.0.0.1:{free_port()}/cam", {"PW": password})
    with Watcher(address, random=lambda: 0.0) as watcher:
        watcher.until(lambda: watcher.feed.state.faults)
    told = caplog.text + repr(watcher.states) + repr([r.__dict__ for r in caplog.records])
    assert watcher.states[0].fault == "refused"
    assert password not in told
    assert address.partition("//viewer:")[2].partition("@")[0] not in told
