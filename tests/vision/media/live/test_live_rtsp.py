from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest

from tests.conftest import missing
from tests.peers.rtsp import RtspServer, free_port
from vision.media.live.base import Shot, SourceFault, SourceOptions
from vision.media.live.open import open_live
from vision.media.live.probe import probe_live

PASSWORD = "p@ss/wörd?#"


@pytest.fixture(scope="module")
def clip(root: Path) -> Path:
    return root / "demo/clips/loiter.mp4"


@pytest.fixture(scope="module")
def guarded(clip: Path) -> Iterator[RtspServer]:
    """A camera with Digest, for the tests that leave it as it is."""
    with RtspServer(clip, user="viewer", password=PASSWORD) as camera:
        yield camera


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_pictures_packets_and_times(guarded: RtspServer, transport: str) -> None:
    taken: list[tuple[int, int, bool, float]] = []

    def tap(packet: av.Packet, stream: av.VideoStream, t: float) -> None:
        assert packet.pts is not None
        assert packet.dts is not None
        taken.append((packet.dts, packet.pts, packet.is_keyframe, t))

    options = SourceOptions(transport=transport)  # type: ignore[arg-type]  # of the list above
    threads = threading.active_count()
    with open_live(guarded.url, options) as source:
        shots = list(itertools.islice(source.shots(5, tap), 15))
        assert threading.active_count() == threads
        info = source.info
    assert info is not None
    assert (info.codec, info.width, info.height, info.transport) == ("h264", 640, 360, f"rtsp/{transport}")
    assert all(b.t > a.t for a, b in itertools.pairwise(shots))
    assert all(b[0] > a[0] for a, b in itertools.pairwise(taken))
    assert taken[0][2]  # what a clip can begin with
    assert abs(shots[-1].t - time.time()) < 5
    assert shots[-1].t - shots[0].t == pytest.approx(14 / 5, abs=1.5)
    assert shots[3].picture.bgr().shape == (360, 640, 3)
    seen: list[tuple[int, ...]] = []
    threads_ = [threading.Thread(target=lambda p=s.picture: seen.append(p.bgr().shape)) for s in shots]
    for thread in threads_:
        thread.start()
    for thread in threads_:
        thread.join()
    assert seen == [(360, 640, 3)] * 15


def test_raw_characters_in_a_password(guarded: RtspServer) -> None:
    raw = f"rtsp://viewer:{PASSWORD}@127.0.0.1:{guarded.port}/cam"
    with open_live(raw) as source:
        next(iter(source.shots()))


def fault_at(address: str, **options: object) -> SourceFault:
    with open_live(address, SourceOptions(**options)) as source, pytest.raises(SourceFault) as caught:  # type: ignore[arg-type]  # as given
        list(source.shots())
    for secret in ("p@ss", "wr0ng-pw", "p%40", "viewer"):
        assert secret not in str(caught.value)
    return caught.value


def test_wrong_logins_and_paths(guarded: RtspServer) -> None:
    assert fault_at(guarded.at("cam", password="wr0ng-pw")).fault == "auth"
    assert fault_at(f"rtsp://127.0.0.1:{guarded.port}/cam").fault == "auth"
    assert fault_at(guarded.at("other")).fault == "not_found"
    assert fault_at(f"rtsp://viewer:wr0ng-pw@127.0.0.1:{free_port()}/cam").fault == "refused"
    assert fault_at("rtsp://viewer:wr0ng-pw@nohost.invalid/cam").fault == "unreachable"


def test_basic(clip: Path) -> None:
    with RtspServer(clip, user="viewer", password="abc", basic=True, transport="tcp") as camera:
        with open_live(camera.url) as source:
            next(iter(source.shots()))
        assert fault_at(camera.at("cam", password="wr0ng-pw")).fault == "auth"
        assert fault_at(camera.url, transport="udp").fault == "other"  # it sends over TCP alone


@pytest.fixture
def hole() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("scheme", ["rtsp", "rtsps", "http"])
def test_black_hole(hole: int, scheme: str) -> None:
    began = time.monotonic()
    assert fault_at(f"{scheme}://127.0.0.1:{hole}/cam", connect_s=1.0, stall_s=1.0).fault == "timeout"
    assert time.monotonic() - began < 4


def test_closing_while_it_connects(hole: int) -> None:
    source = open_live(f"rtsp://127.0.0.1:{hole}/cam", SourceOptions(connect_s=3))
    threading.Timer(0.2, source.close).start()
    began = time.monotonic()
    with pytest.raises(SourceFault):
        list(source.shots())
    assert time.monotonic() - began < 1.5
    deadline = time.monotonic() + 10
    while any(t.name == "sightline-connect" for t in threading.enumerate()):  # what was abandoned ends by itself
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_speaks_no_rtsp() -> None:
    def speak(server: socket.socket) -> None:
        for _ in range(2):
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer:
                peer.recv(4096)
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=speak, args=(server,))
        thread.start()
        fault = fault_at(f"rtsp://127.0.0.1:{server.getsockname()[1]}/cam", connect_s=2.0)
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    assert fault.fault in {"no_video", "timeout", "ended", "other", "damaged"}


