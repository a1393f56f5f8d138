"""Clips of a real RTSP camera: its own pictures at their own times, over a connection that was lost in between."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import av
import pytest

from tests.conftest import ROOT
from tests.peers.rtsp import RtspServer, camera_video
from vision.media.live.base import SourceFault, SourceOptions
from vision.media.live.open import open_live
from vision.media.recording import Recording, finish_clip
from vision.media.ring import PacketRing

CLIPS = ROOT / "demo" / "clips"


class Watch:
    """Connects again and again, and remembers which picture was shown when."""

    def __init__(self, url: str, options: SourceOptions) -> None:
        self.ring = PacketRing(60.0, 32 << 20)
        self.seen: dict[int, float] = {}
        self.connections = 0
        self._url, self._options = url, options
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with open_live(self._url, self._options) as source:
                    for i, shot in enumerate(source.shots(None, self.ring.tap)):
                        self.connections += i == 0
                        self.seen[hash(shot.picture.bgr().tobytes())] = shot.t
                        if self._stop.is_set():
                            return
            except SourceFault:
                self.ring.reset()
                self._stop.wait(0.2)

    def wait(self, seconds: float, connections: int = 1) -> None:
        """Until so much has been seen of the newest of so many connections."""
        deadline = time.monotonic() + 30
        while self.connections < connections or not self.ring.seconds:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        goal = max(self.seen.values()) + seconds
        while max(self.seen.values()) < goal:
            assert time.monotonic() < deadline + seconds
            time.sleep(0.05)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()


def pictures(clip: Path) -> list[tuple[float, int]]:
    with av.open(str(clip)) as container:
        return [
            (float((frame.pts or 0) * frame.time_base), hash(frame.to_ndarray(format="bgr24").tobytes()))
            for frame in container.decode(video=0)
        ]


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_the_cameras_own_pictures(tmp_path: Path, transport: str) -> None:
    with RtspServer(CLIPS / "car.mp4") as camera:
        watch = Watch(camera.url, SourceOptions(transport="udp" if transport == "udp" else "tcp", stall_s=3))
        try:
            watch.wait(4.0)
            now = max(watch.seen.values())
            recording = Recording(watch.ring, tmp_path / "a.mp4.part", now - 2.5)
            recording.step(now + 2)
            camera.restart()
            watch.wait(1.0, connections=2)
            end = max(watch.seen.values())
            watch.wait(1.0, connections=2)
            recording.step(end)
        finally:
            watch.stop()
    recording.close()
    clip = finish_clip(recording.part, tmp_path / "a.mp4")
    shots = pictures(clip.path)
    assert recording.start is not None
    assert recording.note is None
    assert recording.start <= now - 2.5 + 0.1
    known = [(t, watch.seen[pixels]) for t, pixels in shots if pixels in watch.seen]
    assert len(known) >= 0.95 * len(shots) >= 40
    # the clip loops: a picture may have been seen several times, its newest time is remembered
    late = [recording.start + t - seen for t, seen in known if abs(recording.start + t - seen) < 2]
    assert len(late) >= 0.8 * len(known)
    assert max(map(abs, late)) < 0.5
    assert clip.duration == pytest.approx(end - recording.start, abs=0.7)


@pytest.mark.slow
def test_it_comes_back_with_another_size(tmp_path: Path) -> None:
    other = camera_video(CLIPS / "quiet.mp4", width=320, height=180)
    with RtspServer(camera_video(CLIPS / "car.mp4"), prepare=False) as camera:
        watch = Watch(camera.url, SourceOptions(stall_s=3))
        try:
            watch.wait(3.0)
            now = max(watch.seen.values())
            before = Recording(watch.ring, tmp_path / "before.mp4.part", now - 2, essential=now)
            camera.restart(other)
            watch.wait(2.0, connections=2)
            then = max(watch.seen.values())
            after = Recording(watch.ring, tmp_path / "after.mp4.part", now - 2, essential=then)
            for recording in (before, after):
                recording.step(then)
                recording.close()
        finally:
            watch.stop()
    sizes = []
    for recording in (before, after):
        assert recording.note is not None
        with av.open(str(finish_clip(recording.part, recording.part.with_suffix("")).path)) as container:
            sizes.append(container.streams.video[0].width)
            assert sum(1 for _ in container.decode(video=0)) > 15
    assert sizes == [640, 320]
