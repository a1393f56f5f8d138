"""Messages to an MQTT broker."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vision.delivery.env import SecretText
from vision.delivery.senders.base import AlertParams, Message, Refused, Sender, register


class MqttAlert(AlertParams):
    """A message to an MQTT broker."""

    type: Literal["mqtt"] = "mqtt"
    host: str = Field(min_length=1, description="The broker's host name or address.")
    port: int = Field(1883, ge=1, le=65535, description="The broker's port; 8883 is usual with tls.")
    tls: bool = Field(False, description="Encrypt the connection.")
    topic: str = Field("sightline", min_length=1, description="First part of the topic.")
    username: str | None = Field(None, description="User at the broker.")
    password: SecretText | None = Field(None, description="Password at the broker: ${NAME}.")


@register
class Mqtt(Sender[MqttAlert]):
    """Publishes each message."""

    Params = MqttAlert

    async def send(self, message: Message) -> None:
        """Send one message."""
        raise Refused("MQTT is not built yet")
