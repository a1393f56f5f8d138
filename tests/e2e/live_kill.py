"""Kill -9 of the agent at random moments, with a receiver that is down half of the time, and what must hold afterwards.

Shared by `test_live_delivery.py` (a few rounds) and `benchmarks/live_faults.py` (a hundred).
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, Self

from tests.e2e.live import LiveAgent, wait_for
from tests.e2e.live_scenes import CLIPS, MODEL, brisk, yard
from tests.peers.mosquitto import Broker, Listener
from tests.peers.webhook import Receiver
from vision.delivery.store import Store

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="  # of this test's own receiver
BROKER_PASSWORD = "b0xwood-Marten!"
Key = tuple[str, str]  # event id, stage


class Sink(Protocol):
    """A receiver that can be away, and what it got."""

    @property
    def alert(self) -> dict[str, Any]:
        """Its entry in the config's `alerts`."""

    @property
    def env(self) -> Mapping[str, str]:
        """Its secrets."""

    def away(self, chance: random.Random) -> str:
        """Be away, in a way chosen by `chance`; its name."""

    def back(self) -> None:
        """Be there again."""

    def received(self) -> list[tuple[str, Key]]:
        """Message id, event and stage of everything that came, repetitions too."""

    def wrong(self) -> list[str]:
        """What came and could not be used."""