def fault_after(address: str, act: Callable[[], None], stall_s: float = 5.0) -> str:
    """The fault that follows when `act` is done at the sixth picture."""
    for _ in range(5):
        index = -1
        with open_live(address, SourceOptions(stall_s=stall_s)) as source:
            try:
                for shot in source.shots():
                    index = shot.index
                    if index == 5:
                        act()
            except SourceFault as fault:
                if index >= 5:
                    return fault.fault
        time.sleep(0.5)  # the server still puts away what the client before had (503)
    return "none"


def served(address: str) -> None:
    """Waits until the server shows pictures: one just awake still puts away the clients of its sleep (500, 503)."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with open_live(address, SourceOptions(stall_s=10.0)) as source:
                next(iter(source.shots()))
        except SourceFault:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        else:
            return


def test_stall_then_it_goes_on_and_kill(clip: Path) -> None:
    with RtspServer(clip) as camera:
        assert fault_after(camera.url, camera.suspend, stall_s=1.0) == "stall"
        camera.resume()
        served(camera.url)
        with open_live(camera.url, SourceOptions(stall_s=30.0)) as source:
            shots: list[Shot] = []
            for shot in source.shots():
                shots.append(shot)
                if shot.index == 5:  # shorter than it takes to be a stall
                    camera.suspend()
                    threading.Timer(2.0, camera.resume).start()
                if shot.index == 40:
                    break
            assert all(b.t > a.t for a, b in itertools.pairwise(shots))
        assert fault_after(camera.url, camera.kill) == "ended"


def test_probe(guarded: RtspServer) -> None:
    found = probe_live(guarded.url, seconds=4.0)
    assert (found.codec, found.width, found.height, found.transport) == ("h264", 640, 360, "rtsp/tcp")
    assert found.fps == pytest.approx(15, rel=0.15)
    assert found.stated_fps == pytest.approx(15)
    assert found.key_interval_s == pytest.approx(1.0, abs=0.3)
    assert found.clock_offset_s == pytest.approx(0.0, abs=1.0)
    assert found.kbit_s is not None
    assert found.kbit_s > 50
    assert 0 < found.first_picture_s < 10


def _inside(name: str, *command: str) -> None:
    subprocess.run(["ip", "netns", "exec", name, *command], check=True, capture_output=True, timeout=20)


@pytest.fixture
def lossy() -> Iterator[str]:
    """A network namespace in which 5 % of the larger UDP packets are lost, once `lose` is called."""
    name = f"sl-loss-{os.getpid()}"
    if not shutil.which("nft") or not shutil.which("ip"):
        missing("needs Debian packages nftables and iproute2")
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False, timeout=20)
    if made.returncode:
        missing("needs the right to make network namespaces")
    try:
        _inside(name, "ip", "link", "set", "lo", "up")
        _inside(name, "nft", "add table inet t; add chain inet t i { type filter hook input priority 0; }")
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False, timeout=20)


# Watches in the namespace, for this process cannot enter it; prints what came of it.
_WATCH = """
import sys, time
from vision.media.live.base import SourceOptions
from vision.media.live.open import open_live
from vision.frame import Frame
source = open_live(sys.argv[1], SourceOptions(transport="udp", stall_s=3))
last, first, times = 0, None, []
for shot in source.shots():
    times.append(shot.t)
    first = first or shot.arrived
    shot.picture.luma()
    if shot.arrived - first > float(sys.argv[2]):
        break
assert all(b > a for a, b in zip(times, times[1:]))
print(len(times), shot.index + 1, dict(source.counts))
"""


@pytest.mark.slow
def test_loss_on_udp_does_not_end_the_stream(lossy: str, clip: Path, root: Path) -> None:
    """5 % of the packets are lost on the way from camera to agent; the feed of the test camera itself loses none."""
    seconds = 12
    with RtspServer(clip, netns=lossy, transport="udp") as camera:
        fed = ", ".join(map(str, camera.feed_ports))
        chosen = f"udp dport != {{ {fed} }} meta length > 100 numgen random mod 100 < 5 drop"
        _inside(lossy, "nft", f"add rule inet t i {chosen}")
        command = ["ip", "netns", "exec", lossy, sys.executable, "-c", _WATCH, camera.url, str(seconds)]
        env = {**os.environ, "PYTHONPATH": str(root)}
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, env=env)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    assert int(done.stdout.split()[0]) > 0.5 * 15 * seconds
