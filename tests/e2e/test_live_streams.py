"""The agent against real RTSP servers that are killed, frozen, restarted with another size, locked and lossy.

One agent watches all cameras at once, so that trouble at one shows what it does to the others. In order:

    visit    a camera that nothing ever happens to; its visitors come every 18 s, and none may be missed
    walker   somebody walks to and fro and never leaves: one event, whatever happens to the server
    locked   a password that is wrong
    lossy    UDP, 5 % of the packets lost
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.live import LiveAgent, everything_kept, wait_for
from tests.e2e.live_relay import Relay
from tests.e2e.live_scenes import MODEL, pacing, visit, yard
from tests.peers.rtsp import RtspServer
from tests.peers.webhook import Receiver

pytestmark = pytest.mark.slow

RIGHT = "Mulberry-Ferret/77"  # needs quoting in an address: the quoted form must not leak either
WRONG = "Juniper-Otter/31"
SECRET = "whsec_UXVpbmNlLUhlZGdlaG9nLTkwLVF1aW5jZS1IZWRnZWhvZy05MA=="
BACK_S = 10.0  # after the server is there again
BUFFER_S = 3.0  # the tracker's: a person is remembered for so long without being seen


@dataclass
class Stage:
    """The agent with its cameras."""

    agent: LiveAgent
    receiver: Receiver
    servers: dict[str, RtspServer]
    relay: Relay  # before the walker's server
    scenes: Path
    began: float = field(default_factory=time.time)

    def camera(self, name: str) -> dict[str, Any]:
        return self.agent.cameras()[name]

    def online(self, name: str, timeout: float = BACK_S) -> None:
        wait_for(f"picture of {name}", lambda: self._online(name), timeout=timeout)

    def _online(self, name: str) -> bool:
        camera = self.camera(name)
        return camera["state"] == "online" and time.time() - (camera["last_t"] or 0) < 1.5

    def show_walker(self, server: RtspServer) -> None:
        """Bring the walker's address back to this server, and wait for its pictures."""
        if self.relay.switch(server.port):
            changed = time.time()
            wait_for("newer picture of walker", lambda: self._newer("walker", changed), timeout=2 * BACK_S)
        self.online("walker", 2 * BACK_S)

    def gap(self, name: str, fault: Callable[[], None]) -> float:
        """The longest time without a picture around `fault`; returns once pictures have come for a second again.

        By the pictures' own times: what was on its way when the fault came still arrives after it.
        """
        before = float(self.camera(name)["last_t"])
        fault()
        there, longest, last = time.time(), 0.0, before
        deadline = time.monotonic() + 2 * BACK_S
        while last < there + 1.0:
            assert time.monotonic() < deadline, f"no picture of {name} within {2 * BACK_S:g} s"
            now = float(self.camera(name)["last_t"])
            longest, last = max(longest, now - last), now
            time.sleep(0.05)
        return longest

    def _newer(self, name: str, moment: float) -> float | None:
        last: float | None = self.camera(name)["last_t"]
        return last if last is not None and last > moment else None


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("live")
    walker = RtspServer(pacing(folder), user="viewer", password=RIGHT, transport="tcp", prepare=False)
    locked = RtspServer(pacing(folder), user="viewer", password=RIGHT, transport="tcp", prepare=False)
    small = RtspServer(pacing(folder, size=(480, 270)), user="viewer", password=RIGHT, transport="tcp", prepare=False)
    seen = RtspServer(visit(folder), prepare=False)
    stream = {"stall_s": 1.0, "offline_s": 3.0, "connect_s": 5.0}
    address = "rtsp://viewer:${%s}@127.0.0.1:%d/cam"
    config = {
        "model": MODEL,
        "evidence": {"pre_s": 1.0, "post_s": 1.0},
        "cameras": [
            yard("visit", seen.url, stream=stream),
            yard("walker", None, stream=stream),
            yard("locked", address % ("WRONG_PASSWORD", locked.port), stream=stream),
        ],
        "alerts": [{"type": "webhook", "url": "set below", "secret": "${HOOK_SECRET}"}],
    }
    env = {
        "CAMERA_PASSWORD": quote(RIGHT, safe=""),
        "WRONG_PASSWORD": quote(WRONG, safe=""),
        "HOOK_SECRET": SECRET,
    }
    with contextlib.ExitStack() as stack, Relay(walker.port) as relay:
        config["cameras"][1]["source"] = address % ("CAMERA_PASSWORD", relay.port)  # type: ignore[index]
        receiver = stack.enter_context(Receiver(SECRET))
        config["alerts"][0]["url"] = receiver.url  # type: ignore[index]
        for server in (walker, small, locked, seen):
            stack.enter_context(server)
        agent = stack.enter_context(LiveAgent(folder / "agent", config, env))
        agent.start().wait_ready()
        yield Stage(agent, receiver, {"walker": walker, "small": small}, relay, folder)


