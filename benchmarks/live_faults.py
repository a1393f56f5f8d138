"""Kill -9 of the agent at 100 random moments, with its receiver away half of the time: what was lost, what came twice.

Four cameras play a looping clip in real time, together an event a second. Each life of the agent ends with SIGKILL, up to
6 s after it was ready, one in five while it starts. Meanwhile the receiver is there for 0.5 to 3 s and away for 0.5 to 3 s:
closed port, HTTP 500, cut connections, lost answers, no answer (webhook); stopped (MQTT broker). The database is checked
after each kill (`PRAGMA integrity_check`, on a copy). At the end one life without new events sends what is left, and
everything that was ever seen committed is compared with what arrived.

    python -m benchmarks.live_faults [--rounds 100] [--receivers webhook mqtt] [--seed 1]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.e2e.live import end_in_order
from tests.e2e.live_kill import KillReport, kill_rounds

HEAD = (
    "| receiver | kills | lives s, median (killed while starting) | receiver away | events | messages committed | waiting "
    "at the kills, on average | arrived | arrived again, same id | lost | under two ids | database |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def row(kind: str, report: KillReport) -> str:
    lost = sum("did not arrive" in problem or "is gone" in problem for problem in report.problems)
    doubled = sum(" ids" in problem or "another id" in problem for problem in report.problems)
    broken = sum("integrity" in problem for problem in report.problems)
    cells = [
        kind,
        f"{report.rounds}",
        f"{statistics.median(report.lived_s):.1f} ({report.killed_starting})",
        f"{100 * report.away_share:.0f} %",
        f"{report.events}",
        f"{report.deliveries}",
        f"{report.waiting_at_kills / max(1, report.rounds):.1f}",
        f"{report.arrived}",
        f"{report.repeated}",
        f"{lost}",
        f"{doubled}",
        "sound" if not broken else f"{broken} times damaged",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill -9 at random moments, receiver away half of the time.")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--receivers", nargs="+", choices=["webhook", "mqtt"], default=["webhook", "mqtt"])
    parser.add_argument("--longest", type=float, default=6.0, help="longest life in seconds, once ready")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the agents' data and logs")
    options = parser.parse_args()
    end_in_order()
    print(HEAD, flush=True)
    held = True
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.receivers:
            began = time.monotonic()
            base = (options.keep or Path(folder)) / kind
            report = kill_rounds(
                kind, base, rounds=options.rounds, longest_s=options.longest, seed=options.seed, progress=_progress
            )
            print(row(kind, report), flush=True)
            kinds = ", ".join(f"{name} {count}" for name, count in sorted(report.away_kinds.items()))
            print(
                f"  away: {kinds}; last life sent the rest in {report.drain_s:.1f} s and ended {report.stopped_in_s:.1f} s "
                f"after SIGTERM; {time.monotonic() - began:.0f} s in all; seed {options.seed}"
            )
            for problem in report.problems[:20]:
                print(f"  PROBLEM: {problem}")
            held = held and not report.problems
    if not held:
        sys.exit(1)


def _progress(line: str) -> None:
    print(f"\r{line}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
