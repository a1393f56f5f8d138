"""The cloud adapter's config: one file, its sections written where they belong, put together here.

The same file may hold the cameras of the devices that send to it (`sightline upload`, `sightline run`): those keys are the
edge agent's, and `sightline check` looks at all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Union

from pydantic import Field, model_validator

from cloud_adapter.actions.settings import ActionsConfig
from cloud_adapter.budget.settings import BudgetSettings
from cloud_adapter.diagnosis.settings import LeafProfile, Profile
from cloud_adapter.intake.settings import DeviceSettings, IntakeSettings
from cloud_adapter.metrics_settings import MetricsSettings
from cloud_adapter.providers.settings import ModelsSettings
from cloud_adapter.queue.settings import EmbeddedQueue, QueueSettings
from cloud_adapter.worker.settings import WorkerSettings
from vision.delivery.env import AddressText, SecretText
from vision.delivery.senders.base import AlertParams, sender_types
from vision.settings.reading import load
from vision.settings.values import ConfigPath, Value
from vision.wire.messages import Name

if TYPE_CHECKING:
    AnyAlert = AlertParams
else:
    AnyAlert = Annotated[Union[tuple(s.Params for s in sender_types().values())], Field(discriminator="type")]  # noqa: UP007


class CloudConfig(Value):
    """What the cloud adapter does with the pictures that devices send."""

    database: AddressText | None = Field(
        None,
        description="Database of jobs, diagnoses, ledger and audit log: postgresql://user:${NAME}@host/base (extra "
        "`postgres`); default: SQLite in data_dir.",
    )
    intake: IntakeSettings = IntakeSettings()
    devices: tuple[DeviceSettings, ...] = Field(
        (), description="Devices that may send; others are added with `sightline cloud devices add`."
    )
    queue: QueueSettings = EmbeddedQueue()
    worker: WorkerSettings = WorkerSettings()
    models: ModelsSettings = ModelsSettings()
    profiles: dict[Name, Profile] = Field(min_length=1, description="What is asked about pictures, by name.")
    budget: BudgetSettings = BudgetSettings()
    actions: ActionsConfig = ActionsConfig()
    metrics: MetricsSettings | None = Field(
        None, description="Serve /metrics for Prometheus on an address of its own; default: not at all."
    )
    audit_key: SecretText | None = Field(
        None,
        description="Key of the audit log: ${NAME}; without it anyone who writes the database can make a new chain.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = [device.name for device in self.devices]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two devices are called '{twice}'; give each its own name")
        rules = [rule.name for rule in self.actions.rules]
        again = next((name for name in rules if rules.count(name) > 1), None)
        if again is not None:
            raise ValueError(f"two actions are called '{again}'; give each its own name")
        for rule in self.actions.rules:
            profile = self.profiles.get(rule.profile)
            if profile is None:
                raise ValueError(
                    f"action {rule.name}: there is no profile '{rule.profile}' (known: {', '.join(sorted(self.profiles))})"
                )
            if isinstance(profile, LeafProfile):
                odd = [label for label in rule.labels if label not in profile.labels]
                if odd:
                    raise ValueError(f"action {rule.name}: '{odd[0]}' is no label of profile {rule.profile}")
                if rule.second_opinion and profile.second_model is None:
                    raise ValueError(
                        f"action {rule.name} needs a second opinion; give profile {rule.profile} a second_model"
                    )
        return self


class CloudFile(Value):
    """A config file as the cloud adapter reads it; the edge agent's keys are left to the edge agent."""

    version: Literal[1] = Field(description="Version of the file's form: 1.")
    data_dir: ConfigPath = Field(Path("data"), description="Where everything is kept.")
    cloud: CloudConfig = Field(description="The cloud adapter.")
    alerts: tuple[AnyAlert, ...] = Field((), description="Where events are sent.")
    store: dict[str, Any] = Field(default_factory=dict, description="Where events are kept; the same as the agent's.")
    site: str = Field("sightline", description="Name of this installation at receivers of alerts.")
    # Keys of the edge agent.
    model: Any = Field(None, exclude=True, repr=False)
    cameras: Any = Field(None, exclude=True, repr=False)
    language: Any = Field(None, exclude=True, repr=False)
    evidence: Any = Field(None, exclude=True, repr=False)
    api: Any = Field(None, exclude=True, repr=False)
    inference: Any = Field(None, exclude=True, repr=False)
    uplink: Any = Field(None, exclude=True, repr=False)
    inspection: Any = Field(None, exclude=True, repr=False)

    @property
    def store_url(self) -> str | None:
        """The events' database, as the agent's `store.url`; None: SQLite in data_dir."""
        url = self.store.get("url")
        return None if url is None else AddressText(str(url)).filled_in()


def load_cloud(path: str | Path, env: Mapping[str, str] | None = None) -> CloudFile:
    """The config in the file at `path`. Raises `ConfigError`: one line for each problem."""
    return load(path, CloudFile, env)


def described(path: str | Path, env: Mapping[str, str] | None = None) -> list[str]:
    """For `sightline check`: the cloud part of a file in a few lines. Raises `ConfigError`."""
    config = load_cloud(path, env)
    cloud = config.cloud
    lines = [f"cloud: takes pictures in at {cloud.intake.host}:{cloud.intake.port}, queue {cloud.queue.type}"]
    lines += [
        f"    profile {name}: {profile.kind}, model {profile.model or 'none'}"
        for name, profile in cloud.profiles.items()
    ]
    if cloud.devices:
        lines.append(f"    devices: {', '.join(device.name for device in cloud.devices)}")
    lines += [f"    action {rule.name}: {rule.mode}, {rule.actuator.type}" for rule in cloud.actions.rules]
    return lines
