"""What is switched for a verdict: sent once, acknowledged by its deadline, or somebody is told that it was not."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge_agent.inspect.live.station import Decision
from edge_agent.inspect.settings import OutputConfig
from vision.delivery.actuators.base import Actuator, ActuatorError, Command, build_actuator

log = logging.getLogger("sightline.inspection")

_HOLDING = frozenset({"modbus", "simulated"})  # acknowledge at the end of the pulse
_KEPT = 1000  # switched outputs whose times are remembered


@dataclass(frozen=True, slots=True)
class Missed:
    """An output that was not acknowledged by its deadline. `certain`: nothing was switched; else nobody knows."""

    output: str
    decision: Decision
    reason: str
    certain: bool
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Switched:
    """An acknowledged output: seconds from its trigger to the verdict, and to the acknowledgement."""

    output: str
    key: str
    decided_s: float
    acknowledged_s: float


class Outputs:
    """All outputs of a line, in one event loop. `decide` may be called from any thread."""

    def __init__(
        self,
        configs: Sequence[OutputConfig],
        missed: Callable[[Missed], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises `ConfigError` or `InputError` where an actuator lacks a variable or an extra."""
        self.switched: deque[Switched] = deque(maxlen=_KEPT)
        self.missed = 0
        self._told, self._clock = missed, clock
        self._outputs: list[tuple[OutputConfig, Actuator[object]]] = [  # type: ignore[type-var]  # any kind of params
            (config, build_actuator(config.actuator, clock)) for config in configs
        ]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open what stays open."""
        self._loop = asyncio.get_running_loop()
        for _, actuator in self._outputs:
            await actuator.start()

    async def close(self, wait_s: float = 1.0) -> None:
        """Let what is under way come to its end, for so long; then let go of everything."""
        self._loop = None
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=wait_s)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for _, actuator in self._outputs:
            await actuator.close()

    def decide(self, decision: Decision) -> None:
        """Switch what is to be switched for this verdict; returns at once."""
        wanted = [pair for pair in self._outputs if decision.verdict.outcome in pair[0].on]
        loop = self._loop
        if not wanted:
            return
        if loop is None:
            for config, _ in wanted:
                self._miss(config, decision, "the agent is ending", certain=True)
            return
        loop.call_soon_threadsafe(self._begin, wanted, decision)

    def _begin(self, wanted: Sequence[tuple[OutputConfig, Actuator[object]]], decision: Decision) -> None:  # type: ignore[type-var]  # any kind of params
        for config, actuator in wanted:
            task = asyncio.get_running_loop().create_task(self._switch(config, actuator, decision))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _switch(self, config: OutputConfig, actuator: Actuator[object], decision: Decision) -> None:  # type: ignore[type-var]  # any kind of params
        trigger_t = decision.trigger.t
        begin, end = trigger_t + config.delay_s, trigger_t + config.delay_s + config.deadline_s
        if self._clock() >= end:
            late = decision.decided - trigger_t
            self._miss(config, decision, f"the verdict came {late:.2f} s after the trigger, too late", certain=True)
            return
        await asyncio.sleep(max(0.0, begin - self._clock()))
        issued = self._clock()
        command = Command(
            id=f"{decision.key}.{config.name}",
            target=config.name,
            issued=issued,
            expires=end,
            open_s=config.pulse_s,
            reason=decision.verdict.outcome,
        )
        held = config.pulse_s if config.actuator.type in _HOLDING else 0.0
        try:
            async with asyncio.timeout(max(0.001, end + held - issued)):
                await actuator.switch(command)
        except TimeoutError:
            self._miss(config, decision, f"no acknowledgement within {config.deadline_s:g} s", certain=False)
        except ActuatorError as error:
            self._miss(config, decision, str(error), certain=error.certain)
        except Exception as error:  # an actuator's mistake must not go unheard
            log.exception("an output failed", extra={"output": config.name})
            self._miss(config, decision, type(error).__name__, certain=False)
        else:
            times = (decision.decided - trigger_t, self._clock() - held - trigger_t)
            self.switched.append(Switched(config.name, decision.key, *times))

    def _miss(self, config: OutputConfig, decision: Decision, reason: str, *, certain: bool) -> None:
        self.missed += 1
        self._told(Missed(config.name, decision, reason, certain, config.deadline_s))
