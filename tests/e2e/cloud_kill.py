"""Kill -9 of intake, workers and NATS at random moments under load, and what must hold afterwards.

Shared by `test_cloud_kill.py` (a few rounds) and `benchmarks/cloud_faults.py` (a hundred).

The provider answers within 20 to 300 ms, turns 5 % of the requests away, and will not take one picture in 40 (they belong
into the dead letter). Kills are placed by progress: after 1 to 20 further acknowledgements or ended jobs, and up to 0.3 s.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from cloud_adapter.budget.budget import Budget
from cloud_adapter.budget.schema import ledger, reservations
from cloud_adapter.budget.settings import BudgetSettings
from cloud_adapter.queue.base import Depth
from cloud_adapter.worker.schema import ends
from tests.cloud_adapter.paying import REAL, WORST, FlatPrices
from tests.e2e.cloud_process import LEASE_S, queue_of
from tests.e2e.cloud_rig import Provider, Rig, noise

REAL_COST, WORST_COST = (FlatPrices().price("tiny", usage, 0) for usage in (REAL, WORST))
POISON = 40
_SENDERS = 3


@dataclass
class KillReport:
    """What came of the rounds. `problems` is empty when everything held."""

    kills: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    unheard: int = 0  # in the queue, but killed before the device heard of it and never asked for again
    diagnosed: int = 0
    buried: int = 0
    told_again: int = 0
    billed: int = 0  # requests that the provider took on
    paid: int = 0  # answers in the ledger
    lost: int = 0  # calls in flight at a kill, charged in full
    bill_usd: float = 0.0
    ledger_usd: float = 0.0
    drain_s: float = 0.0
    problems: list[str] = field(default_factory=list)


def kill_rounds(
    folder: Path, *, nats: bool, rounds: int, seed: int = 1, progress: Callable[[str], None] = lambda _: None
) -> KillReport:
    """Kill a process at a random moment, start it again, and so on; then let everything end, and check what must hold."""
    chance = random.Random(seed)
    report = KillReport()
    provider = Provider(overloaded=0.05, poison=lambda data: len(data) % POISON == 0)  # the same for the same picture
    with Rig(folder, nats=nats, provider=provider) as rig:
        rig.devices(_SENDERS, noise)
        for number in range(rounds):
            _until_progress(rig, chance)
            name = chance.choice([*rig.processes, *(["nats"] if rig.nats else [])])
            target = rig.nats if name == "nats" else rig.processes[name]
            assert target is not None
            target.kill()
            report.kills[name.partition("-")[0]] += 1
            time.sleep(chance.choice([0.0, 0.0, 0.5]))
            target.start()
            progress(f"kill {number + 1} ({name}): {len(rig.acknowledged)} acknowledged, {ended(rig)} ended")
        rig.enough()
        began = time.monotonic()
        _drain(rig, report)
        report.drain_s = time.monotonic() - began
        _check(rig, report)
    return report


def ended(rig: Rig) -> int:
    """Jobs that have come to their end."""
    with rig.db.reading() as db:
        if not sa.inspect(db).has_table(ends.name):
            return 0
        return int(db.execute(sa.select(sa.func.count()).select_from(ends)).scalar_one())


def _until_progress(rig: Rig, chance: random.Random) -> None:
    """Something happens first: a machine that is slow is not only ever killed while it starts. 15 s are the longest."""
    wanted = len(rig.acknowledged) + ended(rig) + chance.randint(1, 20)
    until = time.monotonic() + 15
    while len(rig.acknowledged) + ended(rig) < wanted and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(chance.uniform(0, 0.3))


def _drain(rig: Rig, report: KillReport) -> None:
    """Until nothing waits, and the reservations of the killed are settled."""

    async def depth() -> Depth:
        queue = queue_of(rig.processes["intake"].spec, rig.db)
        try:
            return await queue.depth()
        finally:
            await queue.close()

    until = time.monotonic() + 300
    left: tuple[object, int] = (None, 0)
    while time.monotonic() < until:
        found = asyncio.run(depth())
        with rig.db.reading() as db:
            still_open = int(db.execute(sa.select(sa.func.count()).select_from(reservations)).scalar_one())
        left = (found, still_open)
        if found.waiting == found.taken == still_open == 0:
            return
        time.sleep(0.5)
    report.problems.append(f"after 300 s there is left: {left[0]}, {left[1]} reservations")


def _check(rig: Rig, report: KillReport) -> None:
    problems = report.problems
    budget = Budget(rig.db, BudgetSettings(), FlatPrices(), now=time.time, lease_s=LEASE_S)
    with rig.db.reading() as db:
        outcome = {row.job: row.outcome for row in db.execute(sa.select(ends.c.job, ends.c.outcome))}
        calls = db.execute(sa.select(ledger.c.job, ledger.c.outcome, ledger.c.microusd)).all()
        integrity = db.exec_driver_sql("PRAGMA integrity_check").scalar()
    diagnosed = {job for job, end in outcome.items() if end != "buried"}
    dead = asyncio.run(_dead(rig))
    acknowledged = {f"field-3/{frame}" for frame in rig.acknowledged}
    problems += [f"{job} was acknowledged and has no end" for job in sorted(acknowledged - set(outcome))]
    problems += [f"{job} is diagnosed and in the dead letter" for job in sorted(diagnosed & set(dead))]
    problems += [f"{job} is buried and not in the dead letter" for job in sorted(set(outcome) - diagnosed - set(dead))]
    problems += [f"{job} is {count} times in the dead letter" for job, count in Counter(dead).items() if count > 1]
    _check_told(rig, diagnosed, report)
    paid = Counter(call.job for call in calls if call.outcome == "answered")
    lost = Counter(call.job for call in calls if call.outcome in {"lost", "timeout", "cut"})
    problems += [f"{job} was paid {count} times" for job, count in paid.items() if count > 1]
    report.billed, report.paid, report.lost = sum(rig.provider.billed.values()), sum(paid.values()), sum(lost.values())
    bill, charged = report.billed * REAL_COST, sum(call.microusd for call in calls)
    if not report.paid <= report.billed <= report.paid + report.lost:
        problems.append(
            f"{report.billed} requests billed, {report.paid} answers and {report.lost} lost calls in the ledger"
        )
    if charged != report.paid * REAL_COST + report.lost * WORST_COST:
        problems.append(f"the ledger's sum is {charged}, not that of its calls")
    problems += [f"{of} leaks {microusd} micro-dollars" for of, microusd in budget.leak().items()]
    problems += [] if integrity == "ok" else [f"integrity_check: {integrity}"]
    report.acknowledged, report.unheard = len(acknowledged), len(set(outcome) - acknowledged)
    report.diagnosed, report.buried = len(diagnosed), len(dead)
    report.bill_usd, report.ledger_usd = bill / 1e6, charged / 1e6


def _check_told(rig: Rig, diagnosed: set[str], report: KillReport) -> None:
    """Each diagnosis was told, and each time in the same words."""
    told: dict[str, set[str]] = {}
    count = 0
    for line in (rig.folder / "concluded.jsonl").read_text().splitlines():
        told.setdefault(json.loads(line)["job"], set()).add(line)
        count += 1
    report.told_again = count - len(told)
    report.problems += [f"{job} was told in {len(words)} ways" for job, words in told.items() if len(words) > 1]
    report.problems += [f"{job} was not told" for job in sorted(diagnosed - set(told))]
    report.problems += [f"{job} was told without a diagnosis" for job in sorted(set(told) - diagnosed)]


async def _dead(rig: Rig) -> list[str]:
    queue = queue_of(rig.processes["intake"].spec, rig.db)
    try:
        return [letter.job.id for letter in await queue.dead(limit=100_000)]
    finally:
        await queue.close()
