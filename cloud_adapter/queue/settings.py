"""Where jobs wait: the section `queue` of the cloud config."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from vision.delivery.env import AddressText, SecretText
from vision.settings.values import ConfigPath, Value

DAY_S = 86400.0


class _Queue(Value):
    lease_s: float = Field(
        90,
        ge=5,
        le=3600,
        description="A job whose worker was not heard of for so many seconds is given to another one.",
    )
    max_tries: int = Field(5, ge=1, le=100, description="A job that failed so often goes to the dead letter.")
    keep_pictures_days: float = Field(
        14, gt=0, le=3650, description="How long the picture of an ended job is kept, for reviews and reports."
    )
    max_picture_bytes: int = Field(
        20_000_000_000,
        ge=10_000_000,
        description="All pictures together; from 80 % of it on, the oldest pictures of ended jobs are removed before their "
        "time.",
    )
    remember_days: float = Field(
        90,
        ge=1,
        le=3650,
        description="A picture that is sent again within so many days is known; dead letters stay so long.",
    )

    @property
    def keep_s(self) -> float:
        """Seconds that pictures of ended jobs are kept."""
        return self.keep_pictures_days * DAY_S

    @property
    def remember_s(self) -> float:
        """Seconds that ids and dead letters are kept."""
        return self.remember_days * DAY_S


class EmbeddedQueue(_Queue):
    """Jobs in the database, pictures as files in `data_dir`: one machine, as many worker processes as it can take."""

    type: Literal["embedded"] = "embedded"


class JetStreamQueue(_Queue):
    """Jobs and pictures in NATS JetStream (server 2.10 or newer): workers on several machines.

    What is acknowledged survives a killed server; to survive a power cut as well, the server needs `sync_interval: always`
    or three replicas.
    """

    type: Literal["jetstream"]
    servers: tuple[AddressText, ...] = Field(
        (AddressText("nats://127.0.0.1:4222"),), min_length=1, description="Servers of one cluster: `nats://host:4222`."
    )
    user: str | None = Field(None, description="User name.")
    password: SecretText | None = Field(None, description="Its password.")
    token: SecretText | None = Field(None, description="A token instead of user and password.")
    credentials: ConfigPath | None = Field(
        None, description="A credentials file (`.creds`) instead of user and password."
    )
    ca: ConfigPath | None = Field(None, description="Certificate authority of the servers, for `tls://` addresses.")
    prefix: str = Field(
        "sightline",
        pattern=r"^[A-Za-z0-9_-]{1,32}$",
        description="Streams and subjects begin with it: two deployments can share one cluster.",
    )
    replicas: Literal[1, 3, 5] = Field(1, description="Servers that hold each stream.")

    @field_validator("servers")
    @classmethod
    def _known_scheme(cls, servers: tuple[AddressText, ...]) -> tuple[AddressText, ...]:
        for server in servers:
            if not server.text.startswith(("nats://", "tls://", "ws://", "wss://", "${")):
                raise ValueError("an address of a NATS server begins with nats:// or tls://")
        return servers


QueueSettings = Annotated[EmbeddedQueue | JetStreamQueue, Field(discriminator="type")]
