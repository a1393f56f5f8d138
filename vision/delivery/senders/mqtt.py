"""Messages to an MQTT broker: events as they come, and topics that always tell how things stand (docs/mqtt.md)."""

from __future__ import annotations

import asyncio
import secrets
import zlib
from typing import Literal

from pydantic import Field

from vision.delivery.mqtt_broker import BrokerParams, TopicLevels
from vision.delivery.mqtt_connection import Connection, Incoming, open_connection
from vision.delivery.mqtt_homeassistant import Discovery
from vision.delivery.mqtt_link import Link, State, States
from vision.delivery.mqtt_settings import Denied, MqttFault, Settings
from vision.delivery.mqtt_topics import OFF, OFFLINE, ON, ONLINE, RuleKey, RuleStates, Topics, body, rule_of
from vision.delivery.senders.base import (
    AlertParams,
    Message,
    Refused,
    Retry,
    Sender,
    SenderContext,
    SendError,
    register,
)


class MqttAlert(BrokerParams, AlertParams):
    """Messages to an MQTT broker, and the state of cameras and rules, for Home Assistant too."""

    type: Literal["mqtt"] = "mqtt"
    topic: TopicLevels = Field("sightline", min_length=1, description="First part of the topic.")
    qos: Literal[0, 1, 2] = Field(
        1, description="Quality of service of events; 0 is not acknowledged, so events may be lost."
    )
    retain: bool = Field(True, description="The broker keeps the newest state, availability and picture for newcomers.")
    snapshots: bool = Field(True, description="Publish the picture of each camera's last event.")
    off_delay_s: float = Field(
        5.0, ge=0.1, le=3600, description="A rule's state stays ON for at least so many seconds after an alarm."
    )
    homeassistant: bool = Field(False, description="Announce cameras and rules to Home Assistant.")
    discovery_prefix: TopicLevels = Field("homeassistant", description="Topic under which Home Assistant listens.")


