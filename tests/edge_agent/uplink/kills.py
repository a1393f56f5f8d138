"""A process that works with a spool and is killed (-9) again and again; run as a script, it prints what was left as JSON.

Forked from one that has everything imported, so that a hundred kills take seconds. Where a kill strikes is chosen by what
the process has reported, and a little beyond by chance, so that it falls into every step of `put` and `sent`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from edge_agent.uplink.parcel import read_parcel
from edge_agent.uplink.spool import Day, Limits, Spool
from tests.edge_agent.uplink.making import START, Clock, parcel

KINDS = ("normal", "alarm", "backfill")


def work(folder: Path, first: int, out: int) -> None:
    """Put pictures, and send every other one to a server that is a file; says each thing once it is lasting."""
    server = os.open(folder / "server", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with Spool(folder / "spool", Limits(min_free=0), Clock()) as spool:
        for number in range(first, first + 10_000):
            day = Day("2026-11-23", float(number)) if number % 5 == 0 else None
            assert spool.put(parcel(number, kind=KINDS[number % 3]), day) == "stored"
            os.write(out, f"stored frame-{number:05d}\n".encode())
            if number % 2:
                found = spool.next(START)
                assert found is not None
                os.write(server, f"{found.id} {found.meta.sha256}\n".encode())
                os.fsync(server)
                spool.sent(found)
                os.write(out, f"sent {found.id}\n".encode())


def kill_one(folder: Path, first: int, chance: random.Random) -> list[str]:
    """The lines that a process got out before it was killed."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(readable)
        try:
            work(folder, first, writable)
        finally:
            os._exit(1)
    os.close(writable)
    wanted, heard = chance.randrange(1, 14), b""
    with os.fdopen(readable, "rb", buffering=0) as pipe:
        while heard.count(b"\n") < wanted:
            piece = pipe.read(4096)
            if not piece:
                raise SystemExit(f"the process ended by itself after {heard!r}")
            heard += piece
        until = time.perf_counter() + chance.random() * 0.004
        while time.perf_counter() < until:
            pass
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while piece := pipe.read(4096):
            heard += piece
    return [line for line in heard.decode().split("\n")[:-1] if line]


def main(folder: Path, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    stored: set[str] = set()
    lost: list[str] = []
    leftovers = 0
    number = 0
    for _ in range(kills):
        lines = kill_one(folder, number, chance)
        stored |= {line.split()[1] for line in lines if line.startswith("stored")}
        number = max((int(frame[-5:]) for frame in stored), default=0) + 3  # one more may have been put
        frames = folder / "spool" / "frames"
        before = {path.name for path in frames.iterdir()}
        with Spool(folder / "spool", Limits(min_free=0), Clock()) as spool:
            there = {path.stem for path in frames.iterdir() if read_parcel(path) is not None}
            leftovers += len(before) - len({path.name for path in frames.iterdir()})
            received = (
                {line.split()[0] for line in (folder / "server").read_text().splitlines()}
                if (folder / "server").exists()
                else set()
            )
            lost += sorted(stored - there - received)
            stats = spool.stats()
            assert stats.waiting == len(there), "rows and files are the same pictures"
    server = [line.split() for line in (folder / "server").read_text().splitlines()]
    twice = len(server) - len({frame for frame, _ in server})
    wrong = [
        frame for frame, sha in server if parcel(int(frame[-5:]), kind=KINDS[int(frame[-5:]) % 3]).meta.sha256 != sha
    ]
    told = {"kills": kills, "stored": len(stored), "received": len(server), "sent_again": twice, "leftovers": leftovers}
    print(json.dumps(told | {"lost": lost, "wrong": wrong, "damaged": stats.counts.get("damaged", 0)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