def test_a_walker_is_one_event(stage: Stage) -> None:
    stage.online("walker", 15)
    wait_for("intrusion of the walker", lambda: stage.agent.events("intrusion", camera="walker"), timeout=15)
    [event] = stage.agent.events("intrusion", camera="walker")
    assert event.state == "open"
    stage.receiver.until(lambda: bool(stage.receiver.of(event.id)), 10, "the walker's alert")


def test_a_wrong_password_is_named_and_not_tried_all_the_time(stage: Stage) -> None:
    wait_for("camera_offline of locked", lambda: stage.agent.events("camera_offline", camera="locked"), timeout=20)
    [event] = stage.agent.events("camera_offline", camera="locked")
    assert event.facts["cause"] == "auth"
    assert stage.camera("locked")["fault"] == "auth"
    assert stage.camera("visit")["state"] == "online"


@pytest.mark.parametrize("fault", ["restart", "freeze", "size"])
def test_no_second_event_across_a_gap_shorter_than_the_track_buffer(stage: Stage, fault: str) -> None:
    """The gap depends on the jitter of reconnecting, so it is measured, and tried again where it came out too long.

    The other size is that of a second server, to which the address changes over.
    """
    server = stage.servers["walker"]

    def frozen() -> None:
        server.suspend()
        time.sleep(1.3)
        server.resume()

    def change_over() -> None:
        stage.relay.switch(stage.servers["small"].port)

    faults: dict[str, Callable[[], None]] = {
        "restart": server.restart,
        "freeze": frozen,
        "size": change_over,
    }
    gap = BUFFER_S
    for _ in range(6):
        stage.show_walker(server)
        wait_for("open event", lambda: _open(stage, "walker"), timeout=10)
        before = {event.id for event in stage.agent.events("intrusion", camera="walker")}
        gap = stage.gap("walker", faults[fault])
        if gap < BUFFER_S - 0.3:
            break
    assert gap < BUFFER_S, f"the camera was back only after {gap:.1f} s, each time"
    time.sleep(2.0)  # a second event would need min_seconds and a confirmed track
    assert {event.id for event in stage.agent.events("intrusion", camera="walker")} == before
    assert _open(stage, "walker")
    width = {"size": 480}.get(fault)
    assert width is None or stage.camera("walker")["width"] == width


def _open(stage: Stage, camera: str) -> bool:
    return any(event.state == "open" for event in stage.agent.events("intrusion", camera=camera))


@pytest.mark.parametrize("fault", ["kill", "stop"])
def test_a_lost_camera_is_told_and_back_within_10_s_of_its_server(stage: Stage, fault: str) -> None:
    server = stage.servers["walker"]
    stage.show_walker(server)
    offline = {event.id for event in stage.agent.events("camera_offline", camera="walker")}
    online = {event.id for event in stage.agent.events("camera_online", camera="walker")}
    server.kill() if fault == "kill" else server.suspend()

    def told() -> list[Any]:
        return [e for e in stage.agent.events("camera_offline", camera="walker") if e.id not in offline]

    [lost] = wait_for("camera_offline", told, timeout=15)
    assert lost.state == "open"
    assert lost.facts["cause"] in {"ended", "refused", "stall", "timeout", "damaged"}, lost.facts
    assert stage.camera("walker")["state"] != "online"
    assert stage.agent.get("/healthz")[0] == 200
    time.sleep(2.0)
    server.start_server() if fault == "kill" else server.resume()
    there = time.monotonic()
    wait_for(
        "camera_online",
        lambda: [e for e in stage.agent.events("camera_online", camera="walker") if e.id not in online],
        timeout=BACK_S,
    )
    stage.online("walker", BACK_S - (time.monotonic() - there))
    [lost] = told()
    assert lost.state == "closed"