@register
class Mqtt(Sender[MqttAlert]):
    """Publishes each message with the broker's acknowledgement, and keeps the states of cameras and rules."""

    Params = MqttAlert

    def __init__(self, params: MqttAlert, context: SenderContext) -> None:
        """Raises `ConfigError` where the password's variable is not set."""
        super().__init__(params, context)
        self._password = None if params.password is None else params.password.filled_in()
        wanted = params.cameras
        self._cameras = tuple(w for w in context.cameras if wanted is None or w.camera in wanted)
        self._topics = Topics.of(params.topic, context.site)
        self._rules = RuleStates(params.off_delay_s, params.on)
        self._timer: asyncio.TimerHandle | None = None
        self._link: Link | None = None
        self._will = (self._topics.status, OFFLINE)
        self._discovery = Discovery(params.discovery_prefix, context.site, self._topics, self._cameras)

    async def start(self) -> None:
        """Begin to connect."""
        if self._link is not None:
            return
        topics = self._topics.own + (self._discovery.listens_to if self.params.homeassistant else ())
        settings = self._settings(self.params.client_id or self._default_id())
        self._link = Link(
            settings, self.params.version, topics=topics, heard=self._heard, up=self._up, farewell=self._farewell
        )
        self._fill(self._link.states)
        self._link.start()

    def _settings(self, client_id: str, *, will: bool = True) -> Settings:
        last_words = self._will if will else None
        return self.params.settings(client_id, self._password, will=last_words, will_retain=self.params.retain)

    def _default_id(self) -> str:
        """The same at each start, so that a broker replaces a dead connection of ours; other for each target."""
        return f"sightline-{self.context.site}-{zlib.crc32(self.params.model_dump_json().encode()):08x}"

    def _fill(self, states: States) -> None:
        """How things stand before anything has been said; what an earlier run left at the broker is overwritten."""
        states.set(self._topics.status, self._state(ONLINE))
        for watched in self._cameras:
            states.set(self._topics.availability(watched.camera), self._state(OFFLINE))
            for rule, _ in watched.rules:
                states.set(self._topics.state(watched.camera, rule), self._state(OFF))
        if self.params.homeassistant:
            for topic, payload in self._discovery.payloads():
                states.set(topic, State(payload, "application/json"))

    def _state(self, payload: bytes) -> State:
        return State(payload, retain=self.params.retain)

    async def send(self, message: Message) -> None:
        """Publish it and wait for the broker's acknowledgement."""
        link = self._started()
        topic = self._topics.event(rule_of(message.event)[0])
        pairs = [("id", message.id), ("stage", message.stage), ("subject", message.subject)]
        payload = body(message, self.context.site, self._links(message))
        try:
            connection = await link.reached()
            await connection.publish(topic, payload, qos=self.params.qos, content_type="application/json", pairs=pairs)
        except MqttFault as fault:
            raise Retry(f"broker {link.settings.place} not connected: {fault}") from None
        except Denied as denied:
            raise (Refused if denied.forever else Retry)(str(denied)) from None
        key = self._rules.take(message, asyncio.get_running_loop().time())
        if key is not None:
            self._show(key)

    def _started(self) -> Link:
        if self._link is None:
            raise Retry("not started")
        return self._link

    def _links(self, message: Message) -> dict[str, str]:
        evidence = message.event.get("evidence") or {}
        link = self.context.link
        return {kind: link(path) for kind, path in evidence.items() if path and link is not None}

    def _show(self, key: RuleKey) -> None:
        """Put a rule's state into its topic, and see to it that it turns OFF in time."""
        now = asyncio.get_running_loop().time()
        self._started().states.set(self._topics.state(*key), self._state(ON if self._rules.on(key, now) else OFF))
        self._settle()

    def _settle(self) -> None:
        """Turn OFF what is over, and come again when the next one is."""
        loop = asyncio.get_running_loop()
        gone, following = self._rules.turning(loop.time())
        for key in gone:
            self._started().states.set(self._topics.state(*key), self._state(OFF))
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if following is None else loop.call_at(following + 0.001, self._settle)

    async def online(self, camera: str, up: bool) -> None:
        """Show a camera as there or not."""
        if self._link is not None and self._shows(camera):
            self._link.states.set(self._topics.availability(camera), self._state(ONLINE if up else OFFLINE))

    async def picture(self, camera: str, jpeg: bytes) -> None:
        """Show the newest snapshot of a camera."""
        if self._link is not None and self.params.snapshots and self._shows(camera):
            state = State(jpeg, "image/jpeg", self.params.retain)
            self._link.states.set(self._topics.snapshot(camera), state)

    def _shows(self, camera: str) -> bool:
        return self.params.cameras is None or camera in self.params.cameras

    def _up(self) -> None:
        if self.reachable is not None:
            self.reachable()

    def _heard(self, message: Incoming) -> None:
        """Our own topics as the broker keeps them, and Home Assistant coming up."""
        if self._link is None:
            return
        states = self._link.states
        if message.topic == self._topics.status:
            if message.payload == OFFLINE:  # the last will of a connection that we have replaced
                states.again(self._topics.status)
        elif self.params.homeassistant and message.topic == self._discovery.birth:
            if message.payload == ONLINE:
                states.all_again()
        elif not message.retain or not message.payload:
            return
        elif self._discovery.is_own(message.topic):
            kept = self._discovery.left_behind(message.topic, message.payload)
            states.set(message.topic, State(kept, "application/json"))
        elif message.topic not in states:
            states.remove(message.topic)
            if message.topic.endswith("/availability"):
                states.remove(message.topic.removesuffix("availability") + "snapshot")

    async def _farewell(self, connection: Connection) -> None:
        await connection.publish(self._topics.status, OFFLINE, retain=self.params.retain)

    async def probe(self) -> str:
        """Connect and log in with an id of its own, publish nothing."""
        settings = self._settings(f"sightline-probe-{secrets.token_hex(4)}", will=False)
        try:
            connection = await open_connection(settings, self.params.version, lambda _: None)
        except MqttFault as fault:
            raise SendError(str(fault)) from None
        await connection.close()
        how = f"MQTT {connection.version}{', TLS' if self.params.tls else ''}"
        return f"{settings.place}: {how}, {'logged in' if self.params.username or self._password else 'no login'}"

    async def close(self) -> None:
        """Rules OFF, for nobody watches now; say offline, say good-bye."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        link, self._link = self._link, None
        if link is not None:
            for key in self._rules.known:
                link.states.set(self._topics.state(*key), self._state(OFF))
            await link.close()
