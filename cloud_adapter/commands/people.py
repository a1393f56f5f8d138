"""What people decide: proposals of actions, the emergency stop, dead letters; and the audit log."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from cloud_adapter.commands.shared import ByOption, ConfigOption, moment, opened, table
from vision.errors import InputError

if TYPE_CHECKING:
    from cloud_adapter.queue.base import JobQueue

CommandArgument = Annotated[str, typer.Argument(help="The command's id.", show_default=False)]


def add(group: typer.Typer) -> None:
    """Add the commands."""
    actions = typer.Typer(help="Actions: what waits for a person, and what became of the others.", no_args_is_help=True)
    actions.command("list")(list_actions)
    actions.command("approve")(approve)
    actions.command("reject")(reject)
    actions.command("release")(release)
    actions.command("halt")(halt)
    actions.command("resume")(resume)
    group.add_typer(actions, name="actions")
    audit = typer.Typer(help="The audit log of actions.", no_args_is_help=True)
    audit.command("verify")(verify)
    audit.command("show")(show_audit)
    group.add_typer(audit, name="audit")
    jobs = typer.Typer(help="Jobs that ended in the dead letter, and endpoints that were closed.", no_args_is_help=True)
    jobs.command("dead")(dead)
    jobs.command("revive")(revive)
    jobs.command("open")(open_endpoint)
    group.add_typer(jobs, name="jobs")


def list_actions(
    config: ConfigOption,
    every: Annotated[bool, typer.Option("--all", help="Not only those that wait for a person.")] = False,
) -> None:
    """Proposals that wait for a person; with --all everything that was decided."""
    with opened(config) as parts:
        rows = parts.actions.commands() if every else parts.actions.commands("proposed", "unknown", "flow_fault")
    if not every:
        rows = [row for row in rows if row.state == "proposed" or row.released_by is None]
    if not rows:
        typer.echo("nothing waits for a person" if not every else "no action was ever considered")
        return
    lines = [
        (
            row.id,
            moment(row.created),
            row.action,
            row.camera,
            row.label,
            row.state,
            row.told or "; ".join(row.reasons) or "-",
        )
        for row in rows
    ]
    table("", ["id", "decided (UTC)", "action", "camera", "label", "state", "why"], lines)


def approve(config: ConfigOption, command: CommandArgument, by: ByOption) -> None:
    """Let a proposed action be carried out; the guard looks once more right before."""
    with opened(config) as parts:
        row = parts.actions.approve(command, by)
    typer.echo(f"{row.id} approved by {by}; the service sends it")


def reject(config: ConfigOption, command: CommandArgument, by: ByOption) -> None:
    """A proposed action is not carried out."""
    with opened(config) as parts:
        parts.actions.reject(command, by)
    typer.echo(f"{command} rejected by {by}")


def release(config: ConfigOption, command: CommandArgument, by: ByOption) -> None:
    """After a fault: somebody has looked at the valve, the action may go on."""
    with opened(config) as parts:
        parts.actions.release(command, by)
    typer.echo(f"{command} released by {by}")


def halt(config: ConfigOption, by: ByOption) -> None:
    """The emergency stop: nothing is sent any more."""
    with opened(config) as parts:
        parts.actions.halt(by)
    typer.echo("emergency stop: no action is sent until `sightline cloud actions resume`")


def resume(config: ConfigOption, by: ByOption) -> None:
    """End the emergency stop."""
    with opened(config) as parts:
        parts.actions.resume(by)
    typer.echo("actions may be sent again")


def verify(
    config: ConfigOption,
    head: Annotated[str | None, typer.Option(help="A hash noted earlier; it must still be in the log.")] = None,
) -> None:
    """Check that nobody changed the audit log; prints its head, to be noted elsewhere."""
    with opened(config) as parts:
        found = parts.audit.verify(head)
    if found.broken is not None:
        typer.echo(f"BROKEN after {found.entries} sound entries: {found.broken}")
        raise typer.Exit(1)
    typer.echo(f"{found.entries} entries, unbroken; head {found.head}")


def show_audit(config: ConfigOption) -> None:
    """The audit log, one JSON object a line."""
    with opened(config) as parts:
        for entry in parts.audit.entries():
            body = {
                "seq": entry.seq,
                "at": moment(entry.at),
                "kind": entry.kind,
                **json.loads(entry.body),
                "hash": entry.hash,
            }
            typer.echo(json.dumps(body, ensure_ascii=False))


def dead(config: ConfigOption) -> None:
    """Jobs that could not be brought to an end, with the reason; and endpoints that were closed."""
    with opened(config) as parts:
        rows = asyncio.run(_dead(parts.queue))
        closed = parts.diagnoses.closed_endpoints()
    if rows:
        table("", ["job", "buried (UTC)", "tries", "reason"], rows)
    else:
        typer.echo("no dead letters")
    for model, why in closed.items():
        typer.echo(f"closed: {model}: {why}; when it is mended: sightline cloud jobs open {model}")


async def _dead(queue: JobQueue) -> list[tuple[object, ...]]:
    return [(b.job.id, moment(b.at), b.tries, b.reason) for b in await queue.dead()]


def revive(config: ConfigOption, job: Annotated[str, typer.Argument(help="The job's id.", show_default=False)]) -> None:
    """Give a dead job another round."""
    with opened(config) as parts:
        if not asyncio.run(parts.queue.revive(job)):
            raise InputError(f"{job}: no such dead letter; sightline cloud jobs dead shows them")
    typer.echo(f"{job} goes back to the queue")


def open_endpoint(
    config: ConfigOption, model: Annotated[str, typer.Argument(help="The model.", show_default=False)]
) -> None:
    """An endpoint that was closed (no money left, wrong key) may be called again."""
    with opened(config) as parts:
        if not parts.diagnoses.open_endpoint(model):
            raise InputError(f"{model}: this endpoint is not closed")
    typer.echo(f"{model} may be called again")
