"""Quality inspection as a part of the running agent: built from the config, fed by one camera, told to the recorder."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_agent.inspect.assets import FolderAssets
from edge_agent.inspect.live.drift import DriftWatches
from edge_agent.inspect.live.events import happening_of, missed_event
from edge_agent.inspect.live.inputs import Input, inputs_of
from edge_agent.inspect.live.messages import TriggerReader, name_of, reading_from
from edge_agent.inspect.live.outputs import Missed, Outputs
from edge_agent.inspect.live.record import Keeping, LiveRecord
from edge_agent.inspect.live.shadow import LiveShadow
from edge_agent.inspect.live.station import Decision, Station
from edge_agent.inspect.live.watch import Watcher, watches_of
from edge_agent.inspect.settings import HttpSource, HttpTrigger, InspectionConfig, LiveConfig
from edge_agent.inspect.store import DEFAULT_STORE
from edge_agent.live.worker import Happening
from vision.errors import InputError
from vision.frame import Frame
from vision.inspect.fusion import Board
from vision.inspect.inspector import Inspector
from vision.inspect.vibration import VibrationModel

log = logging.getLogger("sightline.inspection")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`folder`: the config's, which paths of the recipe count from. `put` takes events; `clock` is that of the frames."""

    folder: Path
    data_dir: Path
    put: Callable[[Happening], None]
    clock: Callable[[], float] = time.time


