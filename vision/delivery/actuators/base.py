"""The seam of an actuator: one bounded command, sent once, acknowledged or not.

An actuator never sends a command a second time by itself: what opens a valve twice is worse than what opens it not at
all. The command carries its own end (`open_s`) and expiry, so that a gateway that receives it late or twice does nothing.

A new file in this folder is found by itself; its `Params` become a kind of `actuator:` in the config.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from vision.plugins import Plugins, kind_of


class ActuatorParams(BaseModel):
    """Keys that every kind of actuator has; each adds its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    type: str
    timeout_s: float = Field(10.0, gt=0, le=120, description="Wait so long for the acknowledgement of a command.")


@dataclass(frozen=True, slots=True)
class Command:
    """Switch `target` on for at most `open_s` seconds; not at all once `expires` (epoch seconds UTC) has passed.

    `amount` and `unit` say what is meant to flow ("250 ml"); 0 and "" where nothing is measured (siren, rejector).
    """

    id: str
    target: str
    issued: float
    expires: float
    open_s: float
    amount: float = 0.0
    unit: str = ""
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The wire form: what a gateway receives as JSON."""
        return {
            "id": self.id,
            "target": self.target,
            "issued": round(self.issued, 3),
            "expires": round(self.expires, 3),
            "open_s": self.open_s,
            "amount": self.amount,
            "unit": self.unit,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Done:
    """What the other side acknowledged: `told` in its words, `flow` measured in the command's unit (None: no meter)."""

    told: str
    flow: float | None = None
    open_s: float | None = None


def done_of(answer: object) -> Done:
    """What a gateway's JSON answer says: `told`, `flow`, `open_s`, all optional; `error` where it did nothing.

    Raises `ActuatorError`.
    """
    if not isinstance(answer, dict):
        raise ActuatorError("the gateway's answer is no JSON object", certain=False)
    if answer.get("error"):
        raise ActuatorError(f"the gateway says: {str(answer['error'])[:200]}", certain=True)
    return Done(str(answer.get("told", "acknowledged"))[:200], _number(answer, "flow"), _number(answer, "open_s"))


def _number(answer: dict[str, Any], key: str) -> float | None:
    value = answer.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ActuatorError(f"the gateway's {key} is no number", certain=False)
    return float(value)


class ActuatorError(Exception):
    """The command was certainly not carried out (`certain`), or nobody knows (a lost answer)."""

    def __init__(self, told: str, *, certain: bool) -> None:
        super().__init__(told)
        self.certain = certain


P = TypeVar("P", bound=ActuatorParams)


class Actuator(ABC, Generic[P]):
    """One gateway or device; lives in one event loop."""

    Params: ClassVar[type[ActuatorParams]]

    def __init__(self, params: P, clock: Callable[[], float]) -> None:
        self.params = params
        self.clock = clock

    async def start(self) -> None:
        """Open what stays open; must not wait for the other side."""

    @abstractmethod
    async def switch(self, command: Command) -> Done:
        """Send it once and wait until it is acknowledged (for what is measured: until it has ended).

        Raises `ActuatorError`, and nothing else that a network can cause.
        """

    @abstractmethod
    async def stop(self, target: str) -> None:
        """Off, now, whatever is going on. Raises `ActuatorError`."""

    async def probe(self) -> str:
        """For `sightline doctor`: reach it without switching anything; says what was found, raises `ActuatorError`."""
        return "not probed"

    async def close(self) -> None:
        """Let go of everything."""


ActuatorType = type[Actuator[Any]]
_plugins: Plugins[ActuatorType] = Plugins("vision.delivery.actuators")


def register(actuator: ActuatorType) -> ActuatorType:
    """Class decorator: makes the actuator known under the literal of its `Params.type`."""
    _plugins.add(kind_of(actuator), actuator)
    return actuator


def actuator_types() -> dict[str, ActuatorType]:
    """Every actuator by its type; imports the files of this folder at first use."""
    return _plugins.all()


def build_actuator(params: ActuatorParams, clock: Callable[[], float]) -> Actuator[Any]:
    """The actuator that the parameters describe."""
    return actuator_types()[params.type](params, clock)
