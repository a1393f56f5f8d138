"""How soon the agent sees again once a camera is back: six RTSP cameras of their own servers, each fault a few times.

Columns: how long the server was away; seconds from the moment it listened again (or went on) to the first new picture in
the pipeline, over all cameras and rounds; which faults the agent named; events of a person who is in view all the time: an
outage longer than the track buffer (3 s) may open a new one, a shorter one must not.

    python -m benchmarks.live_recovery [--rounds 3] [--cameras 6]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.live import LiveAgent, end_in_order, wait_for
from tests.e2e.live_scenes import MODEL, pacing, yard
from tests.peers.rtsp import RtspServer

PASSWORD = "Larch-Stoat-26"
PATIENCE_S = 90.0


@dataclass(frozen=True, slots=True)
class Fault:
    """Something done to a server, undone after `seconds`."""

    name: str
    seconds: float
    do: Callable[[RtspServer], None]
    undo: Callable[[RtspServer], None]


@dataclass
class Outcome:
    """What came of one fault."""

    took_s: list[float] = field(default_factory=list)
    named: Counter[str] = field(default_factory=Counter)
    events: int = 0


def faults(clips: Path) -> Sequence[Fault]:
    def other_password(server: RtspServer) -> None:
        server.password = "changed"
        server.restart()

    def right_password(server: RtspServer) -> None:
        server.password = PASSWORD
        server.restart()

    def small(server: RtspServer) -> None:
        server.restart(pacing(clips, size=(480, 270)))

    def large(server: RtspServer) -> None:
        server.restart(pacing(clips))

    return (
        Fault("killed, started again at once", 0, RtspServer.kill, RtspServer.start_server),
        Fault("killed", 5, RtspServer.kill, RtspServer.start_server),
        Fault("killed", 30, RtspServer.kill, RtspServer.start_server),
        Fault("frozen (SIGSTOP)", 5, RtspServer.suspend, RtspServer.resume),
        Fault("frozen (SIGSTOP)", 30, RtspServer.suspend, RtspServer.resume),
        Fault("back as 480x270", 0, RtspServer.kill, small),
        Fault("back as 640x360", 0, RtspServer.kill, large),
        Fault("another password", 15, other_password, right_password),
    )


def run(fault: Fault, servers: dict[str, RtspServer], agent: LiveAgent, outcome: Outcome) -> None:
    """One fault at every camera in turn, a little apart."""
    wait_for("all online", lambda: all(_fresh(row) for row in agent.cameras().values()), timeout=PATIENCE_S)
    events = len(agent.events("intrusion"))
    before = {name: dict(row["faults"]) for name, row in agent.cameras().items()}
    for server in servers.values():
        fault.do(server)
        if not fault.seconds:
            fault.undo(server)
    if fault.seconds:
        time.sleep(fault.seconds)
        back = {}
        for name, server in servers.items():
            fault.undo(server)
            back[name] = time.time()
    else:
        back = dict.fromkeys(servers, time.time())
    deadline = time.monotonic() + PATIENCE_S
    while back and time.monotonic() < deadline:
        now = time.time()
        for name, row in agent.cameras().items():
            if name in back and row["state"] == "online" and (row["last_t"] or 0) > back[name]:
                outcome.took_s.append(now - back.pop(name))
        time.sleep(0.1)
    outcome.took_s += [PATIENCE_S] * len(back)
    for name, row in agent.cameras().items():
        outcome.named += Counter(row["faults"]) - Counter(before[name])
    time.sleep(3.0)
    outcome.events += len(agent.events("intrusion")) - events


def _fresh(row: dict[str, Any]) -> bool:
    return row["state"] == "online" and time.time() - (row["last_t"] or 0) < 1.5


def main() -> None:
    parser = argparse.ArgumentParser(description="Recovery of the live agent from faults of RTSP servers.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cameras", type=int, default=6)
    parser.add_argument("--keep", type=Path, help="folder for the agent's data and log")
    options = parser.parse_args()
    end_in_order()
    print("| fault | away s | back after s: median | longest | named | new events of the same person |")
    print("|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        clips = Path(temporary)
        servers = {
            f"cam{n}": stack.enter_context(RtspServer(pacing(clips), user="viewer", password=PASSWORD, prepare=False))
            for n in range(options.cameras)
        }
        config = {
            "model": MODEL,
            "evidence": {"clips": False},
            "cameras": [
                yard(name, f"rtsp://viewer:${{CAMERA_PASSWORD}}@127.0.0.1:{server.port}/cam")
                for name, server in servers.items()
            ],
        }
        agent = stack.enter_context(LiveAgent((options.keep or clips) / "agent", config, {"CAMERA_PASSWORD": PASSWORD}))
        agent.start().wait_ready(60)
        time.sleep(5.0)
        for fault in faults(clips):
            outcome = Outcome()
            for _ in range(options.rounds):
                run(fault, servers, agent, outcome)
            named = ", ".join(f"{kind} {count}" for kind, count in outcome.named.most_common())
            print(
                f"| {fault.name} | {fault.seconds:g} | {statistics.median(outcome.took_s):.1f} | "
                f"{max(outcome.took_s):.1f} | {named} | {outcome.events} of {len(outcome.took_s)} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