def test_lossy_udp_loses_no_event_that_could_be_seen(stage: Stage) -> None:
    from tests.e2e.live_loss import lossy_network

    with lossy_network(percent=5) as network:
        server = RtspServer(
            visit(stage.scenes), transport="udp", prepare=False, host=network.address, netns=network.name
        )
        with server:
            config = dict(stage.agent.config)
            stream = {"transport": "udp", "stall_s": 2.0, "offline_s": 3.0}
            config["cameras"] = [*config["cameras"], yard("lossy", server.url, stream=stream)]
            stage.agent.write(config)
            status = _reload(stage)
            assert status == 200
            stage.online("lossy", 15)
            wait_for(
                "an intrusion through the loss", lambda: stage.agent.events("intrusion", camera="lossy"), timeout=45
            )
            assert network.dropped() > 0
            config["cameras"] = config["cameras"][:-1]
            stage.agent.write(config)
            assert _reload(stage) == 200
            assert "lossy" not in stage.agent.cameras()


def _reload(stage: Stage) -> int:
    import urllib.request

    request = urllib.request.Request(f"http://127.0.0.1:{stage.agent.port}/v1/reload", method="POST", data=b"")
    request.add_header("Authorization", f"Bearer {stage.agent.token}")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return int(answer.status)


def test_the_untroubled_camera_missed_nobody(stage: Stage) -> None:
    """Its visitors come every 18 s; whatever happened next door, each one is there, once.

    The first one may have been in the yard already when the agent came.
    """
    wait_for("three visits", lambda: len(stage.agent.events("intrusion", camera="visit")) >= 3, timeout=60)
    first, *starts = [event.start for event in stage.agent.events("intrusion", camera="visit")]
    assert 3 < starts[0] - first < 19
    assert first - stage.began < 20
    assert all(17 < later - earlier < 19 for earlier, later in itertools.pairwise(starts)), starts
    assert not stage.agent.events("camera_offline", camera="visit")


def test_no_secret_anywhere(stage: Stage) -> None:
    secrets = {
        "camera password": RIGHT, "quoted": quote(RIGHT, safe=""), "wrong one": WRONG,
        "wrong, quoted": quote(WRONG, safe=""),
        "key of the webhook": SECRET, "its bytes": SECRET.removeprefix("whsec_"), "token": stage.agent.token,
    }  # fmt: skip
    pages = ["/v1/status", "/v1/cameras", "/v1/events?limit=500", "/metrics", "/readyz", "/healthz", "/"]
    told = {page: stage.agent.get(page)[1] for page in pages}
    told |= {message.id: repr(message.data).encode() for message in stage.receiver.taken}
    told |= {str(path.relative_to(stage.agent.folder)): data for path, data in everything_kept(stage.agent.folder)}
    told["command line"] = Path(f"/proc/{stage.agent.pid}/cmdline").read_bytes()
    leaks = [
        f"{what} in {place}" for what, text in secrets.items() for place, data in told.items() if text.encode() in data
    ]
    assert leaks == []


def test_it_drains_and_ends_within_10_s(stage: Stage) -> None:
    stopped = stage.agent.stop()
    assert stopped.status == 0, stage.agent.log()[-2000:]
    assert stopped.seconds < 10
    assert not stage.agent.deliveries(("pending",))
    events = stage.agent.events()
    assert all(event.state == "closed" for event in events), [(e.type, e.id) for e in events if e.state == "open"]
    got = {(message.subject, message.stage) for message in stage.receiver.taken}
    assert [e.id for e in events if (e.id, "opened") not in got] == []
    assert stage.receiver.doubled() == {}
    assert stage.receiver.rejected == []
    with contextlib.closing(sqlite3.connect(stage.agent.data / "sightline.db")) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert "Traceback" not in stage.agent.log()
