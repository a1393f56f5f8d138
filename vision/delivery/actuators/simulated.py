"""A gateway that is not there: a valve with a flow meter, for tests, demonstrations and dry installations.

It behaves as a good gateway should: a command that has expired or that it has seen before does nothing, a valve closes by
itself. `leak` and `blocked` are what goes wrong in the field.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from vision.delivery.actuators.base import Actuator, ActuatorError, ActuatorParams, Command, Done, register


class SimulatedParams(ActuatorParams):
    """A gateway that only pretends: nothing is switched."""

    type: Literal["simulated"] = "simulated"
    speed: float = Field(1000.0, gt=0, description="How many times faster than real time its valve works.")
    rate: float | None = Field(None, ge=0, description="What really flows per second; default: what the dose says.")
    answers: bool = Field(True, description="false: acknowledgements get lost.")


@dataclass(frozen=True, slots=True)
class Pulse:
    """One time the valve was open: epoch seconds of its start, how long, how much flowed."""

    command: str
    target: str
    at: float
    open_s: float
    flow: float


@register
class SimulatedActuator(Actuator[SimulatedParams]):
    """Remembers what flowed in `pulses`."""

    Params = SimulatedParams

    def __init__(self, params: SimulatedParams, clock: Callable[[], float]) -> None:
        super().__init__(params, clock)
        self.pulses: list[Pulse] = []
        self._seen: dict[str, Done] = {}

    async def switch(self, command: Command) -> Done:
        """Let flow what the command asks for."""
        if command.id in self._seen:
            return self._seen[command.id]
        if self.clock() > command.expires:
            raise ActuatorError("the command has expired", certain=True)
        rate = command.amount / command.open_s if self.params.rate is None else self.params.rate
        done = Done(f"{command.target} open for {command.open_s:g} s", rate * command.open_s, command.open_s)
        self._seen[command.id] = done
        self.pulses.append(Pulse(command.id, command.target, self.clock(), command.open_s, rate * command.open_s))
        await asyncio.sleep(command.open_s / self.params.speed)
        if not self.params.answers:
            raise ActuatorError("no acknowledgement from the gateway", certain=False)
        return done

    async def stop(self, target: str) -> None:
        """Its valve closes by itself."""

    async def probe(self) -> str:
        """Nothing to reach."""
        return "simulated: nothing is switched"
