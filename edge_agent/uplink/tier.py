"""The cloud tier of a running agent: its stations, the spool, the way up; alarms of cameras with a detector as gate.

station (one thread a picture) --.
alarm of a watched camera -------+--> spool --> uploader --> intake
wish of the cloud <--------------'                  '--> (station)
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from edge_agent.config.cloudcheck import times_of
from edge_agent.config.models import CameraConfig, Config
from edge_agent.live.address import address_of
from edge_agent.live.status import CameraState, CameraStatus
from edge_agent.live.worker import Happening
from edge_agent.uplink.answers import Answer
from edge_agent.uplink.device_clock import DeviceClock
from edge_agent.uplink.link import CloudLink, Link
from edge_agent.uplink.maker import Maker, Told
from edge_agent.uplink.parcel import Parcel
from edge_agent.uplink.people import PERSON, Everybody, Faces, PeopleFinder, Persons
from edge_agent.uplink.settings import UplinkConfig
from edge_agent.uplink.shot import ShotTaker
from edge_agent.uplink.spool import Limits, Spool, SpoolStats
from edge_agent.uplink.station import Station
from edge_agent.uplink.uploader import Uploader
from vision.capture.quality import Gate, judge
from vision.detect.base import Detector
from vision.errors import ConfigError, SightlineError, StoreError
from vision.events import Event
from vision.frame import Picture
from vision.media.live.address import redacted
from vision.media.live.base import SourceOptions
from vision.wire.signing import Key

log = logging.getLogger("sightline.uplink")

SPOOL = "spool"
TARGET = "cloud"  # the name under which its state is told beside the receivers of alerts
_AT_ONCE = 2  # cameras that are opened at the same time: they share a radio
_WAITING_ALARMS = 64
_AGAIN_S = 10.0
_STOP_S = 2.0


class CloudTier:
    """Lives in the agent's event loop; `alarm` and `cameras` may be called from any thread."""

    def __init__(self, folder: Path, config_folder: Path, *, system: Callable[[], float] = time.time) -> None:
        self._folder, self._config_folder = folder, config_folder
        self.clock = DeviceClock(system)
        self._key: tuple[object, ...] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()
        self._news = asyncio.Event()  # the cloud wishes for something: stations look at once
        self._spool: Spool | None = None
        self._uploader: Uploader | None = None
        self._stations: dict[str, tuple[CameraConfig, Station]] = {}
        self._takers: list[ShotTaker] = []
        self._watched: dict[str, Maker] = {}
        self._alarms: asyncio.Queue[tuple[Event, Picture]] = asyncio.Queue(_WAITING_ALARMS)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.counts: Counter[str] = Counter()

    # -- life ---------------------------------------------------------------------------------------------------------

    async def apply(self, config: Config, detector: Detector) -> None:
        """Bring everything to what the config says; the parts go on where nothing of theirs has changed.

        Raises `ConfigError`, `ModelError`, `StoreError` where it cannot work so.
        """
        cameras = tuple(camera for camera in config.cameras if camera.tier == "cloud")
        key = (config.uplink, cameras, detector) if cameras else None
        if key == self._key:
            return
        await self.stop()
        if config.uplink is not None and cameras:
            await self._start(config, config.uplink, cameras, detector)
        self._key = key

    async def _start(
        self, config: Config, uplink: UplinkConfig, cameras: tuple[CameraConfig, ...], detector: Detector
    ) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        link = link_of(uplink, self.clock)
        finder = await asyncio.to_thread(finder_of, config, detector)
        self._spool = spool = await asyncio.to_thread(Spool, self._folder / SPOOL, limits_of(uplink), self.clock.now)
        self._uploader = uploader = Uploader(
            spool, link, clock=self.clock.now, random=random.random, on_answer=self._answered
        )
        for camera in cameras:
            maker = Maker(camera, uplink.site, finder)
            if camera.looks:
                self._watched[camera.name] = maker
            self._stations[camera.name] = (camera, self._station(camera, config, maker, spool))
        slots = asyncio.Semaphore(_AT_ONCE)
        work: list[Coroutine[Any, Any, None]] = [uploader.run(self._stop), self._keep_alarms(spool)]
        work += [self._attend(station, slots) for _, station in self._stations.values()]
        if uplink.ask_minutes:
            work.append(self._ask(link, spool, uplink.ask_minutes * 60))
        self._tasks = [asyncio.create_task(coroutine) for coroutine in work]
        log.info("the cloud tier is up", extra={"cameras": len(cameras), "waiting": spool.stats().waiting})

    async def stop(self) -> None:
        """End; what was not sent stays in the spool."""
        self._stop.set()
        for taker in self._takers:
            taker.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_STOP_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._stations, self._watched, self._takers, self._uploader = {}, {}, [], None
        spool, self._spool = self._spool, None
        if spool is not None:
            await asyncio.to_thread(spool.close)

    # -- alarms -------------------------------------------------------------------------------------------------------

    def alarm(self, happening: Happening) -> None:
        """A new event of a watched camera: its picture goes up before all others. Quick; from any thread."""
        event, picture, loop = happening.event, happening.picture, self._loop
        if event.camera not in self._watched or picture is None or loop is None:
            return
        try:
            loop.call_soon_threadsafe(self._offer, event, picture)
        except RuntimeError:  # the loop has ended
            return

    def _offer(self, event: Event, picture: Picture) -> None:
        if self._alarms.full():
            self.counts["alarms_lost"] += 1
            log.error("%s: pictures of alarms come faster than they can be kept; one is lost", event.camera)
            return
        self._alarms.put_nowait((event, picture))

    async def _keep_alarms(self, spool: Spool) -> None:
        while not self._stop.is_set():
            event, picture = await self._alarms.get()
            maker = self._watched.get(event.camera)
            if maker is None:
                continue
            await self._guarded(
                event.camera, partial(asyncio.to_thread, self._keep_alarm, spool, maker, event, picture)
            )
            if self._uploader is not None:
                self._uploader.wake()

    def _keep_alarm(self, spool: Spool, maker: Maker, event: Event, picture: Picture) -> None:
        """No gate here: an alarm is told even if its picture is a bad one."""
        image = picture.bgr()
        facts = {"event": event.id, "type": event.type, "rule": event.rule, "label": event.label, "score": event.score}
        quality = judge(image, Gate()).quality.values()
        told = Told(event.at, "detector", maker.capture.profile, quality=quality, facts=facts)
        parcel = maker.parcel(image, told)
        self.counts["people" if parcel is None else spool.put(parcel)] += 1

    # -- the loops ----------------------------------------------------------------------------------------------------

    async def _attend(self, station: Station, slots: asyncio.Semaphore) -> None:
        while not self._stop.is_set():
            wait = _AGAIN_S

            async def step() -> None:
                nonlocal wait
                async with slots:
                    wait = await asyncio.to_thread(station.step)

            await self._guarded(station.name, step)
            if self._uploader is not None:
                self._uploader.wake()
            await self._rest(wait, self._news)

    async def _ask(self, link: Link, spool: Spool, every_s: float) -> None:
        while not self._stop.is_set():
            wishes = await link.requests()
            if wishes:
                await self._guarded("cloud", partial(asyncio.to_thread, spool.ask, wishes))
                self._wake_stations()
            await self._rest(every_s)

    async def _guarded(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        """A fault is told, and the work goes on with the next picture."""
        try:
            await work()
        except StoreError as error:
            log.error("%s: %s", name, error)  # noqa: TRY400  # its text says it all
        except SightlineError as error:
            log.warning("%s: %s", name, error)
        except Exception:
            log.exception("%s: a picture for the cloud failed", name)

    async def _rest(self, seconds: float, news: asyncio.Event | None = None) -> None:
        waits = [asyncio.create_task(event.wait()) for event in (self._stop, news) if event is not None]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    def _answered(self, parcel: Parcel, answer: Answer) -> None:
        if answer.ack is not None and answer.ack.requests:
            self._wake_stations()

    def _wake_stations(self) -> None:
        """All that rest now; the next rest has an event of its own."""
        self._news.set()
        self._news = asyncio.Event()

    # -- parts --------------------------------------------------------------------------------------------------------

    def _station(self, camera: CameraConfig, config: Config, maker: Maker, spool: Spool) -> Station:
        capture, stream = maker.capture, camera.stream
        options = SourceOptions(
            transport=stream.transport, connect_s=stream.connect_s, stall_s=stream.stall_s, poll_s=stream.poll_s
        )
        address = address_of(camera.source, self._config_folder)
        taker = ShotTaker(address, options, capture.gate, settle_s=capture.settle_s, look_s=capture.look_s)
        self._takers.append(taker)
        times = times_of(capture, config)
        return Station(camera.name, times, maker, spool, taker.take, clock=self.clock.now, random=random.random)

    def cameras(self) -> list[CameraStatus]:
        """Cameras whose stream is opened only for a picture; those that are watched tell of themselves."""
        found = []
        for camera, station in tuple(self._stations.values()):
            if camera.looks:
                continue
            state = station.state()
            online: CameraState = "connecting" if state.last_t is None else "online"
            source = redacted(camera.source.text) if camera.source is not None else ""
            found.append(
                CameraStatus(
                    name=camera.name,
                    state="offline" if state.fault else online,
                    source=source,
                    fault=state.fault,
                    reason=state.reason,
                    since=state.last_t or 0.0,
                    width=state.size[0],
                    height=state.size[1],
                    transport="on demand",
                    last_t=state.last_t,
                    frames=sum(state.counts.get(word, 0) for word in ("stored", "refused")),
                    drops={
                        word: state.counts[word] for word in ("refused", "people", "missed") if word in state.counts
                    },
                )
            )
        return found

    def targets(self) -> dict[str, str]:
        """How the way up stands, as beside the receivers of alerts."""
        return {} if self._uploader is None else {TARGET: self._uploader.status()}

    def spool_stats(self) -> SpoolStats | None:
        """What waits; None where there is no cloud tier. May raise `StoreError`; blocks on the disk."""
        return None if self._spool is None else self._spool.stats()


def link_of(uplink: UplinkConfig, clock: DeviceClock) -> CloudLink:
    """The connection that the config describes. Raises `ConfigError` for an unset variable or a key that is none."""
    text = uplink.key.filled_in()
    try:
        key = Key.parse(text)
    except SightlineError as error:
        raise ConfigError(f"{uplink.key.place or 'uplink.key'}: {error}") from None
    if uplink.device is not None and key.device != uplink.device:
        raise ConfigError(f"{uplink.key.place or 'uplink.key'}: the key is for {key.device}, not for {uplink.device}")
    cap = uplink.max_kbit_s * 125 if uplink.max_kbit_s else None
    return CloudLink(uplink.url.filled_in(), key, clock, max_bytes_s=cap)


def limits_of(uplink: UplinkConfig) -> Limits:
    """The spool's limits."""
    return Limits(uplink.spool_mb << 20, uplink.expire_days * 86400, uplink.min_free_mb << 20)


def finder_of(config: Config, detector: Detector) -> PeopleFinder | None:
    """What finds people, where a camera wants that; None where none does. Raises `ModelError`."""
    wanted = any(c.capture is not None and c.capture.people != "allow" for c in config.cameras if c.tier == "cloud")
    if not wanted or config.uplink is None:
        return None
    faces = config.uplink.faces
    finders: list[PeopleFinder] = [] if faces is None else [Faces(faces)]
    if PERSON in detector.names or not finders:
        finders.append(Persons(detector))
    return Everybody(finders)