class LiveInspection:
    """One line. `start` and `close` in the event loop; `frame` from any thread."""

    def __init__(self, config: InspectionConfig, shared: Surroundings) -> None:
        """Read all that the recipe names. Raises `SightlineError` where something of it cannot be used."""
        assert config.live is not None
        self.live: LiveConfig = config.live
        self.recipe = config.recipe
        self.verdicts: Counter[str] = Counter()
        self._shared = shared
        self._assets = FolderAssets(shared.folder)
        inspector = Inspector(self.recipe, self._assets)
        store = self.live.shadow_store or DEFAULT_STORE
        self._shadow = LiveShadow(self.live.shadow, store) if self.live.shadow is not None else None
        self._board = Board(self.live.sensors, _vibration(self.live))
        self._station = Station(inspector, self.live.window, self._board, self._decided, shared.clock)
        self._outputs = Outputs(self.live.outputs, self._missed, shared.clock)
        self._inputs: list[Input] = inputs_of(self.live, self._station.trigger, self._station.reading, shared.clock)
        self._http = TriggerReader("http")
        self._waits: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._watcher: Watcher | None = None
        self._record: LiveRecord | None = None
        self._drift = DriftWatches()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Begin to listen, to look, to switch."""
        self._loop = asyncio.get_running_loop()
        if self.live.keep != "none":
            keeping = Keeping(self.live.keep, int(self.live.keep_gb * 1e9), self._shadow)
            folder, now = self._shared.data_dir / "inspection", self._shared.clock()
            self._record = await asyncio.to_thread(LiveRecord, folder, self.recipe, self._assets, keeping, now)
        await self._outputs.start()
        self._station.start()
        watches = watches_of(self.live.triggers)
        self._watcher = Watcher(watches, self._station.trigger) if watches else None
        for one in self._inputs:
            one.start()
        log.info("inspecting", extra={"recipe": self.recipe.name, "camera": self.live.camera})

    async def close(self) -> None:
        """End in the order of the parts' way: what is under way is still decided, switched and kept."""
        await asyncio.gather(*(one.close() for one in self._inputs))
        if self._watcher is not None:
            await asyncio.to_thread(self._watcher.stop)
        await asyncio.to_thread(self._station.stop)
        await self._outputs.close()
        if self._record is not None:
            await asyncio.to_thread(self._record.stop)
        for waiting in self._waits.values():
            waiting.cancel()

    def frame(self, frame: Frame) -> None:
        """The next picture of the line's camera; returns at once."""
        self._station.frame(frame)
        if self._watcher is not None:
            self._watcher.frame(frame)

    # -- HTTP ---------------------------------------------------------------------------------------------------------

    async def trigger(self, content: dict[str, Any], wait_s: float) -> dict[str, Any]:
        """A call says that a part is there; with `wait_s` its verdict is waited for. Raises `InputError`."""
        if not any(isinstance(one, HttpTrigger) for one in self.live.triggers):
            raise InputError("this line takes no triggers by HTTP; add {type: http} to inspection.live.triggers")
        trigger = self._http.of(content, self._shared.clock())
        if wait_s > 0 and not trigger.part:
            raise InputError("a verdict can only be waited for where the part has a name; send part")
        waiting: asyncio.Future[dict[str, Any]] | None = None
        if wait_s > 0:
            waiting = self._waits.setdefault(trigger.part, asyncio.get_running_loop().create_future())
        fresh = self._station.trigger(trigger)
        told: dict[str, Any] = {"part": trigger.part, "accepted": fresh}
        if waiting is None:
            return told
        try:
            async with asyncio.timeout(wait_s if fresh else 0):
                return told | await asyncio.shield(waiting)
        except TimeoutError:
            return told | {"verdict": None}
        finally:
            self._waits.pop(trigger.part, None)

    def reading(self, content: dict[str, Any]) -> None:
        """A call brings a reading of a sensor. Raises `InputError` where the line has no such sensor by HTTP."""
        name = name_of(content.get("sensor"))
        known = [sensor.name for sensor in self.live.sensors if isinstance(sensor.source, HttpSource)]
        if name not in known:
            raise InputError(f"no sensor '{name}' takes readings by HTTP; there are: {', '.join(known) or 'none'}")
        self._station.reading(reading_from(name, content, self._shared.clock()))

    def status(self) -> dict[str, Any]:
        """How the line stands."""
        times = [one.acknowledged_s for one in self._outputs.switched]
        return {
            "recipe": {"name": self.recipe.name, "version": self.recipe.version},
            "camera": self.live.camera,
            "verdicts": {kind: self.verdicts[kind] for kind in ("pass", "reject", "no_decision")},
            "repeated_triggers": self._station.repeated,
            "outputs": {"acknowledged": len(times), "missed": self._outputs.missed},
            "latency_s": round(times[-1], 4) if times else None,
            "clock_skew_s": {name: round(one.skew.seconds, 3) for name, one in self._board.sensors.items()},
            "shadow": None
            if self._shadow is None
            else {"model": self._shadow.reference, "left_out": self._shadow.left_out},
            "record": None if self._record is None else self._record.folder.name,
        }

    # -- what the station tells, in its thread --------------------------------------------------------------------------

    def _decided(self, decision: Decision) -> None:
        """Outputs first: they have a deadline."""
        self._outputs.decide(decision)
        outcome = decision.verdict.outcome
        self.verdicts[outcome] += 1
        self._answer(decision)
        if self.live.events == "all" or outcome != "pass":
            digest = self._record.digest if self._record is not None else ""
            camera, severity = self.live.camera, self.live.severity
            self._shared.put(happening_of(decision, self.recipe, camera, severity, digest))
        for drifted in self._drift.update(decision, self.live.camera):
            log.warning("the score of good parts rises", extra={"check": drifted.facts["check"], "part": decision.key})
            self._shared.put(Happening(drifted, None, None))
        if self._record is not None:
            self._record.put(decision)

    def _answer(self, decision: Decision) -> None:
        """To the call that waits for this verdict."""
        waiting, loop = self._waits.get(decision.trigger.part), self._loop
        if waiting is None or loop is None:
            return
        verdict = decision.verdict
        told = {
            "verdict": verdict.outcome,
            "reasons": list(verdict.reasons),
            "boxes": [[round(side, 2) for side in finding.box] for finding in verdict.findings],
            "ms": round((decision.decided - decision.trigger.t) * 1000, 2),
        }

        def done() -> None:
            if not waiting.done():
                waiting.set_result(told)

        loop.call_soon_threadsafe(done)

    def _missed(self, missed: Missed) -> None:
        log.error("output %s: %s", missed.output, missed.reason, extra={"part": missed.decision.key})
        self._shared.put(Happening(missed_event(missed, self.live.camera), None, None))


def _vibration(live: LiveConfig) -> dict[str, VibrationModel]:
    """What good parts sound like, by sensor. Raises `InputError` where a file cannot be used."""
    found = {}
    for sensor in live.sensors:
        if sensor.vibration is None:
            continue
        try:
            data = sensor.vibration.read_bytes()
        except OSError as error:
            raise InputError(f"{sensor.vibration}: cannot be read ({error.strerror}); check `vibration`") from None
        found[sensor.name] = VibrationModel.loads(data, sensor.vibration.name)
    return found
