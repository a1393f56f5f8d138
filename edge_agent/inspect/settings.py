"""The config's `inspection:`: a recipe, and with `live:` how a running line is inspected with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self, Union

from pydantic import Field, model_validator

from vision.delivery.actuators.base import ActuatorParams, actuator_types
from vision.delivery.mqtt_broker import BrokerParams, TopicLevels
from vision.events import Severity
from vision.inspect.recipe import Recipe
from vision.inspect.result import Outcome
from vision.inspect.sensors import SensorParams
from vision.inspect.trigger import WindowParams
from vision.settings.values import ConfigPath, Value

Share = Annotated[float, Field(ge=0, le=1)]

if TYPE_CHECKING:
    AnyActuator = ActuatorParams
else:
    AnyActuator = Annotated[Union[tuple(a.Params for a in actuator_types().values())], Field(discriminator="type")]  # noqa: UP007


class MqttTopic(BrokerParams, Value):
    """A topic of an MQTT broker that is listened to."""

    type: Literal["mqtt"] = "mqtt"
    topic: TopicLevels = Field(description="The topic that is listened to.")


class HttpInput(Value):
    """Calls of the agent's own HTTP interface, with its token."""

    type: Literal["http"] = "http"


class ModbusDevice(Value):
    """A Modbus TCP device (extra `modbus`)."""

    type: Literal["modbus"] = "modbus"
    host: str = Field(min_length=1, description="The device's host name or address.")
    port: int = Field(502, ge=1, le=65535, description="Its port.")
    unit: int = Field(1, ge=0, le=247, description="Its unit (slave) number.")
    poll_s: float = Field(0.02, ge=0.002, le=60, description="It is asked so often.")


class MqttTrigger(MqttTopic):
    """A message says that a part is there: its id as plain text, or JSON with `part`, `t`, `order`; may be empty."""


class HttpTrigger(HttpInput):
    """POST /v1/inspection/trigger says that a part is there."""


class ModbusTrigger(ModbusDevice):
    """A coil or discrete input goes on when a part is there."""

    coil: int = Field(ge=0, le=65535, description="Its address, counted from 0.")
    discrete: bool = Field(False, description="It is a discrete input and not a coil.")


class _Seen(Value):
    min_share: float = Field(0.02, gt=0, lt=1, description="A part covers at least this share of the picture.")


class LineInPicture(_Seen):
    """A part's centre crosses a line in the picture, either way."""

    type: Literal["line"] = "line"
    points: tuple[tuple[Share, Share], tuple[Share, Share]] = Field(description="Its two ends, in 0..1 of the picture.")


class Standstill(_Seen):
    """A part has come to a standstill; again only once it has gone."""

    type: Literal["standstill"] = "standstill"
    seconds: float = Field(0.3, gt=0, le=60, description="It must stand still for so long.")
    move: float = Field(0.01, gt=0, lt=0.5, description="What moves less than this (0..1 of the picture) stands still.")


AnyTrigger = Annotated[
    MqttTrigger | HttpTrigger | ModbusTrigger | LineInPicture | Standstill, Field(discriminator="type")
]


class MqttSource(MqttTopic):
    """A message is a number, or JSON with `value` (`samples`, `rate`), `t`, `unit`, `part`."""


class HttpSource(HttpInput):
    """POST /v1/inspection/readings brings them."""


class ModbusSource(ModbusDevice):
    """A register is read over and over; each answer is a reading of that moment."""

    register_: int = Field(ge=0, le=65535, alias="register", description="Its address, counted from 0.")
    kind: Literal["input", "holding"] = Field("input", description="Input or holding register.")
    scale: float = Field(1.0, description="The number in the register times this is the reading.")
    signed: bool = Field(True, description="The register holds numbers from -32768 on.")


class CsvSource(Value):
    """A file that another program appends lines to, with a heading: `t` and `value`, `unit` and `part` if known."""

    type: Literal["csv"] = "csv"
    path: ConfigPath = Field(description="The file; it may come later, and may begin anew.")
    poll_s: float = Field(0.1, ge=0.01, le=60, description="It is looked at so often.")


AnySource = Annotated[MqttSource | HttpSource | ModbusSource | CsvSource, Field(discriminator="type")]


class SensorConfig(SensorParams):
    """A sensor whose readings are part of the verdict, and where they come from."""

    source: AnySource = Field(HttpSource(), description="Where its readings come from.")
    vibration: ConfigPath | None = Field(
        None, description="What good parts sound like (`sightline inspect vibration`); readings are then samples."
    )


class OutputConfig(Value):
    """What is switched on for a verdict, and by when that must be acknowledged."""

    name: str = Field("rejector", min_length=1, description="Its name in events and logs; the command's target.")
    on: tuple[Outcome, ...] = Field(
        ("reject", "no_decision"), min_length=1, description="For which verdicts it is switched on."
    )
    actuator: AnyActuator = Field(description="What is switched: http, modbus, mqtt, simulated.")
    pulse_s: float = Field(0.1, gt=0, le=60, description="It stays on for so long.")
    delay_s: float = Field(0.0, ge=0, le=600, description="It is switched so long after the trigger, not before.")
    deadline_s: float = Field(
        1.0,
        gt=0,
        le=600,
        description="So long after the trigger (and delay_s) it must have been acknowledged; if not, an event says so.",
    )


class LiveConfig(Value):
    """A running line: which camera, when a part is there, which sensors, what is switched."""

    camera: str = Field(min_length=1, description="Name of the camera over the line.")
    triggers: tuple[AnyTrigger, ...] = Field(min_length=1, description="What says that a part is there.")
    window: WindowParams = Field(WindowParams(), description="Which picture of the part is taken.")
    sensors: tuple[SensorConfig, ...] = Field((), description="Sensors whose readings are part of the verdict.")
    outputs: tuple[OutputConfig, ...] = Field((), description="What is switched on for which verdict.")
    severity: Severity = Field("warning", description="How much a rejected part, or one without decision, matters.")
    events: Literal["all", "doubtful"] = Field(
        "all", description="Which parts become events: all, or only those that did not pass."
    )
    keep: Literal["all", "doubtful", "none"] = Field(
        "all", description="Whose pictures, heat maps and readings are kept in data_dir/inspection for `inspect rerun`."
    )
    keep_gb: float = Field(2.0, gt=0, le=100000, description="So much is kept there; beyond, the oldest go.")
    shadow: str | None = Field(
        None,
        min_length=1,
        description="NAME@VERSION of a trained inspection that judges every part, too, after the output: its verdict is "
        "kept for `inspect shadow --verdicts` and nothing acts on it. On a busy processor it lets parts go.",
    )
    shadow_store: ConfigPath | None = Field(
        None, description="Where trained inspections lie; default: the folder `inspection`, as for the commands."
    )

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        for kind, names in (("sensors", [s.name for s in self.sensors]), ("outputs", [o.name for o in self.outputs])):
            if len(set(names)) != len(names):
                raise ValueError(f"two {kind} have the same name; give each its own")
        if self.shadow is not None and self.keep == "none":
            raise ValueError("shadow needs records to keep its verdicts in; set keep to doubtful or all")
        return self


class InspectionConfig(Recipe):
    """Quality inspection: the recipe, and with `live` how `run` uses it on a line."""

    live: LiveConfig | None = Field(None, description="A running line; without it the recipe is for `inspect run`.")

    @property
    def recipe(self) -> Recipe:
        """The recipe alone: what verdicts are made again with."""
        return Recipe.model_validate(self.model_dump(exclude={"live"}))
