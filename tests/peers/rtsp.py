"""Real RTSP cameras on loopback, for tests and benchmarks: gst-rtsp-server, fed by FFmpeg from a looping clip.

with RtspServer(clip) as camera:
    watch(camera.url)
    camera.suspend()

with RtspFarm({"yard": quiet, "gate": busy}) as farm:
    watch(farm.url("yard"))
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote

import av

from tests.conftest import missing

SYSTEM_PYTHON = "/usr/bin/python3"
_SERVER = Path(__file__).with_name("rtsp_server.py")
_IMPORTS = (
    "import gi; gi.require_version('Gst', '1.0'); gi.require_version('GstRtspServer', '1.0'); "
    "from gi.repository import Gst, GstRtspServer; Gst.init(None); "
    "assert all(Gst.ElementFactory.find(e) for e in ('udpsrc', 'tsdemux', 'h264parse', 'rtph264pay'))"
)
_ENCODERS = {
    "h264": ["libx264", "-preset", "veryfast", "-x264-params", "scenecut=0:bframes=0:repeat-headers=1"],
    "hevc": ["libx265", "-preset", "ultrafast", "-x265-params", "bframes=0:repeat-headers=1:log-level=error:pools=1"],
    "mpeg4": ["mpeg4", "-q:v", "5"],
}
_checked: dict[str, bool] = {}


def need_rtsp() -> None:
    """Skip where FFmpeg or gst-rtsp-server is not there."""
    if "ffmpeg" not in _checked:
        _checked["ffmpeg"] = shutil.which("ffmpeg") is not None
        gi = [SYSTEM_PYTHON, "-c", _IMPORTS]
        try:
            _checked["gst"] = subprocess.run(gi, capture_output=True, timeout=60, check=False).returncode == 0
        except OSError:
            _checked["gst"] = False
    if not all(_checked.values()):
        missing("needs Debian packages ffmpeg, gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-good and -bad")


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port on loopback that nobody uses now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def camera_video(
    video: Path, *, width: int = 640, height: int = 360, fps: int = 15, codec: str = "h264", gop_s: float = 1.0
) -> Path:
    """`video` as a camera would encode it: one size and rate, no B-frames, a key frame each `gop_s`; made once."""
    digest = hashlib.sha256(video.read_bytes())
    digest.update(repr((width, height, fps, codec, gop_s)).encode())
    folder = Path(tempfile.gettempdir()) / f"sightline-test-videos-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    made = folder / f"{digest.hexdigest()[:20]}.mp4"
    if not made.exists():
        part = folder / f"{made.stem}-{os.getpid()}.part.mp4"
        command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-threads", "1", "-i", os.fspath(video), "-an"]
        command += ["-vf", f"scale={width}:{height},fps={fps},format=yuv420p", "-c:v", *_ENCODERS[codec]]
        command += ["-g", str(round(gop_s * fps)), "-threads", "1", os.fspath(part)]
        subprocess.run(command, check=True, timeout=300)
        part.replace(made)
    return made


def _codec(video: Path) -> str:
    with av.open(os.fspath(video)) as container:
        return container.streams.video[0].codec_context.name


def end(process: subprocess.Popen[bytes] | None) -> None:
    """End a process that was started here, stopped or not."""
    if process is None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.wait(10)
    if process.stdout is not None:
        process.stdout.close()


class _Server:
    """What one and many cameras have in common: a server process and one feeding process.

    A video that is not camera-like (B-frames, far key frames) is best passed through `camera_video` first; `prepare`
    does so with its defaults.
    """

    def __init__(
        self,
        videos: Mapping[str, Path],
        *,
        user: str | None = None,
        password: str | None = None,
        transport: Literal["both", "tcp", "udp"] = "both",
        basic: bool = False,
        prepare: bool = True,
        host: str = "127.0.0.1",
        netns: str | None = None,
        port: int = 0,
    ) -> None:
        need_rtsp()
        self.user, self.password = user, password
        self.host = host
        self.port = port or free_port()
        self._transport, self._basic, self._prepare, self._netns = transport, basic, prepare, netns
        self._videos: dict[str, Path] = {}
        self._ports = {name: free_port(socket.SOCK_DGRAM) for name in videos}
        self._take(videos)
        self._server: subprocess.Popen[bytes] | None = None
        self._feed: subprocess.Popen[bytes] | None = None

    def _take(self, videos: Mapping[str, Path]) -> None:
        self._videos = {name: camera_video(video) if self._prepare else video for name, video in videos.items()}

    def at(self, name: str, *, user: str | None = None, password: str | None = None) -> str:
        """The address of a mount, with user and password where the server wants them; others may be given."""
        user = self.user if user is None else user
        password = self.password if password is None else password
        login = f"{quote(user, safe='')}:{quote(password or '', safe='')}@" if user else ""
        return f"rtsp://{login}{self.host}:{self.port}/{name}"

    @property
    def pid(self) -> int:
        """Process id of the server."""
        assert self._server is not None
        return self._server.pid

    @property
    def feed_ports(self) -> list[int]:
        """The UDP ports at which the server itself is fed (not where it sends pictures)."""
        return list(self._ports.values())

    def start(self) -> Self:
        """Start feed and server; returns when it listens."""
        if self._feed is None or self._feed.poll() is not None:
            self._feed = self._start_feed()
        self.start_server()
        return self

    def start_server(self, wait_s: float = 20.0) -> None:
        """Start the server alone, on its port of before; returns when it listens."""
        want = {
            "host": self.host, "port": self.port, "user": self.user, "password": self.password or "",
            "basic": self._basic, "transport": self._transport,
            "mounts": {n: {"port": self._ports[n], "codec": _codec(v)} for n, v in self._videos.items()},
        }  # fmt: skip
        command = [*self._inside(), SYSTEM_PYTHON, os.fspath(_SERVER), json.dumps(want)]
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline:
            self._server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            assert self._server.stdout is not None
            told, _, _ = select.select([self._server.stdout], [], [], max(0.1, deadline - time.monotonic()))
            if told and self._server.stdout.readline() == b"ready\n":
                return
            end(self._server)  # the port of the server before it may still be closing
            time.sleep(0.1)
        raise TimeoutError("the RTSP server does not start")

    def _inside(self) -> list[str]:
        return ["ip", "netns", "exec", self._netns] if self._netns else []

    def _start_feed(self) -> subprocess.Popen[bytes]:
        """One process for all mounts; a video of several mounts is read once."""
        command = [*self._inside(), "ffmpeg", "-nostdin", "-v", "error"]
        distinct = list(dict.fromkeys(self._videos.values()))
        for video in distinct:
            command += ["-re", "-stream_loop", "-1", "-i", os.fspath(video)]
        for name, video in self._videos.items():
            target = f"udp://127.0.0.1:{self._ports[name]}?pkt_size=1316"
            command += ["-map", f"{distinct.index(video)}:v", "-c", "copy", "-f", "mpegts", target]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        """SIGKILL: connections are reset, nobody listens any more; `start_server` brings it back."""
        end(self._server)
        self._server = None

    def suspend(self) -> None:
        """SIGSTOP: connections stay, nothing comes any more."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def _restart(self, videos: Mapping[str, Path] | None) -> None:
        self.kill()
        if videos is not None:
            end(self._feed)
            self._take(videos)
        self.start()

    def stop(self) -> None:
        """End everything."""
        self.kill()
        end(self._feed)
        self._feed = None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class RtspFarm(_Server):
    """Several cameras of one server: name of the mount -> video, in H.264, HEVC or MPEG-4."""

    def url(self, name: str) -> str:
        """The address of a camera, with its user and password."""
        return self.at(name)

    def restart(self, videos: Mapping[str, Path] | None = None) -> None:
        """Kill and start again, if wanted with other videos (of the same mounts)."""
        self._restart(videos)


class RtspServer(_Server):
    """One camera."""

    def __init__(
        self,
        video: Path,
        user: str | None = None,
        password: str | None = None,
        transport: Literal["both", "tcp", "udp"] = "both",
        basic: bool = False,
        *,
        prepare: bool = True,
        host: str = "127.0.0.1",
        netns: str | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(
            {"cam": video}, user=user, password=password, transport=transport, basic=basic, prepare=prepare,
            host=host, netns=netns, port=port,
        )  # fmt: skip

    @property
    def url(self) -> str:
        """Where the camera is, with its user and password."""
        return self.at("cam")

    def restart(self, video: Path | None = None) -> None:
        """Kill and start again, if wanted with another video."""
        self._restart(None if video is None else {"cam": video})
