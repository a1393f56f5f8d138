"""An hour of `sightline run` with a fault every minute: memory, threads and open files must stay flat.

Four RTSP cameras (people coming and going, somebody who never leaves, an empty yard, somebody every 4 s), a signed webhook
and an MQTT broker. Every minute something is done to it (see `FAULTS`) and undone some seconds later. Every five seconds the
agent's resident memory, threads, open files and CPU are sampled from /proc; after a warm-up a straight line is fitted.

    python -m benchmarks.soak [--minutes 60] [--csv soak.csv] [--svg docs/soak.svg]
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import random
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path
from signal import SIGHUP
from typing import Any

from benchmarks._soak_plot import Panel, plot
from tests.e2e.live import LiveAgent, end_in_order
from tests.e2e.live_kill import BROKER_PASSWORD, SECRET
from tests.e2e.live_scenes import CLIPS, MODEL, brisk, encode, pacing, visit, yard
from tests.peers.mosquitto import Broker, Listener
from tests.peers.rtsp import RtspServer
from tests.peers.webhook import Receiver

SAMPLE_S = 5.0
PASSWORD = "Tamarisk-Lynx-58"
DISK_MB = 400


@dataclass(frozen=True, slots=True)
class Point:
    """One sample; `minute` since the start."""

    minute: float
    rss_mb: float
    threads: int
    fds: int
    cpu_s: float
    fault: str


@dataclass
class Scene:
    """The agent and everything around it."""

    agent: LiveAgent
    servers: dict[str, RtspServer]
    receiver: Receiver
    broker: Broker
    listener: Listener
    folder: Path
    disk: Path | None
    chance: random.Random
    guests: list[socket.socket] = field(default_factory=list)

    def server(self) -> RtspServer:
        return self.servers[self.chance.choice(sorted(self.servers))]


Undo = Callable[[], None]


def _nothing() -> None:
    """There is nothing to undo."""


def kill_camera(scene: Scene) -> Undo:
    server = scene.server()
    server.kill()
    return server.start_server


def freeze_camera(scene: Scene) -> Undo:
    server = scene.server()
    server.suspend()
    return server.resume


def restart_camera(scene: Scene) -> Undo:
    scene.server().restart()
    return _nothing


def other_size(scene: Scene) -> Undo:
    server = scene.servers["walker"]
    server.restart(pacing(scene.folder, size=(480, 270)))
    return lambda: server.restart(pacing(scene.folder))


def other_password(scene: Scene) -> Undo:
    server = scene.servers["walker"]
    server.password = "changed"
    server.restart()

    def undo() -> None:
        server.password = PASSWORD
        server.restart()

    return undo


def receiver_down(scene: Scene) -> Undo:
    scene.receiver.fail("down")
    return scene.receiver.heal


def receiver_hangs(scene: Scene) -> Undo:
    scene.receiver.fail("hang")
    return scene.receiver.heal


def receiver_errors(scene: Scene) -> Undo:
    scene.receiver.fail("503", retry_after="2")
    return scene.receiver.heal


def broker_down(scene: Scene) -> Undo:
    scene.broker.stop()
    return scene.broker.start


def broker_freezes(scene: Scene) -> Undo:
    scene.broker.suspend()
    return scene.broker.resume


def new_config(scene: Scene) -> Undo:
    """One camera changes, one comes; then both are as before."""
    before = scene.agent.config
    cameras = [dict(camera) for camera in before["cameras"]]
    cameras[0]["detect"] = {"fps": 3, "confidence": 0.4}
    cameras.append(yard("extra", str(CLIPS / "quiet.mp4"), stream={"loop": True}))
    _reload(scene, {**before, "cameras": cameras})
    return lambda: _reload(scene, before)


def wrong_config(scene: Scene) -> Undo:
    before = scene.agent.config
    _reload(scene, {**before, "cameras": []})
    return lambda: _reload(scene, before)


def _reload(scene: Scene, config: dict[str, Any]) -> None:
    scene.agent.write(config)
    scene.agent.signal(SIGHUP)


def disk_full(scene: Scene) -> Undo:
    if scene.disk is None:
        return _nothing
    ballast = scene.disk / "ballast"
    free = _free_mb(scene.disk)
    with contextlib.suppress(OSError), ballast.open("wb") as file:
        for _ in range(max(0, free - 4)):
            file.write(bytes(1 << 20))
    return lambda: ballast.unlink(missing_ok=True)


def rude_guests(scene: Scene) -> Undo:
    """Twenty clients of the API that ask for live pictures and events, never read, and break off."""
    for number in range(20):
        path = "/v1/events/stream" if number % 2 else "/v1/cameras/visits/stream.mjpeg"
        guest = socket.create_connection(("127.0.0.1", scene.agent.port), timeout=5)
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {scene.agent.token}\r\n\r\n"
        guest.sendall(request.encode())
        scene.guests.append(guest)

    def undo() -> None:
        while scene.guests:
            scene.guests.pop().close()

    return undo


# What is done, and for how many seconds it stays.
FAULTS: tuple[tuple[Callable[[Scene], Undo], float], ...] = (
    (kill_camera, 20),
    (freeze_camera, 30),
    (restart_camera, 0),
    (other_size, 20),
    (other_password, 20),
    (receiver_down, 30),
    (receiver_hangs, 30),
    (receiver_errors, 20),
    (broker_down, 20),
    (broker_freezes, 25),
    (new_config, 25),
    (wrong_config, 10),
    (disk_full, 30),
    (rude_guests, 20),
)


def _free_mb(folder: Path) -> int:
    import shutil

    return shutil.disk_usage(folder).free >> 20


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A disk of its own in memory, so that it can be filled; None where this user may not mount."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        print("no tmpfs can be mounted here: the disk is not filled", flush=True)
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


@contextlib.contextmanager
def scenery(folder: Path, seed: int) -> Iterator[Scene]:
    """Everything started; ended on leaving."""
    clips = folder / "clips"
    clips.mkdir(parents=True, exist_ok=True)
    empty = encode(CLIPS / "quiet.mp4", clips / "empty.mp4", filters="null")
    videos = {"visits": visit(clips), "walker": pacing(clips), "empty": empty, "brisk": brisk(clips)}
    with contextlib.ExitStack() as stack:
        disk = stack.enter_context(small_disk(folder / "disk"))
        home = (disk or folder) / "agent"
        login: dict[str, Any] = {"user": "viewer", "password": PASSWORD}
        servers = {
            name: stack.enter_context(RtspServer(video, prepare=False, **login)) for name, video in videos.items()
        }
        receiver = stack.enter_context(Receiver(SECRET))
        broker = stack.enter_context(Broker(folder / "broker", user="agent", password=BROKER_PASSWORD))
        listener = stack.enter_context(Listener(broker, "sightline/#"))
        stream = {"stall_s": 3.0, "offline_s": 5.0, "connect_s": 5.0}
        config = {
            "model": MODEL,
            "evidence": {"pre_s": 2, "post_s": 2, "max_gb": 0.1, "min_free_gb": 0.05},
            "cameras": [
                yard(name, f"rtsp://viewer:${{CAMERA_PASSWORD}}@127.0.0.1:{server.port}/cam", stream=stream)
                for name, server in servers.items()
            ],
            "alerts": [
                {"type": "webhook", "url": receiver.url, "secret": "${HOOK_SECRET}"},
                {"type": "mqtt", "host": broker.host, "port": broker.port, "username": broker.user,
                 "password": "${BROKER_PASSWORD}"},
            ],
        }  # fmt: skip
        env = {"CAMERA_PASSWORD": PASSWORD, "HOOK_SECRET": SECRET, "BROKER_PASSWORD": BROKER_PASSWORD}
        agent = stack.enter_context(LiveAgent(home, config, env))
        agent.log_file = folder / "agent.log"
        agent.start().wait_ready(60)
        yield Scene(agent, servers, receiver, broker, listener, clips, disk, random.Random(seed))


def soak(scene: Scene, minutes: float, store: Path, *, every_s: float = 60.0) -> list[Point]:
    """Faults and samples, until the time is over."""
    points: list[Point] = []
    began = time.monotonic()
    queue: list[tuple[Callable[[Scene], Undo], float]] = []
    undo: tuple[float, Undo] | None = None
    next_fault = every_s
    with store.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([column.name for column in fields(Point)])
        while (now := time.monotonic() - began) < minutes * 60:
            fault = ""
            if undo is not None and now >= undo[0]:
                undo[1]()
                undo = None
            if undo is None and now >= next_fault:
                queue = queue or scene.chance.sample(FAULTS, len(FAULTS))
                act, lasts = queue.pop()
                fault, next_fault = act.__name__, next_fault + every_s
                undo = (now + min(lasts, every_s / 2), act(scene))
            used = scene.agent.usage()
            points.append(Point(now / 60, used.rss_mb, used.threads, used.fds, used.cpu_s, fault))
            writer.writerow([f"{v:.3f}" if isinstance(v, float) else v for v in astuple(points[-1])])
            file.flush()
            if fault:
                print(
                    f"{now / 60:6.1f} min  {used.rss_mb:6.1f} MB {used.threads:3d} threads {used.fds:3d} files  {fault}",
                    flush=True,
                )
            time.sleep(max(0.0, SAMPLE_S - (time.monotonic() - began - now)))
    if undo is not None:
        undo[1]()
    return points


def slope(points: Sequence[Point], value: Callable[[Point], float]) -> float:
    """Growth an hour: least squares."""
    count = len(points)
    mean_x = sum(point.minute for point in points) / count
    mean_y = sum(value(point) for point in points) / count
    spread = sum((point.minute - mean_x) ** 2 for point in points)
    return 60 * sum((p.minute - mean_x) * (value(p) - mean_y) for p in points) / spread if spread else 0.0


def verdict(scene: Scene, points: Sequence[Point], warm: float) -> list[str]:
    """Lines for the report; those that begin with PROBLEM say that something did not hold."""
    settled = [point for point in points if point.minute >= warm] or list(points)
    lines = []
    for name, unit, limit, value in (
        ("resident memory", "MB", 20.0, lambda p: p.rss_mb),
        ("threads", "", 3.0, lambda p: float(p.threads)),
        ("open files", "", 5.0, lambda p: float(p.fds)),
    ):
        values = [value(point) for point in settled]
        growth = slope(settled, value)
        lines.append(
            f"{'PROBLEM: ' if growth > limit else ''}{name}: {min(values):.0f} to {max(values):.0f} {unit}, growth "
            f"{growth:+.1f} {unit} an hour after {warm:.0f} min"
        )
    hours = (points[-1].minute - points[0].minute) / 60
    lines.append(f"CPU: {(points[-1].cpu_s - points[0].cpu_s) / hours:.0f} s an hour, 4 cameras")
    return lines + _afterwards(scene)


def _afterwards(scene: Scene) -> list[str]:
    """All is well again: cameras back, everything delivered, an orderly end, a sound database."""
    lines = []
    deadline = time.monotonic() + 120
    waiting: list[Any] = [None]
    while time.monotonic() < deadline and waiting:
        time.sleep(1)
        waiting = [d for d in scene.agent.deliveries(("pending", "held")) if time.time() - d.created > 15]
    states = {name: camera["state"] for name, camera in scene.agent.cameras().items()}
    lines += [f"PROBLEM: camera {name} is {state}" for name, state in states.items() if state != "online"]
    lines += [f"PROBLEM: {len(waiting)} messages still wait"] if waiting else []
    stopped = scene.agent.stop()
    mark = "PROBLEM: " if stopped.status or stopped.seconds > 10 else ""
    lines.append(f"{mark}SIGTERM: status {stopped.status} after {stopped.seconds:.1f} s")
    with contextlib.closing(sqlite3.connect(scene.agent.data / "sightline.db")) as base:
        sound = base.execute("PRAGMA integrity_check").fetchone()[0]
    lines.append(f"{'' if sound == 'ok' else 'PROBLEM: '}database: {sound}")
    deliveries = scene.agent.deliveries()
    came = {message.id for message in scene.receiver.taken}
    lost = [d for d in deliveries if d.target == "webhook" and d.state == "sent" and d.id not in came]
    kinds: dict[str, int] = {}
    for delivery in deliveries:
        kinds[f"{delivery.target} {delivery.state}"] = kinds.get(f"{delivery.target} {delivery.state}", 0) + 1
    lines.append(f"events {len(scene.agent.events())}, messages {kinds}, webhook requests {scene.receiver.requests}")
    lines += [f"PROBLEM: {len(lost)} messages marked sent did not arrive"] if lost else []
    lines += [f"PROBLEM: two ids: {scene.receiver.doubled()}"] if scene.receiver.doubled() else []
    traces = scene.agent.log().count("Traceback")
    return lines + ([f"PROBLEM: {traces} tracebacks in the log"] if traces else [])


def draw(points: Sequence[Point], out: Path) -> None:
    marks = [(point.minute, point.fault.replace("_", " ")) for point in points if point.fault]
    minutes = [point.minute for point in points]
    plot(
        out, "sightline run, four cameras, a fault every minute", minutes,
        [
            Panel("resident memory, MB", [point.rss_mb for point in points]),
            Panel("threads", [float(point.threads) for point in points]),
            Panel("open files", [float(point.fds) for point in points]),
        ],
        marks,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Soak of the live agent with a fault every minute.")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--warm", type=float, default=10.0, help="minutes before the fit begins")
    parser.add_argument("--every", type=float, default=60.0, help="seconds from fault to fault")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--keep", type=Path, help="folder for the agent's data and logs")
    options = parser.parse_args()
    end_in_order()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with scenery(folder, options.seed) as scene:
            points = soak(scene, options.minutes, options.csv or folder / "soak.csv", every_s=options.every)
            if options.svg is not None:
                draw(points, options.svg)
            lines = verdict(scene, points, min(options.warm, options.minutes / 3))
    print("\n".join(lines))
    if any(line.startswith("PROBLEM") for line in lines):
        sys.exit(1)


if __name__ == "__main__":
    main()