class WebhookSink:
    """The signed webhook."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self.alert: dict[str, Any] = {"type": "webhook", "url": receiver.url, "secret": "${HOOK_SECRET}"}
        self.env: Mapping[str, str] = {"HOOK_SECRET": SECRET}

    def away(self, chance: random.Random) -> str:
        fault = chance.choice(("down", "down", "500", "drop", "lost answer", "hang"))
        self._receiver.fail(fault)  # type: ignore[arg-type]  # each is a Fault
        return fault

    def back(self) -> None:
        self._receiver.heal()

    def received(self) -> list[tuple[str, Key]]:
        return [(message.id, (message.subject, message.stage)) for message in self._receiver.taken]

    def wrong(self) -> list[str]:
        return self._receiver.rejected


class MqttSink:
    """The broker, stopped and started; the listener keeps its session, so what the broker took it gets in the end."""

    def __init__(self, broker: Broker, listener: Listener) -> None:
        self._broker, self._listener = broker, listener
        self.alert: dict[str, Any] = {
            "type": "mqtt", "host": broker.host, "port": broker.port, "username": broker.user,
            "password": "${BROKER_PASSWORD}",
        }  # fmt: skip
        self.env: Mapping[str, str] = {"BROKER_PASSWORD": broker.password or ""}

    def away(self, chance: random.Random) -> str:
        self._broker.stop()
        return "stopped"

    def back(self) -> None:
        if self._broker.process is None:
            self._broker.start()

    def received(self) -> list[tuple[str, Key]]:
        messages = [json.loads(heard.payload) for heard in self._listener.on("/event")]
        return [(message["id"], (message["subject"], message["stage"])) for message in messages]

    def wrong(self) -> list[str]:
        return []


@contextlib.contextmanager
def sink(kind: Literal["webhook", "mqtt"], folder: Path) -> Iterator[Sink]:
    """A receiver of that kind, running."""
    if kind == "webhook":
        with Receiver(SECRET) as receiver:
            yield WebhookSink(receiver)
    else:
        with (
            Broker(folder / "broker", user="agent", password=BROKER_PASSWORD) as broker,
            Listener(broker, "sightline/#") as listener,
        ):
            yield MqttSink(broker, listener)


class Away:
    """A thread that keeps the receiver away about half of the time."""

    def __init__(self, receiver: Sink, seed: int, *, low_s: float = 0.5, high_s: float = 3.0) -> None:
        self._receiver, self._chance = receiver, random.Random(seed)
        self._low, self._high = low_s, high_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.away_s = self.there_s = 0.0
        self.kinds: dict[str, int] = {}
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(30)
        self._receiver.back()

    def _run(self) -> None:
        try:
            while not self._end.is_set():
                began = time.monotonic()
                kind = self._receiver.away(self._chance)
                self.kinds[kind] = self.kinds.get(kind, 0) + 1
                self._end.wait(self._chance.uniform(self._low, self._high))
                self._receiver.back()
                middle = time.monotonic()
                self._end.wait(self._chance.uniform(self._low, self._high))
                self.away_s += middle - began
                self.there_s += time.monotonic() - middle
        except BaseException as error:  # noqa: BLE001  # handed to whoever reads the report
            self.error = error

    @property
    def share(self) -> float:
        """Share of the time that the receiver was away."""
        return self.away_s / max(1e-9, self.away_s + self.there_s)


@dataclass
class KillReport:
    """What came of the rounds. `problems` is empty when everything held."""

    rounds: int = 0
    lived_s: list[float] = field(default_factory=list)
    killed_starting: int = 0
    away_share: float = 0.0
    away_kinds: Mapping[str, int] = field(default_factory=dict)
    events: int = 0
    deliveries: int = 0
    arrived: int = 0
    repeated: int = 0
    never_committed: int = 0
    waiting_at_kills: int = 0
    drain_s: float = 0.0
    stopped_in_s: float = 0.0
    problems: list[str] = field(default_factory=list)


def config(folder: Path, alert: Mapping[str, Any], *, cameras: int = 4, quiet: bool = False) -> dict[str, Any]:
    """Cameras that play a looping file in real time, an event every 4 s each; `quiet`: nothing happens any more."""
    clips = [brisk(folder, shift=0.5 * (number % 4)) for number in range(cameras)]
    rule = {"type": "intrusion", "zone": "yard", "classes": ["person"], "min_seconds": 0.3, "leave_seconds": 0.5}
    return {
        "model": MODEL,
        "evidence": {"pre_s": 0.5, "post_s": 0.5},
        "cameras": [
            yard(f"cam{n}", str(CLIPS / "quiet.mp4" if quiet else clip), rules=[rule], stream={"loop": True})
            for n, clip in enumerate(clips)
        ],
        "alerts": [dict(alert)],
    }


@dataclass(frozen=True, slots=True)
class Committed:
    """What the database held at one moment: (event, stage) of each delivery -> its id and state; ids of events."""

    deliveries: Mapping[Key, tuple[str, str]]
    events: Mapping[str, str]
    integrity: str


def committed(data: Path) -> Committed | None:
    """Read from a copy, so that the agent itself has to recover what the kill left; None while there is no database."""
    if not (data / "sightline.db").exists():
        return None
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("sightline.db", "sightline.db-wal"):
            if (data / name).exists():
                shutil.copy(data / name, copy / name)
        with contextlib.closing(sqlite3.connect(copy / "sightline.db")) as base:
            integrity = str(base.execute("PRAGMA integrity_check").fetchone()[0])
        return _read(copy, integrity)


def _read(folder: Path, integrity: str) -> Committed:
    from vision.delivery.records import EventFilter

    store = Store(f"sqlite:///{folder / 'sightline.db'}")
    try:
        return Committed(
            {(d.event_id, d.stage): (d.id, d.state) for d in store.deliveries()},
            {stored.event.id: stored.event.state for stored in store.events(EventFilter())},
            integrity,
        )
    finally:
        store.close()


def kill_rounds(
    kind: Literal["webhook", "mqtt"],
    folder: Path,
    *,
    rounds: int,
    longest_s: float = 6.0,
    seed: int = 1,
    progress: Callable[[str], None] = lambda _: None,
) -> KillReport:
    """Start, kill at a random moment, again and again; then let a last life send everything, and check what must hold."""
    chance = random.Random(seed)
    report = KillReport()
    seen: dict[Key, str] = {}
    folder.mkdir(parents=True, exist_ok=True)
    with sink(kind, folder) as receiver:
        agent = LiveAgent(folder / "agent", config(folder, receiver.alert), receiver.env)
        with agent:
            with Away(receiver, seed) as away:
                for number in range(rounds):
                    _one_life(agent, chance, longest_s, report, seen)
                    progress(
                        f"round {number + 1}: {len(seen)} deliveries committed, {len(receiver.received())} received"
                    )
            if away.error is not None:
                raise away.error
            report.away_share, report.away_kinds = away.share, away.kinds
            agent.write(config(folder, receiver.alert, quiet=True))
            _drain(agent, report)
        last = committed(agent.data)
        assert last is not None
        _check(last, seen, receiver, report)
    return report


def _one_life(
    agent: LiveAgent, chance: random.Random, longest_s: float, report: KillReport, seen: dict[Key, str]
) -> None:
    """One in five is killed while it starts, the others up to `longest_s` after they were ready."""
    began = time.monotonic()
    agent.start()
    starting = chance.random() < 0.2
    if starting:
        time.sleep(chance.uniform(0.2, 2.0))
    else:
        agent.wait_ready(60)
        time.sleep(chance.uniform(0.0, longest_s))
    if not agent.running:
        raise AssertionError(f"the agent ended by itself:\n{agent.log()[-3000:]}")
    agent.kill()
    report.rounds += 1
    report.lived_s.append(time.monotonic() - began)
    report.killed_starting += starting
    now = committed(agent.data)
    if now is None:
        return
    if now.integrity != "ok":
        report.problems.append(f"round {report.rounds}: integrity_check: {now.integrity}")
    report.waiting_at_kills += sum(state in ("pending", "held") for _, state in now.deliveries.values())
    for key, id_ in seen.items():
        if key not in now.deliveries:
            report.problems.append(f"round {report.rounds}: {key} was committed and is gone")
        elif now.deliveries[key][0] != id_:
            report.problems.append(f"round {report.rounds}: {key} has another id now")
    seen.update({key: id_ for key, (id_, _) in now.deliveries.items()})


def _drain(agent: LiveAgent, report: KillReport) -> None:
    """A last life in which nothing new happens, until nothing waits any more."""
    began = time.monotonic()
    agent.start().wait_ready()
    try:
        wait_for("empty outbox", lambda: not agent.deliveries(("pending", "held")), timeout=180, every=0.5)
    except AssertionError as error:
        left = [(d.stage, d.state, d.attempts, d.error) for d in agent.deliveries(("pending", "held"))]
        report.problems.append(f"{error}: {left[:5]}")
    report.drain_s = time.monotonic() - began
    stopped = agent.stop()
    report.stopped_in_s = stopped.seconds
    if stopped.status != 0 or stopped.seconds > 10:
        report.problems.append(f"SIGTERM: status {stopped.status} after {stopped.seconds:.1f} s")


def _check(last: Committed, seen: Mapping[Key, str], receiver: Sink, report: KillReport) -> None:
    received = receiver.received()
    arrived: dict[Key, set[str]] = {}
    for id_, key in received:
        arrived.setdefault(key, set()).add(id_)
    report.events, report.deliveries = len(last.events), len(last.deliveries)
    report.arrived, report.repeated = len(arrived), len(received) - sum(len(ids) for ids in arrived.values())
    problems = report.problems
    if last.integrity != "ok":
        problems.append(f"at the end: integrity_check: {last.integrity}")
    problems += [f"another id for {key}" for key, id_ in seen.items() if last.deliveries.get(key, ("",))[0] != id_]
    problems += [f"{key} is {state}" for key, (_, state) in last.deliveries.items() if state != "sent"]
    problems += [f"{key} was committed and did not arrive" for key in last.deliveries if key not in arrived]
    problems += [f"{key} came under {len(ids)} ids" for key, ids in arrived.items() if len(ids) > 1]
    problems += [f"{key} arrived under another id than committed" for key in _other_ids(arrived, last)]
    problems += [f"rejected: {reason}" for reason in receiver.wrong()]
    stages = {event: {stage for (id_, stage) in last.deliveries if id_ == event} for event in last.events}
    problems += [f"event {event} has no `opened`" for event, found in stages.items() if "opened" not in found]
    problems += [
        f"event {event} is closed but nobody was told" for event, found in stages.items()
        if last.events[event] == "closed" and "closed" not in found
    ]  # fmt: skip
    problems += [f"event {event} stays open" for event, state in last.events.items() if state == "open"]
    report.never_committed = sum(key not in last.deliveries for key in arrived)
    if report.never_committed:
        problems.append(f"{report.never_committed} messages arrived that were never committed")


def _other_ids(arrived: Mapping[Key, set[str]], last: Committed) -> Sequence[Key]:
    return [key for key, ids in arrived.items() if key in last.deliveries and last.deliveries[key][0] not in ids]
