"""Which broker, and as whom: the keys that everything that speaks MQTT has in the config."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from vision.delivery.env import SecretText
from vision.delivery.mqtt_settings import Settings, Tls
from vision.settings.values import ConfigPath


def _levels(topic: str) -> str:
    if re.search(r"[+#\x00-\x1f]", topic) or not topic.strip("/ ") or topic.startswith("$"):
        raise ValueError(
            "a topic is levels between slashes, without + # $ in them; for example sightline or site/cameras"
        )
    return topic


TopicLevels = Annotated[str, AfterValidator(_levels)]


class BrokerParams(BaseModel):
    """An MQTT broker and the login there."""

    host: str = Field(min_length=1, description="The broker's host name or address.")
    port: int = Field(1883, ge=1, le=65535, description="The broker's port; 8883 is usual with tls.")
    version: Literal["auto", "5", "3.1.1"] = Field(
        "auto", description="Version of MQTT; auto: 5, or 3.1.1 where the broker does not know it."
    )
    tls: bool = Field(False, description="Encrypt the connection.")
    ca: ConfigPath | None = Field(
        None, description="Certificate file of the authority that vouches for the broker; default: the system's."
    )
    cert: ConfigPath | None = Field(None, description="This agent's own certificate, where the broker wants one.")
    key: ConfigPath | None = Field(None, description="Key of that certificate, without a passphrase.")
    insecure: bool = Field(False, description="Do not check the broker's certificate: anybody can listen then.")
    username: str | None = Field(None, description="User at the broker.")
    password: SecretText | None = Field(None, description="Password at the broker: ${NAME}.")
    client_id: str | None = Field(
        None, min_length=1, max_length=128, description="Id at the broker; default: made from site and target."
    )
    keepalive_s: int = Field(30, ge=5, le=3600, description="A connection silent for so long is tested, then dropped.")

    @model_validator(mode="after")
    def _tls_fits(self) -> Self:
        if not self.tls and (self.ca or self.cert or self.key or self.insecure):
            raise ValueError("ca, cert, key and insecure are about encryption; add tls: true")
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key belong together; give both or none")
        return self

    def settings(
        self, client_id: str, password: str | None, *, will: tuple[str, bytes] | None = None, will_retain: bool = True
    ) -> Settings:
        """How to connect; `password` is the filled-in one."""
        return Settings(
            host=self.host,
            port=self.port,
            client_id=client_id,
            username=self.username,
            password=password,
            tls=Tls(self.ca, self.cert, self.key, insecure=self.insecure) if self.tls else None,
            keepalive_s=self.keepalive_s,
            will=will,
            will_retain=will_retain,
        )
