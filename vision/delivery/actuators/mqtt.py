"""A gateway at an MQTT broker: commands on `TOPIC/command`, acknowledgements on `TOPIC/ack` with the command's id.

The command is published once, QoS 1, not retained: a gateway that was away does not find it later. The connection is
opened for the command and closed after it, so that an acknowledgement can only be of this command's time.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from typing import Literal

from pydantic import Field

from vision.delivery.actuators.base import Actuator, ActuatorError, ActuatorParams, Command, Done, done_of, register
from vision.delivery.mqtt_broker import BrokerParams, TopicLevels
from vision.delivery.mqtt_connection import Connection, Incoming, open_connection
from vision.delivery.mqtt_settings import Denied, MqttFault


class MqttActuatorParams(BrokerParams, ActuatorParams):
    """A gateway behind an MQTT broker."""

    type: Literal["mqtt"] = "mqtt"
    topic: TopicLevels = Field(
        "sightline/gateway", description="Commands go to TOPIC/command, acknowledgements come from TOPIC/ack."
    )


@register
class MqttActuator(Actuator[MqttActuatorParams]):
    """Publishes a command and waits for the acknowledgement that carries its id."""

    Params = MqttActuatorParams

    def __init__(self, params: MqttActuatorParams, clock: Callable[[], float]) -> None:
        """Raises `ConfigError` where the password's variable is not set."""
        super().__init__(params, clock)
        self._password = None if params.password is None else params.password.filled_in()

    async def switch(self, command: Command) -> Done:
        """Publish it once, wait for its acknowledgement."""
        return await self._exchange(command.id, command.to_dict(), command.open_s)

    async def stop(self, target: str) -> None:
        """Close it at once."""
        identity = f"stop-{secrets.token_hex(8)}"
        await self._exchange(identity, {"id": identity, "target": target, "stop": True}, 0.0)

    async def probe(self) -> str:
        """Connect and log in, publish nothing."""
        connection = await self._connected(lambda _: None)
        await connection.close()
        return f"MQTT {connection.version} at {self.params.host}:{self.params.port}"

    async def _connected(self, heard: Callable[[Incoming], None]) -> Connection:
        client = self.params.client_id or f"sightline-act-{secrets.token_hex(6)}"
        try:
            return await open_connection(self.params.settings(client, self._password), self.params.version, heard)
        except MqttFault as fault:
            raise ActuatorError(f"the broker cannot be used: {fault}", certain=True) from None

    async def _exchange(self, identity: str, content: dict[str, object], wait_s: float) -> Done:
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        def heard(message: Incoming) -> None:
            found = _answer(message.payload, identity)
            if found is not None and not message.retain and not answer.done():
                answer.set_result(found)

        connection = await self._connected(heard)
        try:
            await self._publish(connection, content)
            async with asyncio.timeout(self.params.timeout_s + wait_s):
                return done_of(await answer)
        except TimeoutError:
            raise ActuatorError("no acknowledgement from the gateway", certain=False) from None
        finally:
            await connection.close()

    async def _publish(self, connection: Connection, content: dict[str, object]) -> None:
        topic = self.params.topic.strip("/")
        try:
            if await connection.subscribe([f"{topic}/ack"]):
                raise ActuatorError(f"the broker lets nobody listen to {topic}/ack", certain=True)
        except MqttFault as fault:
            raise ActuatorError(f"the broker cannot be used: {fault}", certain=True) from None
        try:
            await connection.publish(f"{topic}/command", json.dumps(content).encode(), content_type="application/json")
        except Denied as denied:
            raise ActuatorError(str(denied), certain=True) from None
        except MqttFault as fault:
            raise ActuatorError(f"connection to the broker lost: {fault}", certain=False) from None


def _answer(payload: bytes, identity: str) -> object:
    """The JSON object of an acknowledgement of this command; None for anything else that is said on the topic."""
    try:
        found = json.loads(payload)
    except ValueError:
        return None
    return found if isinstance(found, dict) and found.get("id") == identity else None
