"""The commands and what became of them, in the database; every change writes its entry in the audit log with it.

    refused                      the guard said no (reasons in `decision`)
    dry_run                      the guard would have allowed it; nothing is sent
    proposed -> approved | rejected | expired       a person's word (mode approve)
    approved -> sending -> done | flow_fault        acknowledged; a flow that is not the dose locks the action
                        -> failed                   certainly not carried out
                        -> unknown                  sent, and no answer: counts as carried out, locks the action
    approved -> refused                             the guard, asked again right before sending, said no

A locked action stays locked until a person releases it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import sqlalchemy as sa

from cloud_adapter.actions.guard import Approval, Decision, Opening
from cloud_adapter.database import Step, metadata
from cloud_adapter.records import Diagnosis
from vision.delivery.migrations import run
from vision.wire.messages import Reading

State = Literal[
    "refused", "dry_run", "proposed", "approved", "rejected", "expired", "sending", "done", "failed", "unknown", "flow_fault"
]  # fmt: skip
STATES: tuple[State, ...] = get_args(State)
OPENED: tuple[State, ...] = ("sending", "done", "unknown", "flow_fault")  # something may have flowed
LOCKING: tuple[State, ...] = ("unknown", "flow_fault")
ROOM = "actions"


def command_id(action: str, job: str) -> str:
    """The id of the one command that an action may make of a job."""
    return "cmd-" + hashlib.sha256(f"{action}\n{job}".encode()).hexdigest()[:20]


def _m001(db: sa.Connection) -> None:
    run(
        db,
        """CREATE TABLE cloud_commands (
            id {KEY} PRIMARY KEY NOT NULL, action TEXT NOT NULL, job TEXT NOT NULL, device TEXT NOT NULL,
            camera TEXT NOT NULL, site TEXT NOT NULL, profile TEXT NOT NULL, label TEXT NOT NULL, mode TEXT NOT NULL,
            state TEXT NOT NULL, created DOUBLE PRECISION NOT NULL, changed DOUBLE PRECISION NOT NULL,
            amount DOUBLE PRECISION NOT NULL, unit TEXT NOT NULL, open_s DOUBLE PRECISION NOT NULL,
            decision TEXT NOT NULL, approved_by TEXT, approved_at DOUBLE PRECISION, sent_at DOUBLE PRECISION,
            told TEXT, flow DOUBLE PRECISION, released_by TEXT)""",
        "CREATE INDEX cloud_commands_state ON cloud_commands (state, created)",
        "CREATE INDEX cloud_commands_action ON cloud_commands (action, sent_at)",
        """CREATE TABLE cloud_readings (
            site {KEY} NOT NULL, camera {KEY} NOT NULL, sensor {KEY} NOT NULL, value DOUBLE PRECISION NOT NULL,
            unit TEXT NOT NULL, t DOUBLE PRECISION NOT NULL, PRIMARY KEY (site, camera, sensor))""",
        """CREATE TABLE cloud_audit (
            seq INTEGER PRIMARY KEY NOT NULL, at DOUBLE PRECISION NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
            prev TEXT NOT NULL, hash TEXT NOT NULL, keyed INTEGER NOT NULL)""",
        "CREATE TABLE cloud_halt (who TEXT NOT NULL, at DOUBLE PRECISION NOT NULL)",
    )


STEPS: Sequence[Step] = (_m001,)


def _text(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, **options)


commands = sa.Table(
    "cloud_commands",
    metadata,
    _text("id", primary_key=True),
    *(
        _text(n, nullable=False)
        for n in ("action", "job", "device", "camera", "site", "profile", "label", "mode", "state")
    ),
    *(sa.Column(n, sa.Float(53), nullable=False) for n in ("created", "changed", "amount")),
    _text("unit", nullable=False),
    sa.Column("open_s", sa.Float(53), nullable=False),
    _text("decision", nullable=False),
    _text("approved_by"),
    sa.Column("approved_at", sa.Float(53)),
    sa.Column("sent_at", sa.Float(53)),
    _text("told"),
    sa.Column("flow", sa.Float(53)),
    _text("released_by"),
)
readings = sa.Table(
    "cloud_readings",
    metadata,
    *(_text(n, primary_key=True) for n in ("site", "camera", "sensor")),
    sa.Column("value", sa.Float(53), nullable=False),
    _text("unit", nullable=False),
    sa.Column("t", sa.Float(53), nullable=False),
)
halts = sa.Table("cloud_halt", metadata, _text("who", nullable=False), sa.Column("at", sa.Float(53), nullable=False))


@dataclass(frozen=True, slots=True)
class CommandRow:
    """One command; times epoch seconds UTC, `reasons` why it was refused."""

    id: str
    action: str
    job: str
    device: str
    camera: str
    site: str
    profile: str
    label: str
    mode: str
    state: State
    created: float
    changed: float
    amount: float
    unit: str
    open_s: float
    decision: tuple[Mapping[str, Any], ...]
    approved_by: str | None
    approved_at: float | None
    sent_at: float | None
    told: str | None
    flow: float | None
    released_by: str | None

    @property
    def reasons(self) -> tuple[str, ...]:
        """What the guard had against it, in the order of its steps."""
        return tuple(f"{f['step']}: {f['told']}" for f in self.decision if not f["ok"])

    @property
    def approval(self) -> Approval | None:
        """The person's yes, where there is one."""
        if self.approved_by is None or self.approved_at is None:
            return None
        return Approval(self.id, self.approved_by, self.approved_at)


