"""The running agent: builds its parts, keeps them going, applies a changed config, and ends in order.

    feeds -> scheduler -> pipelines -> recorder -> store -> outbox -> receivers
                                          |-> evidence (pictures, clips)      ^-- API, terminal view look at all of it

The event loop runs the outbox, the API and a tick a second; everything that looks at pictures has threads of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import cv2

from edge_agent.config import Config
from edge_agent.config.detector import AgentDetector, open_detector_for
from edge_agent.inspect.live.line import Line
from edge_agent.inspect.live.service import LiveInspection
from edge_agent.language.asked import AskedKeeper
from edge_agent.language.service import Describer
from edge_agent.language.settings import asking_for, model_for, model_settings
from edge_agent.language.status import LanguageStatus
from edge_agent.live.alerts import Alerts
from edge_agent.live.camera import LiveCamera, Surroundings
from edge_agent.live.changes import Changes, changes, fixed_change
from edge_agent.live.commit import StoreCommitter
from edge_agent.live.evidence import LiveEvidence
from edge_agent.live.folder import DataFolder
from edge_agent.live.hub import Hub, Listener
from edge_agent.live.memory import few_arenas, freeze, give_back
from edge_agent.live.recorder import Recorder, Wording
from edge_agent.live.recover import close_interrupted
from edge_agent.live.reloading import read_again
from edge_agent.live.retention import Retention
from edge_agent.live.scheduler import Scheduler
from edge_agent.live.service import ApiService
from edge_agent.live.status import AgentStatus, CameraStatus, Reloaded
from edge_agent.live.system_events import AGENT, system_event
from edge_agent.live.threads import cores
from edge_agent.live.worker import Happening
from edge_agent.uplink.tier import CloudTier
from vision.delivery.records import OutboxStats
from vision.delivery.store import Store, open_store
from vision.errors import SightlineError, StoreError
from vision.events import Event, Fact
from vision.media.live.clock import wall_clock

log = logging.getLogger("sightline.agent")

_TICK_S = 0.5
_STATS_S = 2.0
_TRIM_S = 30.0
# Ten seconds in all from the signal to the end: what each part may take of them.
_STOP_FEEDS_S, _STOP_STEPS_S, _STOP_FLUSH_S, _STOP_CLIPS_S, _STOP_COMMIT_S, _STOP_SEND_S = 2.0, 0.7, 1.0, 2.0, 1.0, 1.8
_STOP_WORDS_S = 0.5


@dataclass(slots=True)
class _Looking:
    """What changes together when the model or the sharing of the cores changes."""

    detector: AgentDetector
    scheduler: Scheduler


class Agent:
    """One agent with one config file. Use: `await Agent(path, config).run(stop)`. An `AgentView` for API and terminal."""

    def __init__(
        self, path: Path, config: Config, folder: DataFolder, *, clock: Callable[[], float] = wall_clock.now
    ) -> None:
        self.path = path
        self.config = config
        self.started = clock()
        self.hub = Hub()
        self.cameras: dict[str, LiveCamera] = {}
        self._clock = clock
        self._folder = folder
        self._store: Store | None = None
        self._stats = OutboxStats()
        self._stats_at = self._trimmed_at = 0.0
        self._config_error: str | None = None
        self._storage_low: Event | None = None
        self._changing = asyncio.Lock()
        self._running = False
        self._cloud = CloudTier(folder.path, path.resolve().parent, system=clock)
        self._line = Line(path.resolve().parent, folder.path, self._inspected, clock)
        self.up = asyncio.Event()  # set once everything has been started

    # -- life ---------------------------------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Start everything, work until `stop` is set, and end within ten seconds. Raises what prevents the start."""
        few_arenas()
        cv2.setNumThreads(1)  # the scheduler's threads are the parallelism; OpenCV's own only cost
        try:
            await self._start()
            freeze()
            log.info("running", extra={"cameras": len(self.cameras), "model": self._looking.detector.description})
            while not stop.is_set():
                await self._tick()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_TICK_S):
                        await stop.wait()
        finally:
            await self._stop()

    async def _start(self) -> None:
        config, folder = self.config, self._folder.path
        url = config.store.url.filled_in() if config.store.url is not None else None
        self._store = store = await asyncio.to_thread(open_store, url, folder)
        detector = await asyncio.to_thread(open_detector_for, config)
        self._looking = _Looking(detector, Scheduler(config.inference.workers or cores(), batch=detector.batch))
        self._alerts = Alerts(store, folder, self._clock)
        await self._alerts.start(config)
        clips = config.evidence.clips
        self._committer = StoreCommitter(
            store, self._alerts.policy, self._clock, post_s=config.evidence.post_s if clips else None
        )
        self._retention = Retention(folder, config.evidence, store, self._clock, self._low, self._room_again)
        wording = Wording(config.language.locale, config.language.zone)
        self._recorder = Recorder(self._committer, None, self.hub, wording, folder / "unsaved.jsonl")
        self._recorder.on_commit = self._alerts.wake
        self._evidence = self._new_evidence()
        self._describer = self._new_describer()
        self._recorder.start()
        await asyncio.to_thread(close_interrupted, store, self._committer)
        self._evidence.start()
        self._retention.start()
        self._api = ApiService(self, self._folder)
        await self._api.start(config.api)
        await self._cloud.apply(config, detector)
        await self._line.apply(config.inspection)
        self._running = True
        for camera in config.cameras:
            self._add(camera.name)
        self.up.set()

    async def _stop(self) -> None:
        """In the order of the frames' way, so that what is under way still arrives."""
        self._running = False
        if self._store is None:
            return
        with contextlib.suppress(AttributeError):  # parts that a failed start never made
            await asyncio.gather(*(asyncio.to_thread(c.stop, _STOP_FEEDS_S) for c in self.cameras.values()))
            await self._cloud.stop()
            await self._line.close()
            await asyncio.to_thread(self._looking.scheduler.stop, _STOP_STEPS_S)
            await asyncio.to_thread(self._recorder.flush, _STOP_FLUSH_S)
            if self._describer is not None:
                await asyncio.to_thread(self._describer.stop, _STOP_WORDS_S)
            await asyncio.to_thread(self._evidence.finish, _STOP_CLIPS_S)
            await asyncio.to_thread(self._recorder.stop, _STOP_COMMIT_S)
            await asyncio.to_thread(self._retention.stop, 0.5)
            await self._alerts.stop(_STOP_SEND_S)
            await self._api.stop()
        await asyncio.to_thread(self._store.close)
        log.info("stopped")

    async def _tick(self) -> None:
        now = self._clock()
        for camera in tuple(self.cameras.values()):
            camera.tick(now)
        if time.monotonic() - self._trimmed_at > _TRIM_S:
            self._trimmed_at = time.monotonic()
            await asyncio.to_thread(give_back)
        if time.monotonic() - self._stats_at > _STATS_S:
            self._stats_at = time.monotonic()
            with contextlib.suppress(StoreError):
                self._stats = await asyncio.to_thread(self.store.stats, now)
            if self._describer is not None:
                await asyncio.to_thread(self._describer.ease)

    # -- parts --------------------------------------------------------------------------------------------------------

    def _new_evidence(self) -> LiveEvidence:
        evidence = LiveEvidence(
            self._folder.path, self.config.evidence, self._recorder.attach, self._clock, room=self._retention
        )
        self._recorder.keeper = evidence
        return evidence

    def _new_describer(self) -> Describer | None:
        """The language model's thread; None where the template words all events."""
        model = model_for(self.config.language, behind=True)
        describer = None
        if model is not None:
            describer = Describer(
                model, asking_for(self.config), self._recorder.described, deadline_s=self.config.language.deadline_s
            )
            describer.start()
        self._recorder.describer = describer
        self._recorder.asked = self._new_asked() if describer is not None else None
        return describer

    def _new_asked(self) -> AskedKeeper:
        """Keeps what the model was asked, beside the evidence."""
        return AskedKeeper(
            self._folder.path,
            model_settings(self.config.language),
            locale=self.config.language.locale,
            pictures=self.config.evidence.snapshots,
            daily=True,
            clock=self._clock,
            make_room=self._retention.make_room,
            wrote=self._retention.wrote,
        )

    def _add(self, name: str) -> None:
        if not self.config.camera(name).looks:
            return  # its pictures are the cloud tier's
        shared = Surroundings(
            folder=self.path.resolve().parent,
            scheduler=self._looking.scheduler,
            recorder=self._recorder,
            evidence=self.config.evidence,
            on_change=self._alerts.online,
            shots=self._describer is not None,
            clock=self._clock,
            on_alarm=self._cloud.alarm,
            on_frame=self._line.frame,
        )
        camera = LiveCamera(self.config.camera(name), self._looking.detector, shared)
        self.cameras[name] = camera
        camera.start()

    def _inspected(self, happening: Happening) -> None:
        """A verdict, or an output that was not acknowledged; from any thread."""
        self._recorder.put(happening)

    @property
    def inspection(self) -> LiveInspection | None:
        """The line that is inspected; None where there is none."""
        return self._line.inspection

    async def _remove(self, name: str) -> None:
        camera = self.cameras.pop(name)
        await asyncio.to_thread(camera.stop, _STOP_FEEDS_S)

    def _low(self, facts: dict[str, Fact]) -> None:
        """Evidence does not fit any more; called by the retention's thread."""
        if self._storage_low is None:
            self._storage_low = system_event("storage_low", AGENT, self._clock(), facts=facts)
            self._recorder.put(Happening(self._storage_low, None, None))

    def _room_again(self, facts: dict[str, Fact]) -> None:
        event, self._storage_low = self._storage_low, None
        if event is not None:
            closed = {"end": self._clock(), "state": "closed", "facts": event.facts | facts}
            self._recorder.put(Happening(event.model_copy(update=closed), None, None))

    # -- a changed config ---------------------------------------------------------------------------------------------

    async def reload(self) -> Reloaded:
        """Read the config file again and apply what changed; a wrong one is refused and the old one goes on."""
        async with self._changing:
            done = await self._reload()
        self._config_error = done.error
        if not done.ok:
            log.error("the new config is refused, the old one goes on: %s", done.error)
        else:
            log.info(
                "config read again",
                extra={
                    "started": done.started,
                    "stopped": done.stopped,
                    "restarted": done.restarted,
                    "changed": done.changed,
                },
            )
        return done

    async def _reload(self) -> Reloaded:
        try:
            config, detector = await asyncio.to_thread(read_again, self.path, self.config, self._looking.detector)
        except SightlineError as error:
            return Reloaded(ok=False, error=str(error))
        if why := fixed_change(self.config, config):
            return Reloaded(ok=False, error=f"{self.path}: {why}")
        todo = changes(self.config, config)
        old, self.config = self.config, config
        try:
            await self._apply(todo, detector)
        except SightlineError as error:
            self.config = old
            await self._apply(changes(config, old), self._looking.detector)
            return Reloaded(ok=False, error=str(error))
        return Reloaded(
            ok=True, started=todo.started, stopped=todo.stopped, restarted=todo.restarted, changed=todo.parts
        )

    async def _apply(self, todo: Changes, detector: AgentDetector) -> None:
        """Bring the parts to what `self.config` says."""
        config = self.config
        if todo.alerts:
            await self._alerts.restart(config)
            self._committer.policy = self._alerts.policy
        if todo.words:
            await self._renew_words()
        if todo.api:
            await self._api.restart(config.api)
        shots = self._describer is not None
        whole = todo.evidence or todo.model or todo.inference or any(c.shots != shots for c in self.cameras.values())
        for name in todo.restarted:
            live, wanted = self.cameras.get(name), config.camera(name)
            if not whole and live is not None and live.takes(wanted):
                await asyncio.to_thread(live.renew, wanted)
        changed = [n for n in todo.restarted if n in self.cameras and self.cameras[n].config != config.camera(n)]
        leave = (*todo.stopped, *(todo.restarted if whole else changed))
        await asyncio.gather(*(self._remove(name) for name in leave if name in self.cameras))
        if todo.evidence:
            await self._renew_evidence()
        if todo.model or todo.inference:
            await asyncio.to_thread(self._looking.scheduler.stop)
            scheduler = Scheduler(config.inference.workers or cores(), batch=detector.batch)
            self._looking = _Looking(detector, scheduler)
        await self._cloud.apply(config, detector)
        if todo.inspection:
            await self._line.apply(config.inspection)
        for camera in config.cameras:
            if camera.name not in self.cameras:
                self._add(camera.name)

    async def _renew_words(self) -> None:
        """Another language or model; what waits for the old one has its words from the template."""
        if self._describer is not None:  # first, so that two models need not fit into the memory at a time
            await asyncio.to_thread(self._describer.stop, _STOP_WORDS_S)
        self._describer = self._new_describer()
        self._recorder.wording = Wording(self.config.language.locale, self.config.language.zone)

    async def _renew_evidence(self) -> None:
        """Clips that are being made are finished with the old settings, beside the new ones."""
        before = self._evidence
        self._evidence = self._new_evidence()
        self._evidence.start()
        if self._describer is not None:
            self._recorder.asked = self._new_asked()
        self._retention.configure(self.config.evidence)
        self._committer.post_s = self.config.evidence.post_s if self.config.evidence.clips else None
        await asyncio.to_thread(before.finish, 5.0)

    # -- what it tells of itself (AgentView) --------------------------------------------------------------------------

    @property
    def store(self) -> Store:
        """The store."""
        assert self._store is not None
        return self._store

    def status(self) -> AgentStatus:
        """How things stand."""
        return AgentStatus(
            version=version("sightline"),
            started=self.started,
            config=str(self.path),
            cameras=self._statuses(),
            outbox=self._stats,
            targets={**self._alerts.status(), **self._cloud.targets()},
            model=self._looking.detector.description,
            evidence_bytes=self._retention.used_bytes,
            disk_free_bytes=self._retention.free_bytes,
            config_error=self._config_error,
            language=self._language(),
        )

    def _statuses(self) -> list[CameraStatus]:
        """In the order of the config; cameras that are opened only for a picture tell through the cloud tier."""
        found = {status.name: status for status in self._cloud.cameras()}
        found |= {name: camera.status() for name, camera in tuple(self.cameras.items())}
        return [found[c.name] for c in self.config.cameras if c.name in found]

    def _language(self) -> LanguageStatus | None:
        """How the language model stands; None where there is none."""
        return None if self._describer is None else replace(self._describer.status(), withheld=self._recorder.withheld)

    def ready(self) -> list[str]:
        """What is missing for the agent to do its work."""
        if not self._running:
            return ["starting or stopping"]
        states = {name: camera.state for name, camera in tuple(self.cameras.items())}
        if any(state == "online" for state in states.values()):
            return []
        return [f"camera {name}: {state}" for name, state in states.items()]

    def picture(self, camera: str, *, overlay: bool = True, width: int | None = None) -> tuple[float, bytes] | None:
        """The newest picture of a camera; KeyError for an unknown one."""
        return self.cameras[camera].picture(overlay=overlay, width=width)

    def subscribe(self) -> Listener:
        """Listen to events from now on."""
        return self.hub.subscribe()
