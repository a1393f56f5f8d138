"""`sightline cloud costs` and `probe`: what it has cost, what it would cost, what an endpoint really gives."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from cloud_adapter.commands.shared import ConfigOption, loaded, opened, table
from vision.errors import InputError, OutsideError

if TYPE_CHECKING:
    from cloud_adapter.budget.costs import Column

GROUPS: dict[str, Column] = {"day": "day", "month": "month", "device": "device", "model": "model"}


def add(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("costs")(costs_command)
    group.command("probe")(probe_command)
    group.command("models")(models_command)


def costs_command(
    config: ConfigOption,
    since: Annotated[str | None, typer.Option(help="First day, like 2026-11-01; default: 30 days ago.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day; default: today.")] = None,
    by: Annotated[
        list[str] | None, typer.Option(help="A line for each; repeat it. Default: day, device, model.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="CSV instead of a table.")] = False,
    what_if: Annotated[str | None, typer.Option(help="What the same calls would cost with this model.")] = None,
) -> None:
    """Tokens, bytes, time and money of the calls to models, from the ledger."""
    from cloud_adapter.budget.costs import costs, dry_run, write_csv

    odd = [name for name in by or () if name not in GROUPS]
    if odd:
        raise InputError(f"--by {odd[0]}: allowed are {', '.join(GROUPS)}")
    today = datetime.now(UTC).date()
    first, last = _day(since, str(today - timedelta(days=30))), _day(until, str(today + timedelta(days=1)))
    with opened(config) as parts:
        if what_if is not None:
            run = dry_run(parts.database, parts.prices, what_if, first, last, now=time.time)
            typer.echo(
                f"{run.calls} calls from {first} to {last}: {run.usd_paid:.4f} USD paid, {run.usd:.4f} USD with {run.model}"
                + (f"; {run.unknown} calls could not be compared" if run.unknown else "")
            )
            return
        rows = costs(parts.database, first, last, by=[GROUPS[name] for name in by or ("day", "device", "model")])
    if csv:
        write_csv(rows, sys.stdout)
        return
    if not rows:
        typer.echo(f"no calls from {first} to {last}")
        return
    columns = ["day", "device", "model", "calls", "cached", "tokens in", "cached in", "out", "kB up", "s/call", "USD"]
    lines = [
        (r.day, r.device, r.model, r.calls, r.cached, r.input_tokens, r.cached_tokens, r.output_tokens,
         round(r.bytes_up / 1000), f"{r.mean_latency_s:.2f}", f"{r.usd:.6f}")
        for r in rows
    ]  # fmt: skip
    total = sum(r.usd for r in rows)
    table("", columns, lines, right=columns[3:])
    typer.echo(f"{total:.6f} USD in all")


def _day(text: str | None, otherwise: str) -> str:
    if text is None:
        return otherwise
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise InputError(f"{text}: a day is written like 2026-11-23")
    return text


def probe_command(
    config: ConfigOption,
    model: Annotated[
        list[str] | None, typer.Option(help="Name in the catalogue; default: all that profiles use.")
    ] = None,
) -> None:
    """Send one blank picture to each model: the form it holds to, tokens, time; paid, next to nothing."""
    from cloud_adapter.diagnosis.models import models_of
    from cloud_adapter.providers.catalogue import catalogue
    from cloud_adapter.providers.probe import probe
    from cloud_adapter.records import MICRO

    file = loaded(config)
    file.data_dir.mkdir(parents=True, exist_ok=True)
    known = catalogue(file.cloud.models)
    names = model or sorted(models_of(file.cloud.profiles))
    reports = [asyncio.run(probe(name, known, now=time.time, folder=file.data_dir)) for name in names]
    rows = [
        (r.model, r.answered_by or "-", one.mode, "works" if one.works else one.fault, f"{one.latency_s:.2f}",
         one.input_tokens, r.expected_tokens, one.output_tokens, f"{one.cost_microusd / MICRO:.6f}")
        for r in reports
        for one in r.tries
    ]  # fmt: skip
    columns = ["model", "answered by", "form", "result", "s", "tokens in", "reserved", "out", "USD"]
    table("", columns, rows, right=columns[4:])
    for report in reports:
        for one in report.tries:
            if one.told:
                typer.echo(f"{report.model}: {one.told}", err=True)
        if report.underestimated:
            typer.echo(f"warning: {report.model} took more tokens than its formula says; set image_tokens", err=True)
    bad = [report.model for report in reports if report.mode is None]
    if bad:
        raise OutsideError(f"no form of answer works with {', '.join(bad)}")


def models_command(config: ConfigOption) -> None:
    """The models that may be named, with their prices of today."""
    from cloud_adapter.providers.catalogue import catalogue

    known = catalogue(loaded(config).cloud.models)
    rows = []
    for name, entry in sorted(known.models.items()):
        price = entry.prices[-1] if entry.prices else None
        cost = "free" if price is None else f"{price.input} / {price.output} {price.currency}"
        rows.append((name, entry.family, entry.model, cost, entry.terms.region or "-"))
    table("", ["name", "family", "model", "a million tokens in / out", "region"], rows)
    typer.echo(f"figures of {known.dated}; prices change: check them before use")
