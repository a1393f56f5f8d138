"""From a diagnosis to a command, through the guard, and from a command to what became of it.

A command is sent at most once. It is written down as `sending`, and counted against the caps, before anything leaves;
whoever is killed right then leaves an `unknown`, which locks the action until a person has looked at the valve.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import sqlalchemy as sa

from cloud_adapter.actions import commands as table
from cloud_adapter.actions.audit import AuditLog
from cloud_adapter.actions.commands import CommandRow, State, command_id
from cloud_adapter.actions.guard import DAY_S, Approval, Case, Decision, decide
from cloud_adapter.actions.settings import ActionConfig, ActionsConfig
from cloud_adapter.database import CloudDatabase
from cloud_adapter.records import READINGS, Diagnosis
from vision.delivery.actuators.base import Actuator, ActuatorError, Command, Done
from vision.errors import InputError
from vision.wire.messages import CaptureRequest

logger = logging.getLogger(__name__)

FOLLOW_UP_WINDOW_S = 6 * 3600.0


class History(Protocol):
    """Where earlier diagnoses are found."""

    def recent(self, *, device: str, camera: str, profile: str, limit: int) -> Sequence[Diagnosis]:
        """Those of one camera and profile, newest capture first."""
        ...


class Actions:
    """All actions of a config; its methods that touch the database block, its coroutines do not.

    `told` is called with every command that changed, after the change is durable: for events and alerts.
    `ask_again` asks a device for another picture.
    """

    def __init__(
        self,
        config: ActionsConfig,
        database: CloudDatabase,
        history: History,
        actuators: Mapping[str, Actuator[Any]],
        clock: Callable[[], float],
        *,
        audit: AuditLog,
        told: Callable[[CommandRow], None] = lambda _: None,
        ask_again: Callable[[str, CaptureRequest], None] = lambda _device, _request: None,
    ) -> None:
        database.prepare(table.ROOM, table.STEPS)
        self._config, self._database, self._history = config, database, history
        self._actuators, self._clock, self._audit = actuators, clock, audit
        self._told, self._ask_again = told, ask_again
        self._actions = {action.name: action for action in config.rules}

    def concluded(self, diagnosis: Diagnosis) -> list[CommandRow]:
        """What the actions of its profile make of a diagnosis; the second time, what they made of it the first time."""
        asked = [a for a in self._config.rules if a.mode != "off" and a.profile == diagnosis.profile]
        with self._database.writing() as db:
            table.note_readings(db, diagnosis)
            quiet = diagnosis.outcome == "diagnosed" and diagnosis.label in ("healthy", "in_place", READINGS)
            found = [] if quiet else [self._considered(db, action, diagnosis) for action in asked]
        for row, new in found:
            if new:
                self._told(row)
        return [row for row, _ in found]

    def _considered(self, db: sa.Connection, action: ActionConfig, diagnosis: Diagnosis) -> tuple[CommandRow, bool]:
        identity = command_id(action.name, diagnosis.job)
        known = table.find(db, identity)
        if known is not None:
            return known, False
        now = self._clock()
        decision = decide(self._case(db, action, identity, diagnosis, now))
        values = {
            "id": identity,
            "action": action.name,
            **{name: getattr(diagnosis, name) for name in ("job", "device", "camera", "site", "profile", "label")},
            "mode": action.mode,
            "state": _first_state(action, decision),
            "created": now,
            "changed": now,
            "amount": action.dose.amount,
            "unit": action.dose.unit,
            "open_s": action.dose.open_s,
            "decision": json.dumps(table.findings_of(decision)),
        }
        db.execute(sa.insert(table.commands).values(values))
        self._write(db, now, "decision", identity, values["state"], action=action.name, job=diagnosis.job,
                    mode=action.mode, findings=table.findings_of(decision))  # fmt: skip
        return _found(db, identity), True

    def _case(self, db: sa.Connection, action: ActionConfig, identity: str, newest: Diagnosis, now: float,
              approval: Approval | None = None) -> Case:  # fmt: skip
        earlier = self._history.recent(
            device=newest.device, camera=newest.camera, profile=newest.profile, limit=action.agreement.n + 1
        )
        earlier = [d for d in earlier if d.job != newest.job]
        return Case(
            action=action,
            command=identity,
            pictures=[newest, *(d for d in earlier if d.captured <= newest.captured)],
            newer=[d for d in earlier if d.captured > newest.captured],
            readings=table.newest_readings(db, newest.site),
            openings=table.openings(db, action.name, now - DAY_S),
            now=now,
            approval=approval,
            stopped=self._stopped(db, action.name),
        )

    def _stopped(self, db: sa.Connection, action: str) -> str | None:
        if not self._config.enabled:
            return "actions are switched off (actions.enabled: false)"
        if (who := db.execute(sa.select(table.halts.c.who).limit(1)).scalar()) is not None:
            return f"the emergency stop is on (by {who}); sightline cloud actions resume"
        return table.lock_of(db, action)

    # What people say.

    def commands(self, *states: State) -> list[CommandRow]:
        """Commands in these states (all for none), oldest first."""
        with self._database.reading() as db:
            return table.in_state(db, *states)

    def approve(self, command: str, who: str) -> CommandRow:
        """A person's yes to a proposal. Raises `InputError` where there is nothing to say yes to."""
        return self._said(command, who, "approved", "proposed", approved_by=who, approved_at=self._clock())

    def reject(self, command: str, who: str) -> CommandRow:
        """A person's no. Raises `InputError`."""
        return self._said(command, who, "rejected", "proposed", "approved")

    def release(self, command: str, who: str) -> CommandRow:
        """Somebody has looked at the valve: the action may go on. Raises `InputError`."""
        return self._said(command, who, None, *table.LOCKING, released_by=who)

    def _said(self, command: str, who: str, to: State | None, *allowed: State, **values: Any) -> CommandRow:
        if not who.strip():
            raise InputError("say who decides: --by NAME")
        now = self._clock()
        with self._database.writing() as db:
            row = table.find(db, command)
            if row is None:
                raise InputError(f"{command}: no such command; sightline cloud actions list shows them")
            if row.state not in allowed or (to is None and row.released_by):
                raise InputError(f"{command}: it is {row.state}; only {' or '.join(allowed)} ones can be decided so")
            if to == "approved" and now - row.created > self._actions[row.action].approval_s:
                raise InputError(f"{command}: the proposal has expired")
            row = self._change(db, row, to or row.state, now, "said", who=who, **values)
        self._told(row)
        return row

    def halt(self, who: str) -> None:
        """The emergency stop: nothing is sent until `resume`."""
        with self._database.writing() as db:
            now = self._clock()
            db.execute(sa.delete(table.halts))
            db.execute(sa.insert(table.halts).values(who=who, at=now))
            self._audit.append(db, now, "halt", {"who": who})

    def resume(self, who: str) -> None:
        """Ends the emergency stop."""
        with self._database.writing() as db:
            db.execute(sa.delete(table.halts))
            self._audit.append(db, self._clock(), "resume", {"who": who})

    # Sending.

    async def run(self, stop: asyncio.Event, every_s: float = 1.0) -> None:
        """Send what is approved until `stop` is set; what is on its way then is waited for."""
        await asyncio.to_thread(self.recover)
        for actuator in self._actuators.values():
            await actuator.start()
        while not stop.is_set():
            await self.settle()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), every_s)
        for actuator in self._actuators.values():
            await actuator.close()

    def recover(self) -> list[CommandRow]:
        """After a crash: what was being sent then may have been carried out."""
        with self._database.writing() as db:
            now = self._clock()
            late = [
                row
                for row in table.in_state(db, "sending")
                if now - (row.sent_at or 0) > row.open_s + self._timeout(row.action)
            ]
            rows = [self._change(db, row, "unknown", now, "recovered", told="ended while sending") for row in late]
        return self._tell(rows)

    async def settle(self) -> list[CommandRow]:
        """Send everything that is approved now, one after the other; expire what waited too long."""
        await asyncio.to_thread(self._expire)
        await asyncio.to_thread(self.recover)
        ended = []
        for row in await asyncio.to_thread(self.commands, "approved"):
            begun = await asyncio.to_thread(self._begin, row.id)
            if begun is not None:
                ended.append(await self._send(*begun))
        return ended

    def _expire(self) -> None:
        now, rows = self._clock(), []
        with self._database.writing() as db:
            for row in table.in_state(db, "proposed"):
                action = self._actions.get(row.action)
                if action is None or now - row.created > action.approval_s:
                    rows.append(self._change(db, row, "expired", now, "expired"))
        self._tell(rows)

    def _begin(self, identity: str) -> tuple[CommandRow, Command] | None:
        """Ask the guard again, with what is known now, and write down that it is being sent, before it is."""
        now = self._clock()
        with self._database.writing() as db:
            row = table.find(db, identity)
            if row is None or row.state != "approved":
                return None  # another worker was faster
            action = self._actions.get(row.action)
            earlier = self._history.recent(device=row.device, camera=row.camera, profile=row.profile, limit=50)
            newest = next((d for d in earlier if d.job == row.job), None)
            if action is None or newest is None or action.mode not in ("approve", "auto"):
                refused = self._change(db, row, "refused", now, "refused", told="action or diagnosis is gone")
            else:
                decision = decide(self._case(db, action, identity, newest, now, row.approval))
                findings = json.dumps(table.findings_of(decision))
                if decision.allowed:
                    row = self._change(db, row, "sending", now, "sent", sent_at=now, decision=findings)
                    return row, _command(row, action, now)
                refused = self._change(db, row, "refused", now, "refused", decision=findings)
        self._told(refused)
        return None

    async def _send(self, row: CommandRow, command: Command) -> CommandRow:
        actuator, action = self._actuators[row.action], self._actions[row.action]
        state: State
        values: dict[str, Any]
        try:
            done = await actuator.switch(command)
        except ActuatorError as error:
            state, values = ("failed" if error.certain else "unknown"), {"told": str(error)}
        except Exception:  # an actuator's own fault must not end the service, and nobody knows what was sent
            logger.exception("actuator of %s failed", row.action)
            state, values = "unknown", {"told": "the actuator failed"}
        else:
            state, values = _judged(done, action), {"told": done.told, "flow": done.flow}
        return await asyncio.to_thread(self._ended, row, state, values, action)

    def _ended(self, row: CommandRow, state: State, values: dict[str, Any], action: ActionConfig) -> CommandRow:
        now = self._clock()
        with self._database.writing() as db:
            row = self._change(db, row, state, now, "ended", **values)
        if state in table.OPENED and action.follow_up_s is not None:
            self._ask_again(row.device, _follow_up(row, now + action.follow_up_s))
        return self._tell([row])[0]

    def _timeout(self, action: str) -> float:
        config = self._actions.get(action)
        return 60.0 if config is None else config.actuator.timeout_s + config.expire_s

    def _change(self, db: sa.Connection, row: CommandRow, to: State, now: float, kind: str, *, who: str | None = None,
                **values: Any) -> CommandRow:  # fmt: skip
        db.execute(
            sa.update(table.commands).where(table.commands.c.id == row.id).values(state=to, changed=now, **values)
        )
        body = {k: json.loads(v) if k == "decision" else v for k, v in values.items()}
        self._write(db, now, kind, row.id, to, was=row.state, **({"who": who} if who else {}), **body)
        return _found(db, row.id)

    def _write(self, db: sa.Connection, now: float, kind: str, command: str, state: str, **body: Any) -> None:
        self._audit.append(db, now, kind, {"command": command, "state": state, **body})

    def _tell(self, rows: Iterable[CommandRow]) -> list[CommandRow]:
        rows = list(rows)
        for row in rows:
            self._told(row)
        return rows


