"""Threads and processes at the same database, and writers that are killed in the middle of their work."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.vision.delivery.store.samples import T0, event, message
from vision.delivery.records import EventFilter
from vision.delivery.store import FILE, Store, open_store

ALL = EventFilter()
HERE = Path(__file__).parents[4]


def test_threads_write_and_read_at_once(url: str) -> None:
    store = Store(url)
    failures: list[BaseException] = []

    def guarded(work: Any, *arguments: Any) -> threading.Thread:
        def run() -> None:
            try:
                work(*arguments)
            except BaseException as error:  # noqa: BLE001  # a thread must not fail unseen
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def write(base: int) -> None:
        for n in range(base, base + 15):
            store.record(event(n), [message(event(n)), message(event(n), "closed")], T0)

    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            for found in store.events(ALL):  # an event is never seen without its messages
                assert len(store.deliveries(event_id=found.event.id)) == 2
            store.stats(T0)

    def send() -> None:
        while not done.is_set():
            for found in store.due(T0, limit=5):
                store.sent(found.number, T0)

    background = [guarded(read), guarded(read), guarded(send)]
    for writer in [guarded(write, base) for base in (0, 100, 200)]:
        writer.join(60)
    done.set()
    for thread in background:
        thread.join(60)
    assert failures == []
    for found in store.due(T0, limit=999):
        store.sent(found.number, T0)
    for found in store.due(T0, limit=999):
        store.sent(found.number, T0)
    assert store.stats(T0).depth == {("hook", "sent"): 90}
    numbers: dict[str, dict[str, int]] = {"opened": {}, "closed": {}}
    for d in store.deliveries():
        numbers[d.stage][d.event_id] = d.number
    assert all(numbers["opened"][name] < numbers["closed"][name] for name in numbers["opened"])
    store.close()


def _write(url: str, base: int) -> None:
    store = Store(url)
    for n in range(base, base + 20):
        store.record(event(n), [message(event(n))], T0)
    store.close()


def _redeliver(url: str, times: int) -> None:
    store = Store(url, check=False)
    for _ in range(times):
        store.redeliver([found.number for found in store.deliveries()], T0, T0 + 99)
    store.close()


def test_processes_write_at_once(url: str) -> None:
    """The agent, and commands beside it."""
    Store(url).close()
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=_write, args=(url, 0)),
        context.Process(target=_write, args=(url, 100)),
        context.Process(target=_redeliver, args=(url, 20)),
    ]
    for worker in workers:
        worker.start()
    store = Store(url, check=False)
    seen = 0
    while any(worker.is_alive() for worker in workers):
        count = len(store.events(ALL))
        assert count >= seen
        seen = count
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert len(store.due(T0, limit=999)) == 40
    store.close()


# Three messages an event, in one transaction; then they move on. Says what is committed.
WRITER = """
import sys
from pathlib import Path
from tests.vision.delivery.store.samples import T0, event, message
from vision.delivery.store import open_store
from vision.events import Evidence
store = open_store(None, Path(sys.argv[1]))
n = int(sys.argv[2])
print("ready", flush=True)
while True:
    n += 1
    one = event(n, facts={"n": n, "fill": "x" * (n * 37 % 9000)})
    store.record(one, [message(one), message(one, "closed"), message(one, "opened", "broker")], T0)
    print(n, flush=True)
    store.attach(one.id, Evidence(clip=f"clips/{n}.mp4"), T0)
    for found in store.due(T0, limit=2):
        store.sent(found.number, T0)
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_a_sound_database(tmp_path: Path) -> None:
    rng = random.Random(7)
    committed: set[int] = set()
    for start in range(0, 20000, 1000):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(start)], cwd=HERE, stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            for _ in range(rng.randint(0, 12)):  # by what was done, not by time: machines differ
                committed.add(int(writer.stdout.readline()))
            time.sleep(rng.uniform(0.0, 0.01))
            writer.send_signal(signal.SIGKILL)
            committed.update(
                int(line) for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")
            )
        _must_be_sound(tmp_path, committed)
    assert len(committed) > 50


def _must_be_sound(folder: Path, committed: set[int]) -> None:
    assert (folder / f"{FILE}-wal").exists()
    store = open_store(None, folder)  # looks the file over
    found = store.events(ALL)
    assert committed <= {stored.event.facts["n"] for stored in found}  # what was told as committed is there
    assert len(found) - len(committed) <= 20  # and at most the one of each round that was not told any more
    messages = Counter(d.event_id for d in store.deliveries())
    assert messages == {stored.event.id: 3 for stored in found}
    for d in store.deliveries(states=("pending",)):
        clip = next(stored.event.evidence.clip for stored in found if stored.event.id == d.event_id)
        assert d.stage != "closed" or d.payload["evidence"]["clip"] == clip
    heads = {(d.event_id, d.target) for d in store.due(T0, limit=99999)}
    assert heads == {(d.event_id, d.target) for d in store.deliveries(states=("pending",))}
    store.close()
    with sqlite3.connect(folder / FILE) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def test_a_writer_killed_while_it_holds_the_lock(tmp_path: Path) -> None:
    """The lock goes with the process: nobody waits for the dead."""
    store = open_store(None, tmp_path)
    store.record(event(1), [], T0)
    code = (
        "import sqlite3, sys, time\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('BEGIN IMMEDIATE'); c.execute('DELETE FROM sightline_events')\n"
        "print('holding', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / FILE)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holding\n"
        assert len(store.events(ALL)) == 1  # readers do not wait
        waiting = threading.Thread(target=store.record, args=(event(2), [], T0))
        waiting.start()
        os.kill(holder.pid, signal.SIGKILL)
        waiting.join(20)
        assert not waiting.is_alive()
    assert len(store.events(ALL)) == 2
    store.close()
