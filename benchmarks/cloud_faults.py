"""Kill -9 of intake, workers and NATS at 100 random moments under load: what was lost, diagnosed twice or paid twice.

Three senders upload without pause and send again until they are acknowledged; the real intake, two worker processes with
four calls at a time each, and a provider (this process) that keeps its own bill, answers within 20 to 300 ms, turns 5 % of
the requests away and rejects one picture in 40 for good. One process at a time is killed, after 1 to 20 further
acknowledgements or ended jobs, and started again; often it is killed while it starts. At the end everything may run out,
and acknowledgements, diagnoses, dead letter, ledger and bill are compared.

    python -m benchmarks.cloud_faults [--kills 100] [--queues embedded nats] [--seed 1]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.e2e.cloud_kill import KillReport, kill_rounds
from tests.e2e.live import end_in_order

HEAD = (
    "| queue | kills (intake / worker / NATS) | acknowledged | diagnosed | dead letter | acknowledged without end | told "
    "again | provider's bill: calls | answers in the ledger | in flight, charged in full | paid twice | budget leak |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def row(kind: str, report: KillReport) -> str:
    def count(words: str) -> int:
        return sum(words in problem for problem in report.problems)

    kills = " / ".join(str(report.kills[name]) for name in ("intake", "worker", "nats"))
    cells = [kind, kills, report.acknowledged, report.diagnosed, report.buried, count("has no end"), report.told_again]
    cells += [report.billed, report.paid, report.lost, count("was paid"), "none" if not count("leaks") else "LEAK"]
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill -9 at random moments under load.")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--queues", nargs="+", choices=["embedded", "nats"], default=["embedded", "nats"])
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    end_in_order()
    rows, problems = [], []
    for kind in options.queues:
        began = time.monotonic()

        def tell(text: str, began: float = began) -> None:
            print(f"{time.monotonic() - began:7.1f} s  {text}", file=sys.stderr, flush=True)

        with tempfile.TemporaryDirectory(prefix="sightline-kill-") as folder:
            report = kill_rounds(
                Path(folder), nats=kind == "nats", rounds=options.kills, seed=options.seed, progress=tell
            )
        rows.append(row(kind, report))
        problems += [f"{kind}: {problem}" for problem in report.problems]
        print(f"{kind}: bill {report.bill_usd:.6f} USD, ledger {report.ledger_usd:.6f} USD, {report.unheard} unheard")
    print(HEAD, *rows, sep="\n")
    print("\n".join(problems) if problems else "Everything held.")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
