"""The actions of a config with a clock, a history and a gateway that tests can hold in their hands."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cloud_adapter.actions.audit import AuditLog
from cloud_adapter.actions.commands import CommandRow
from cloud_adapter.actions.service import Actions
from cloud_adapter.actions.settings import ActionConfig, ActionsConfig
from cloud_adapter.database import CloudDatabase, address_in
from cloud_adapter.records import Diagnosis
from tests.cloud_adapter.actions.cases import NOW
from vision.delivery.actuators.simulated import SimulatedActuator, SimulatedParams
from vision.wire.messages import CaptureRequest


class Stand:
    """One action, one camera."""

    def __init__(self, folder: Path, action: ActionConfig, *, key: bytes | None = None, **gateway: Any) -> None:
        self.now = NOW
        self.seen: list[Diagnosis] = []
        self.told: list[CommandRow] = []
        self.asked: list[tuple[str, CaptureRequest]] = []
        self.database = CloudDatabase(address_in(folder), check=False)
        self.audit = AuditLog(self.database, key)
        self.gateway = SimulatedActuator(SimulatedParams(speed=1e9, **gateway), self.clock)
        self.action = action
        self.actions = self.made()

    def made(self) -> Actions:
        """As a new process finds it."""
        return Actions(
            ActionsConfig(rules=(self.action,)), self.database, self, {self.action.name: self.gateway}, self.clock,
            audit=self.audit, told=self.told.append, ask_again=lambda d, r: self.asked.append((d, r)),
        )  # fmt: skip

    def clock(self) -> float:
        return self.now

    def recent(self, *, device: str, camera: str, profile: str, limit: int) -> Sequence[Diagnosis]:
        return sorted(self.seen, key=lambda d: -d.captured)[:limit]

    def conclude(self, diagnosis: Diagnosis) -> list[CommandRow]:
        """As the worker does: first the diagnosis is stored, then the actions hear of it."""
        self.seen.append(diagnosis)
        return self.actions.concluded(diagnosis)

    def settle(self) -> list[CommandRow]:
        return asyncio.run(self.actions.settle())

    def states(self) -> list[str]:
        return [row.state for row in self.actions.commands()]
