"""Another maker's RTSP server: VLC, which sends over UDP alone and wants a login."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.peers.rtsp import camera_video, end, free_port, need_rtsp
from vision.media.live.base import SourceFault, SourceOptions
from vision.media.live.open import open_live
from vision.media.live.probe import probe_live


@pytest.fixture(scope="module")
def vlc(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a VLC that plays a clip for ever."""
    need_rtsp()
    if not shutil.which("cvlc") or not shutil.which("setpriv"):
        missing("needs Debian packages vlc-bin and vlc-plugin-base")
    port, clip = free_port(), camera_video(root / "demo/clips/loiter.mp4")
    command = ["cvlc", "-I", "dummy", "--no-audio", "--loop", "fd://0", "--rtsp-host", "127.0.0.1"]
    command += ["--sout-rtsp-user", "viewer", "--sout-rtsp-pwd", "s3/cr@t", "--sout-keep"]
    command += ["--sout", f"#rtp{{sdp=rtsp://127.0.0.1:{port}/cam}}"]
    if os.geteuid() == 0:  # it refuses to run as root, and then may not look into this test's folders
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
    with clip.open("rb") as file:
        env = {**os.environ, "HOME": "/nonexistent"}
        process = subprocess.Popen(command, stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    try:
        deadline = time.monotonic() + 20
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, "VLC does not start"
            assert time.monotonic() < deadline, "VLC does not listen"
            time.sleep(0.1)
        yield port
    finally:
        end(process)


def test_udp_with_a_login(vlc: int) -> None:
    found = probe_live(f"rtsp://viewer:s3/cr@t@127.0.0.1:{vlc}/cam", SourceOptions(transport="udp"), seconds=4)
    assert (found.codec, found.width, found.transport) == ("h264", 640, "rtsp/udp")
    assert found.fps == pytest.approx(15, rel=0.2)


@pytest.mark.parametrize(
    ("password", "transport", "fault", "word"),
    [
        ("wr0ng", "udp", "auth", "password"),  # a wrong password
        ("s3/cr@t", "tcp", "other", "transport"),  # TCP is not offered
    ],
)
def test_faults(vlc: int, password: str, transport: str, fault: str, word: str) -> None:
    options = SourceOptions(transport=transport)  # type: ignore[arg-type]  # of the list above
    address = f"rtsp://viewer:{password}@127.0.0.1:{vlc}/cam"
    with open_live(address, options) as source, pytest.raises(SourceFault, match=word) as caught:
        next(iter(source.shots()))
    assert caught.value.fault == fault
    assert password not in str(caught.value)
