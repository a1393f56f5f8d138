"""A link to an MQTT broker that is kept alive: reconnects with full-jitter back-off, and keeps retained topics true.

    waiting ──> connecting ──ok──> up ──lost, frozen, taken over──> waiting
       ^             │
       └──named fault┘                 `close` from anywhere: good-bye, then silence

Messages that must not be lost are published through `publish`, which says when it did not work; what is merely a state
(online, a rule's ON, a picture) is put into `Link.states`, and the link sees to it that the broker has the newest value,
also after the broker has forgotten everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from vision.delivery.backoff import full_jitter
from vision.delivery.mqtt_connection import Connection, Incoming, open_connection
from vision.delivery.mqtt_settings import Choice, Denied, MqttFault, Settings

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 10.0
AFTER_REFUSAL_S = 60.0  # so that no account is locked
STABLE_S = 10.0
FATAL = 3  # a state at which the broker hung up so often is left out
LARGE = 1024
BRIEF = 4  # so many connections in a row that were lost at once are no accident
CLOSE_S = 1.5

log = logging.getLogger("sightline.mqtt")


@dataclass(frozen=True, slots=True)
class State:
    """What a topic should say; an empty payload removes a retained one."""

    payload: bytes
    content_type: str | None = None
    retain: bool = True


class States:
    """The newest value of each topic that is a state, and which of them the broker does not have yet."""

    def __init__(self) -> None:
        self._values: dict[str, State] = {}
        self._waiting: dict[str, None] = {}  # in the order of change
        self.changed = asyncio.Event()

    def __contains__(self, topic: str) -> bool:
        return topic in self._values

    def get(self, topic: str) -> State | None:
        """What the topic should say."""
        return self._values.get(topic)

    def set(self, topic: str, state: State) -> None:
        """Say this from now on; what was to be said before and is not yet said is left out."""
        if self._values.get(topic) != state:
            self._values[topic] = state
            self.again(topic)

    def again(self, topic: str) -> None:
        """Say it once more."""
        self._waiting.pop(topic, None)
        self._waiting[topic] = None
        self.changed.set()

    def remove(self, topic: str) -> None:
        """Take a retained value off the broker, once."""
        self._values[topic] = State(b"")
        self.again(topic)

    def all_again(self) -> None:
        """The broker may have forgotten everything."""
        self._waiting = dict.fromkeys(self._values)
        self.changed.set()

    def next(self) -> tuple[str, State] | None:
        """What is to be said next."""
        for topic in self._waiting:
            return topic, self._values[topic]
        self.changed.clear()
        return None

    def said(self, topic: str, state: State) -> None:
        """The broker has it."""
        if self._values.get(topic) == state:
            self._waiting.pop(topic, None)
            if not state.payload:
                self._values.pop(topic, None)


class Link:
    """A broker, reached or not. For one event loop."""

    def __init__(
        self,
        settings: Settings,
        version: Choice,
        *,
        topics: Sequence[str] = (),
        heard: Callable[[Incoming], None] = lambda _: None,
        up: Callable[[], None] = lambda: None,
        farewell: Callable[[Connection], Awaitable[None]] | None = None,
    ) -> None:
        """`topics` are subscribed to at every connection, `heard` gets what comes.

        `up` is called when messages can be sent, `farewell` has the last word.
        """
        self.settings = settings
        self.states = States()
        self.fault: MqttFault | None = None
        self._version = version
        self._topics, self._heard, self._up, self._farewell = tuple(topics), heard, up, farewell
        self._connection: Connection | None = None
        self._settled = asyncio.Event()  # the first attempt is over, or there is a connection
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._denied: set[str] = set()
        self._fatal: dict[str, tuple[State, int]] = {}
        self._was_up = False
        self._told: str | None = None

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._task = asyncio.create_task(self._run(), name="mqtt-link")

    @property
    def connection(self) -> Connection | None:
        """The connection, None while there is none."""
        return self._connection

    async def reached(self, wait_s: float = 1.0) -> Connection:
        """The connection; waits a little for the very first one. Raises `MqttFault`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._settled.wait()
        if self._connection is None:
            raise self.fault or MqttFault("unreachable", f"{self.settings.place} has not answered yet")
        return self._connection

    async def close(self) -> None:
        """Say good-bye and end, within two seconds: a broker that does not answer is not waited for."""
        self._stop.set()
        task, self._task = self._task, None
        if task is None:
            return
        try:
            await asyncio.wait({task}, timeout=CLOSE_S)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        loop, failures, brief = asyncio.get_running_loop(), 0, 0
        while not self._stop.is_set():
            began, self._was_up = loop.time(), False
            fault = await self._once()
            if fault is None:
                break
            lasted = loop.time() - began
            failures = 1 if self._was_up and lasted > STABLE_S else failures + 1
            brief = brief + 1 if self._was_up and lasted <= STABLE_S else 0
            self._tell(_suspicion(self.settings) if brief >= BRIEF and fault.kind == "lost" else fault)
            self._settled.set()
            longest = AFTER_REFUSAL_S if fault.kind == "auth" else LONGEST_WAIT_S
            wait = full_jitter(failures, random.random, base_s=FIRST_WAIT_S, cap_s=longest)
            await self._pause(wait)

    async def _once(self) -> MqttFault | None:
        """One connection from beginning to end: why it ended, None when we wanted it to."""
        opening = asyncio.create_task(open_connection(self.settings, self._version, self._heard))
        stopping = asyncio.create_task(self._stop.wait())
        connection: Connection | None = None
        try:
            await asyncio.wait({opening, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not opening.done():
                return None
            connection = opening.result()
            return await self._live(connection)
        except MqttFault as fault:
            return fault
        except Exception as error:  # whatever it is, the next attempt may work
            log.debug("%s: internal error", self.settings.place, exc_info=True)
            return MqttFault("lost", f"{self.settings.place}: internal error: {type(error).__name__}")
        finally:
            for task in (opening, stopping):
                task.cancel()
            await asyncio.gather(opening, stopping, return_exceptions=True)
            self._connection = None
            if connection is not None:
                connection.abort()

    async def _live(self, connection: Connection) -> MqttFault | None:
        """Use a connection until it is lost (why) or we are closed (None). Raises `MqttFault`."""
        await self._begin(connection)
        steady = asyncio.get_running_loop().call_later(STABLE_S, self._steady)
        waits = [asyncio.create_task(event.wait()) for event in (connection.lost, self._stop)]
        telling = asyncio.create_task(self._keep_telling(connection))
        try:
            await asyncio.wait({*waits, telling}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            steady.cancel()
            for task in (*waits, telling):
                task.cancel()
            await asyncio.gather(*waits, telling, return_exceptions=True)
        if connection.fault is not None or not self._stop.is_set():
            return connection.fault or MqttFault("lost", f"connection to {self.settings.place} lost")
        self._connection = None
        with contextlib.suppress(MqttFault, Denied):
            await self._tell_all(connection)
            if self._farewell is not None:
                await self._farewell(connection)
        await connection.close()
        return None

    async def _begin(self, connection: Connection) -> None:
        """Listen, tell of our birth, then let messages through."""
        if self._topics:
            for topic in await connection.subscribe(self._topics):
                log.warning("%s: the broker does not let us listen to %s", self.settings.place, topic)
        self._denied.clear()
        self._was_up, self.fault = True, None
        if self._told is None:
            log.info("%s: connected, MQTT %s", self.settings.place, connection.version)
        self.states.all_again()
        await self._tell_next(connection)  # the first of them, our birth, comes before any event
        self._connection = connection
        self._settled.set()
        self._up()

    async def _keep_telling(self, connection: Connection) -> None:
        """Bring the states to the broker, as they change."""
        with contextlib.suppress(MqttFault):
            while True:
                await self._tell_all(connection)
                await self.states.changed.wait()

    async def _tell_all(self, connection: Connection) -> None:
        """Bring all states to the broker that it does not have yet. Raises `MqttFault`."""
        while await self._tell_next(connection):
            pass

    async def _tell_next(self, connection: Connection) -> bool:
        """Bring one state to the broker; False where it has all. Raises `MqttFault`."""
        found = self.states.next()
        if found is None:
            return False
        topic, state = found
        if self._fatal.get(topic, (state, 0)) != (state, FATAL):
            await self._publish(connection, topic, state)
        self.states.said(topic, state)
        return True

    async def _publish(self, connection: Connection, topic: str, state: State) -> None:
        """Publish a state. A large one at which the broker hangs up every time is left out: it would keep all else back."""
        content_type = state.content_type if state.payload else None
        try:
            await connection.publish(topic, state.payload, retain=state.retain, content_type=content_type)
        except Denied as denied:
            if topic not in self._denied:
                self._denied.add(topic)
                log.warning("%s: %s", self.settings.place, denied)
        except MqttFault as fault:
            before, times = self._fatal.get(topic, (state, 0))
            if fault.kind == "lost" and len(state.payload) >= LARGE:
                self._fatal[topic] = (state, times + 1 if before == state else 1)
                if self._fatal[topic][1] == FATAL:
                    size = len(state.payload)
                    log.warning("%s: hangs up at %s (%d bytes), left out", self.settings.place, topic, size)
            raise
        self._fatal.pop(topic, None)

    def _tell(self, fault: MqttFault) -> None:
        """Log a fault once, not at each attempt, nor each time that a connection is lost as soon as it is there."""
        told = f"{fault.kind}: {fault}"
        if told != self._told:
            log.warning("%s", fault, extra={"broker": self.settings.place, "fault": fault.kind})
        self.fault, self._told = fault, told

    def _steady(self) -> None:
        """The connection holds: from now on trouble is news."""
        if self._told is not None:
            log.info("%s: connected again", self.settings.place, extra={"broker": self.settings.place})
        self._told = None

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()


def _suspicion(settings: Settings) -> MqttFault:
    text = f"{settings.place} drops us again and again; does another agent have the id {settings.client_id}? "
    return MqttFault("taken over", text + "each needs its own `site`")
