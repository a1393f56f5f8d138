"""What it has cost, and what it would have cost."""

from __future__ import annotations

import io

from cloud_adapter.budget.budget import Budget
from cloud_adapter.budget.costs import DryRun, costs, dry_run, write_csv
from cloud_adapter.budget.settings import BudgetSettings
from cloud_adapter.database import CloudDatabase
from cloud_adapter.records import Usage
from tests.cloud_adapter.budget.test_budget import MIDNIGHT, NOON, Clock
from tests.cloud_adapter.paying import FlatPrices


def fill(db: CloudDatabase) -> Clock:
    """Two days, two devices, two models: (moment, device, model, what it took; None: unknown)."""
    clock = Clock()
    budget = Budget(db, BudgetSettings(alarm_share=0), FlatPrices(), now=clock)
    calls = [
        (NOON, "a", "tiny", Usage(400, 100, 20)),
        (NOON, "a", "tiny", Usage(500, 0, 30)),
        (NOON, "b", "free", Usage(700, 0, 10)),
        (MIDNIGHT + 60, "a", "tiny", None),
    ]
    for number, (at, device, model, usage) in enumerate(calls):
        clock.t = at
        worst = Usage(1000, 0, 50)
        sizes = [(500, 400)]
        of = {"device": device, "model": model, "prompt": "p@1"}
        reservation = budget.reserve(job=f"{device}/{number}", worst=worst, alarm=False, pictures=sizes, **of)
        budget.settle(reservation, usage, latency_s=1.0 + number, bytes_up=1000)
    budget.note_cached(job="a/9", device="a", model="tiny", prompt="p@1", pictures=[(500, 400)])
    return clock


def test_costs_by_day_device_and_model(db: CloudDatabase) -> None:
    fill(db)
    rows = costs(db, "2026-11-23", "2026-11-24")
    assert [(r.day, r.device, r.model, r.calls, r.cached) for r in rows] == [
        ("2026-11-23", "a", "tiny", 2, 0),
        ("2026-11-23", "b", "free", 1, 0),
        ("2026-11-24", "a", "tiny", 1, 1),  # the last answer came from the cache
    ]
    first = rows[0]
    assert (first.input_tokens, first.cached_tokens, first.output_tokens, first.bytes_up) == (900, 100, 50, 2000)
    assert first.mean_latency_s == 1.5
    assert [round(r.usd * 1e6) for r in rows] == [320 + 530, 0, 1050]


def test_other_groups_and_days(db: CloudDatabase) -> None:
    fill(db)
    assert [(r.day, round(r.usd * 1e6)) for r in costs(db, "2026-11-01", "2026-11-30", by=["month"])] == [
        ("2026-11", 1900)
    ]
    assert [(r.model, r.calls) for r in costs(db, "2026-11-23", "2026-11-23", by=["model"])] == [
        ("free", 1),
        ("tiny", 2),
    ]
    assert costs(db, "2027-01-01", "2027-01-31") == []


def test_csv(db: CloudDatabase) -> None:
    fill(db)
    out = io.StringIO()
    write_csv(costs(db, "2026-11-23", "2026-11-23", by=["day", "model"]), out)
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("day,device,model,calls,cached,input_tokens")
    assert lines[2] == "2026-11-23,,tiny,2,0,900,100,50,2000,1.5,0.000850"


def test_what_it_would_have_cost(db: CloudDatabase) -> None:
    clock = fill(db)
    same = dry_run(db, FlatPrices(), "tiny", "2026-11-23", "2026-11-23", now=clock)
    assert same == DryRun("tiny", 3, 0, 0.00085, 0.00085 + 0.00071)  # the free model's call would cost, too
    large = dry_run(db, FlatPrices(), "large", "2026-11-23", "2026-11-24", now=clock)
    assert (large.calls, large.unknown) == (3, 1)  # what a killed call took is not known
    assert round(large.usd * 1e6) == 320 + 530 + 710 + 3 * 200 * 9  # each picture takes ten times its 200 tokens
    assert dry_run(db, FlatPrices(), "free", "2026-11-23", "2026-11-24", now=clock).usd == 0


def test_an_empty_database(db: CloudDatabase) -> None:
    assert costs(db, "2026-11-23", "2026-11-24") == []
    assert dry_run(db, FlatPrices(), "tiny", "2026-11-23", "2026-11-24", now=Clock()).calls == 0
