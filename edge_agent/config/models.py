"""The whole config file as one tree of values; what every key means, its default and its range."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from edge_agent.config.env import AddressText, SecretText
from edge_agent.config.problems import choice, clean
from vision.camera import Camera
from vision.errors import InputError
from vision.events import Severity

Family = Literal["yolox", "yolov5", "yolov8", "yolo26", "nanodet"]
Provider = Literal["cpu", "cuda", "tensorrt", "openvino", "coreml"]


def _resolved(path: Path, info: ValidationInfo) -> Path:
    """A relative path counts from the config file's folder."""
    folder = (info.context or {}).get("folder")
    return path if folder is None else Path(folder) / path.expanduser()


ConfigPath = Annotated[Path, AfterValidator(_resolved)]


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _multiple(value: int) -> int:
    if value % 32:
        raise ValueError(f"must be a multiple of 32, for example {max(32, round(value / 32) * 32)}")
    return value


InputSide = Annotated[int, Field(ge=32, le=4096), AfterValidator(_multiple)]


class ModelConfig(_Value):
    """The detector's weights and how to run them."""

    name: str | None = Field(None, min_length=1, description="A model of the catalogue (comes with a later version).")
    path: ConfigPath | None = Field(None, description="An ONNX file; a relative path counts from this file's folder.")
    labels: ConfigPath | None = Field(
        None, description="A text file with one class name a line; default: the names inside the model file."
    )
    family: Family | None = Field(None, description="The model's output family; default: recognised from the file.")
    providers: tuple[Provider, ...] = Field(
        ("cpu",), min_length=1, description="What runs the model, in order of preference; cpu is always there."
    )
    threads: int = Field(1, ge=0, le=256, description="CPU threads for one picture; 0: as many as there are cores.")
    input_size: tuple[InputSide, InputSide] | None = Field(
        None, description="Width and height of the network's input in pixels; default: the file's, cut to the picture."
    )


class CameraConfig(Camera):
    """A camera: where its pictures come from, what it watches and which rules hold."""

    source: AddressText | None = Field(
        None, description="RTSP or HTTP address, file or device; `replay` puts the clip in its place."
    )
    record_source: AddressText | None = Field(
        None, description="The camera's better stream, from which evidence clips are cut."
    )


class LanguageConfig(_Value):
    """Who puts events into words."""

    backend: Literal["template", "llama_cpp", "openai"] = Field(
        "template", description="template: fixed sentences from the facts; the others come with a later version."
    )
    locale: Literal["en", "zh"] = Field("en", description="Language of the summaries.")
    model: str | None = Field(None, min_length=1, description="The model that the backend asks.")
    url: AddressText | None = Field(None, description="Address of an OpenAI-compatible server.")
    api_key: SecretText | None = Field(None, description="Key of that server: ${NAME}.")


class EvidenceConfig(_Value):
    """What is kept of each event."""

    snapshots: bool = Field(True, description="Keep a picture of each event.")
    clips: bool = Field(True, description="Keep a clip of each event.")
    pre_s: float = Field(5.0, ge=0, le=300, description="Seconds of the clip before the event.")
    post_s: float = Field(5.0, ge=0, le=300, description="Seconds of the clip after the event.")
    max_s: float = Field(
        60.0, gt=0, le=3600, description="Of a longer event, the clip shows so many seconds from its alarm."
    )


Stage = Literal["opened", "described", "closed"]


class _Alert(_Value):
    on: tuple[Stage, ...] = Field(
        ("opened", "described", "closed"), min_length=1, description="At which moments of an event to send."
    )
    min_severity: Severity = Field("info", description="Only events that matter at least so much.")
    cooldown_s: float = Field(
        0.0, ge=0, le=86400, description="After an alert, none of the same rule for so many seconds."
    )


def _http(value: AddressText) -> AddressText:
    if not re.match(r"https?://[^/\s]|\$\{", value.text):
        raise ValueError("must be an address that begins with http:// or https://")
    return value


HttpAddress = Annotated[AddressText, AfterValidator(_http)]


class WebhookAlert(_Alert):
    """A signed CloudEvents message to an HTTP address."""

    type: Literal["webhook"] = "webhook"
    url: HttpAddress = Field(description="The receiver's address, http:// or https://.")
    secret: SecretText | None = Field(None, description="Key of the signature (Standard Webhooks): ${NAME}.")


class MqttAlert(_Alert):
    """A message to an MQTT broker."""

    type: Literal["mqtt"] = "mqtt"
    host: str = Field(min_length=1, description="The broker's host name or address.")
    port: int = Field(1883, ge=1, le=65535, description="The broker's port; 8883 is usual with tls.")
    tls: bool = Field(False, description="Encrypt the connection.")
    topic: str = Field("sightline", min_length=1, description="First part of the topic.")
    username: str | None = Field(None, description="User at the broker.")
    password: SecretText | None = Field(None, description="Password at the broker: ${NAME}.")


AnyAlert = Annotated[WebhookAlert | MqttAlert, Field(discriminator="type")]


class Config(_Value):
    """One config file."""

    version: Literal[1] = Field(description="Version of the file's form: 1.")
    data_dir: ConfigPath | None = Field(
        None, description="Where events and evidence are kept; `replay` does not need it."
    )
    model: ModelConfig = Field(description="The detector.")
    cameras: tuple[CameraConfig, ...] = Field(min_length=1, description="The cameras, each with its rules.")
    language: LanguageConfig = LanguageConfig()
    alerts: tuple[AnyAlert, ...] = Field((), description="Where events are sent; used by `run`.")
    evidence: EvidenceConfig = EvidenceConfig()

    def camera(self, name: str | None = None) -> CameraConfig:
        """The camera of that name; the only one for None. Raises `InputError` where that is not clear."""
        names = [camera.name for camera in self.cameras]
        if name is None and len(names) == 1:
            return self.cameras[0]
        if name is None:
            raise InputError(f"the config has several cameras; say which with --camera ({', '.join(names)})")
        if name not in names:
            raise InputError(f"--camera {clean(name)}: no such camera in the config; {choice(name, names)}")
        return self.cameras[names.index(name)]