def _first_state(action: ActionConfig, decision: Decision) -> State:
    if action.mode == "approve":
        return "proposed" if decision.proposed else "refused"
    if not decision.allowed:
        return "refused"
    return "approved" if action.mode == "auto" else "dry_run"


def _found(db: sa.Connection, identity: str) -> CommandRow:
    row = table.find(db, identity)
    assert row is not None  # written in this transaction
    return row


def _command(row: CommandRow, action: ActionConfig, now: float) -> Command:
    return Command(row.id, action.target, now, now + action.expire_s, row.open_s, row.amount, row.unit, f"{row.label}")


def _judged(done: Done, action: ActionConfig) -> State:
    """Whether what flowed is what was meant to; without a meter the acknowledgement stands."""
    if done.flow is None:
        return "done"
    return (
        "done"
        if abs(done.flow - action.dose.amount) <= action.dose.flow_tolerance * action.dose.amount
        else "flow_fault"
    )


def _follow_up(row: CommandRow, after: float) -> CaptureRequest:
    return CaptureRequest(
        id=f"after-{row.id}", camera=row.camera, profile=row.profile, after=after, until=after + FOLLOW_UP_WINDOW_S,
        follows=row.job.rpartition("/")[2], reason=f"after {row.action}",
    )  # fmt: skip