def findings_of(decision: Decision) -> list[dict[str, Any]]:
    """A decision as JSON values."""
    return [{"step": f.step, "ok": f.ok, "told": f.told} for f in decision.findings]


def row_of(row: Any) -> CommandRow:
    """A database row as a record."""
    values = dict(row._mapping)  # noqa: SLF001  # sqlalchemy's public name for it
    values["decision"] = tuple(json.loads(values["decision"]))
    return CommandRow(**values)


def find(db: sa.Connection, command: str) -> CommandRow | None:
    """A command by its id."""
    row = db.execute(sa.select(commands).where(commands.c.id == command)).first()
    return None if row is None else row_of(row)


def in_state(db: sa.Connection, *states: State, limit: int = 500) -> list[CommandRow]:
    """Commands in one of these states (all for none), oldest first."""
    query = sa.select(commands).order_by(commands.c.created, commands.c.id).limit(limit)
    if states:
        query = query.where(commands.c.state.in_(states))
    return [row_of(row) for row in db.execute(query)]


def openings(db: sa.Connection, action: str, since: float) -> list[Opening]:
    """What an action sent since a moment, and the last before."""
    sent = sa.and_(commands.c.action == action, commands.c.state.in_(OPENED), commands.c.sent_at.is_not(None))
    query = sa.select(commands.c.sent_at, commands.c.amount).where(sent)
    newer = db.execute(query.where(commands.c.sent_at >= since)).all()
    last = db.execute(query.where(commands.c.sent_at < since).order_by(commands.c.sent_at.desc()).limit(1)).all()
    return [Opening(row.sent_at, row.amount) for row in (*last, *newer)]


def lock_of(db: sa.Connection, action: str) -> str | None:
    """Why an action is locked, in words; None where it is not."""
    locking = sa.and_(commands.c.action == action, commands.c.state.in_(LOCKING), commands.c.released_by.is_(None))
    row = db.execute(sa.select(commands.c.id, commands.c.state).where(locking).limit(1)).first()
    if row is None:
        return None
    what = "got no answer" if row.state == "unknown" else "did not flow as it should"
    return f"{row.id} {what}; look at the valve, then: sightline cloud actions release {row.id}"


def newest_readings(db: sa.Connection, site: str) -> dict[tuple[str, str], Reading]:
    """The newest reading of every sensor of a site, by camera and sensor."""
    columns = (readings.c.camera, readings.c.sensor, readings.c.value, readings.c.unit, readings.c.t)
    rows = db.execute(sa.select(*columns).where(readings.c.site == site))
    return {(camera, sensor): Reading(sensor=sensor, value=v, unit=unit, t=t) for camera, sensor, v, unit, t in rows}


def note_readings(db: sa.Connection, diagnosis: Diagnosis) -> None:
    """Keep the newest reading of each sensor that came with a diagnosis."""
    for reading in sorted(diagnosis.readings, key=lambda r: r.t):
        here = sa.and_(
            readings.c.site == diagnosis.site,
            readings.c.camera == diagnosis.camera,
            readings.c.sensor == reading.sensor,
        )
        known = db.execute(sa.select(readings.c.t).where(here)).scalar()
        if known is not None and known >= reading.t:
            continue
        db.execute(sa.delete(readings).where(here))
        db.execute(
            sa.insert(readings).values(
                site=diagnosis.site, camera=diagnosis.camera, sensor=reading.sensor, value=reading.value,
                unit=reading.unit, t=reading.t,
            )
        )  # fmt: skip
