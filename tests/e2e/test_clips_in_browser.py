"""Clips of live events in a real browser (Chromium): finished ones, fragments of a full disk, encoded ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.media_files import write_video
from tests.ring_feed import EPOCH, feed
from vision.media.recording import Recording, finish_clip
from vision.media.ring import PacketRing

MB = 2**20
PLAY = """path => new Promise((done, failed) => {
  const video = document.createElement('video'); video.muted = true; video.src = path;
  video.onerror = () => failed(new Error('error ' + video.error.code + ' ' + video.error.message));
  video.onended = () => done([video.duration, video.videoWidth, video.getVideoPlaybackQuality().totalVideoFrames]);
  video.playbackRate = 8; document.body.append(video); video.play(); setTimeout(() => failed(new Error('stuck')), 20000);
})"""


def recorded(source: Path, folder: Path) -> Recording:
    ring = PacketRing(60.0, 8 * MB)
    feed(ring, source)
    recording = Recording(ring, folder / "a.mp4.part", EPOCH + 3)
    recording.step(EPOCH + 7)
    recording.close()
    return recording


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["copied", "b_frames", "fragments", "encoded"])
def test_it_plays(browser: Any, tmp_path: Path, kind: str) -> None:
    camera = ROOT / "demo" / "clips" / "car.mp4"
    if kind in ("b_frames", "encoded"):
        camera = tmp_path / "camera.mp4"
        codec = "libx264" if kind == "b_frames" else "libx265"
        write_video(camera, count=100, fps=10, codec=codec, size=(320, 240), bframes=3, options={"preset": "fast"})
    clip = tmp_path / "clip.mp4"
    recording = recorded(camera, tmp_path)
    if kind == "fragments":
        recording.part.replace(clip)
        seconds = 5.1
    else:
        seconds = finish_clip(recording.part, clip).duration
    (tmp_path / "page.html").write_text("<!doctype html><title>clip</title><body>")
    page = browser.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    duration, width, frames = page.evaluate(PLAY, "clip.mp4")
    page.close()
    assert duration == pytest.approx(seconds, abs=0.4)
    assert width in (320, 640)
    assert frames > 5
