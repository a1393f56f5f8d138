"""What it has cost, and what it would have cost: rows for `sightline cloud costs`, as table and CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Literal, TextIO

import sqlalchemy as sa

from cloud_adapter.budget.base import Prices
from cloud_adapter.budget.schema import STEPS, ledger
from cloud_adapter.database import CloudDatabase
from cloud_adapter.records import MICRO, Usage
from vision.errors import InputError

Column = Literal["day", "month", "device", "model"]


@dataclass(frozen=True, slots=True)
class CostRow:
    """One line of the costs; a column that was not grouped by is empty."""

    day: str
    device: str
    model: str
    calls: int  # paid or failed calls
    cached: int  # answers from the cache
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    bytes_up: int
    mean_latency_s: float
    usd: float


@dataclass(frozen=True, slots=True)
class DryRun:
    """What the same calls would have cost with another model.

    `calls` could be compared; `unknown` could not, for the provider had not said what they took or the model is in the
    catalogue no more, and are in neither sum.
    """

    model: str
    calls: int
    unknown: int
    usd_paid: float
    usd: float


def costs(
    db: CloudDatabase, since: str, until: str, *, by: Sequence[Column] = ("day", "device", "model")
) -> list[CostRow]:
    """Costs of the days from `since` to `until` (both included, such as 2026-11-23), one row per group."""
    db.prepare("budget", STEPS)
    groups = [ledger.c[name].label("day" if name == "month" else name) for name in by]
    paid = ledger.c.outcome != "cached"
    sums = {
        "calls": sa.func.sum(sa.case((paid, 1), else_=0)),
        "hits": sa.func.sum(sa.case((paid, 0), else_=1)),
        "input": sa.func.sum(ledger.c.input),
        "cached": sa.func.sum(ledger.c.cached),
        "output": sa.func.sum(ledger.c.output),
        "bytes_up": sa.func.sum(ledger.c.bytes_up),
        "latency": sa.func.sum(ledger.c.latency_s),
        "microusd": sa.func.sum(ledger.c.microusd),
    }
    labelled = [column.label(name) for name, column in sums.items()]
    query = sa.select(*groups, *labelled).where(ledger.c.day >= since, ledger.c.day <= until)
    with db.reading() as connection:
        rows = connection.execute(query.group_by(*groups).order_by(*groups)).mappings().all() if groups else []
    return [_row(row) for row in rows]


def _row(row: sa.RowMapping) -> CostRow:
    calls = int(row["calls"])
    return CostRow(
        day=row.get("day", ""),
        device=row.get("device", ""),
        model=row.get("model", ""),
        calls=calls,
        cached=int(row["hits"]),
        input_tokens=int(row["input"]),
        cached_tokens=int(row["cached"]),
        output_tokens=int(row["output"]),
        bytes_up=int(row["bytes_up"]),
        mean_latency_s=round(float(row["latency"]) / max(1, calls), 3),
        usd=int(row["microusd"]) / MICRO,
    )


def write_csv(rows: Iterable[CostRow], out: TextIO) -> None:
    """The rows as CSV, with a header; money in dollars with six places, exact."""
    writer = csv.DictWriter(out, [field.name for field in fields(CostRow)], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(asdict(row) | {"usd": f"{row.usd:.6f}"})


def dry_run(
    db: CloudDatabase, prices: Prices, model: str, since: str, until: str, *, now: Callable[[], float]
) -> DryRun:
    """What the answered calls of these days would cost with `model` at today's price.

    Text tokens are what the provider counted less its pictures by its own formula; the pictures are counted anew by the
    formula of `model`. Tokenizers differ by some percent, which this does not know. Cached text stays cached text.
    Raises `InputError` for a `model` that the catalogue does not list.
    """
    db.prepare("budget", STEPS)
    at = now()
    prices.price(model, Usage(), at)
    paid = would = calls = unknown = 0
    query = sa.select(ledger).where(ledger.c.day >= since, ledger.c.day <= until, ledger.c.outcome != "cached")
    with db.reading() as connection:
        for row in connection.execute(query):
            if not row.known:
                unknown += 1
                continue
            sizes = json.loads(row.pictures)
            try:
                text = max(0, row.input - sum(prices.picture_tokens(row.model, w, h) for w, h in sizes))
            except InputError:  # a model that has left the catalogue since
                unknown += 1
                continue
            tokens = text + sum(prices.picture_tokens(model, w, h) for w, h in sizes)
            usage = Usage(tokens, min(row.cached, text), row.output)
            calls, paid, would = calls + 1, paid + row.microusd, would + prices.price(model, usage, at)
    return DryRun(model, calls, unknown, paid / MICRO, would / MICRO)
