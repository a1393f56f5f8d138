"""The whole config file as one tree of values; what every key means, its default and its range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Union
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from edge_agent.inspect.settings import InspectionConfig
from edge_agent.uplink.settings import CaptureConfig, UplinkConfig
from vision.camera import Camera
from vision.delivery.env import AddressText, SecretText
from vision.delivery.senders.base import AlertParams, sender_types
from vision.errors import InputError
from vision.schedule import TimeZone
from vision.settings.problems import choice, clean
from vision.settings.values import ConfigPath, Value

CAPTURE_RULE = "capture"  # the rule of a camera whose pictures wait for what a detector sees
Family = Literal["yolox", "yolov5", "yolov8", "yolo26", "nanodet"]
Provider = Literal["cpu", "cuda", "tensorrt", "openvino", "coreml"]


def _multiple(value: int) -> int:
    if value % 32:
        raise ValueError(f"must be a multiple of 32, for example {max(32, round(value / 32) * 32)}")
    return value


InputSide = Annotated[int, Field(ge=32, le=4096), AfterValidator(_multiple)]


class ModelConfig(Value):
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
    batch: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Pictures of several cameras at once, where the model leaves that free; default: 4 on an accelerator, "
        "1 on the CPU, where more gain nothing.",
    )


class StreamConfig(Value):
    """How a live source is read, and when it counts as lost."""

    transport: Literal["tcp", "udp"] = Field("tcp", description="How RTSP carries the pictures.")
    connect_s: float = Field(10.0, ge=1, le=120, description="Give a connection up that shows no picture for so long.")
    stall_s: float = Field(5.0, ge=1, le=300, description="A stream without data for so long has stalled.")
    offline_s: float = Field(
        5.0, ge=0, le=3600, description="A camera lost for so long is told as camera_offline; shorter gaps are not."
    )
    poll_s: float = Field(1.0, ge=0.1, le=86400, description="How often a snapshot address is asked.")
    loop: bool = Field(False, description="Play a file again from its start when it ends.")


class CameraConfig(Camera):
    """A camera: where its pictures come from, what it watches and which rules hold."""

    source: AddressText | None = Field(
        None, description="RTSP or HTTP address, file or device; `replay` puts the clip in its place."
    )
    record_source: AddressText | None = Field(
        None, description="The camera's better stream, from which evidence clips are cut."
    )
    context: str | None = Field(
        None, min_length=1, description="What the language model is told of the place, for example: a school yard."
    )
    stream: StreamConfig = StreamConfig()
    tier: Literal["offline", "local", "cloud"] = Field(
        "local",
        description="Where the thinking happens: offline: rules alone, events keep their fixed words; local: with the "
        "language model of this machine; cloud: pictures go up to the cloud adapter (`capture`, `uplink`).",
    )
    capture: CaptureConfig | None = Field(None, description="With tier cloud: which pictures go up, and when.")

    @property
    def looks(self) -> bool:
        """Whether its stream is open all the time and a detector looks at it."""
        return self.tier != "cloud" or (self.capture is not None and self.capture.detector is not None)

    @model_validator(mode="before")
    @classmethod
    def _seen(cls, data: Any) -> Any:
        """With a detector as gate there is a rule that opens it; what it tells is an event like any other."""
        capture = data.get("capture") if isinstance(data, dict) and data.get("tier") == "cloud" else None
        gate = capture.get("detector") if isinstance(capture, dict) else None
        rules = data.get("rules", []) if isinstance(data, dict) else None
        if not isinstance(gate, dict) or not isinstance(rules, list | tuple):
            return data
        if any(isinstance(rule, dict) and rule.get("name") == CAPTURE_RULE for rule in rules):
            return data  # written out, or read once already
        known = {key: gate[key] for key in ("classes", "zone", "min_seconds") if key in gate}
        return data | {"rules": [*rules, {"type": "intrusion", "name": CAPTURE_RULE, "classes": ["person"], **known}]}


class PromptConfig(Value):
    """What is asked in place of, or besides, a prompt of the program."""

    camera: str | None = Field(None, description="Only for this camera; default: all.")
    rule: str | None = Field(None, description="Only for rules of this name or type; default: all.")
    task: str | None = Field(
        None, min_length=1, description="In place of the prompt's task; may name {alarm}, {camera}, {place}, {time}."
    )
    context: str | None = Field(None, min_length=1, description="Said besides, for example: a school yard.")


class LanguageConfig(Value):
    """Who puts events into words."""

    backend: Literal["template", "llama_cpp", "openai"] = Field(
        "template",
        description="template: fixed sentences from the facts; llama_cpp: a GGUF model on this machine (extra `llama`); "
        "openai: a server that speaks its protocol (llama-server, Ollama, vLLM).",
    )
    locale: Literal["en", "zh"] = Field("en", description="Language of the summaries.")
    timezone: TimeZone | None = Field(
        None, description="Time zone of times in summaries, an IANA name such as Asia/Shanghai; default: UTC."
    )
    path: ConfigPath | None = Field(None, description="The model's GGUF file (llama_cpp).")
    mmproj: ConfigPath | None = Field(
        None, description="Its vision part, a GGUF file too; without it the model sees no pictures."
    )
    n_ctx: int = Field(2048, ge=256, le=131072, description="Tokens for question, pictures and answer together.")
    threads: int | None = Field(None, ge=1, le=256, description="Threads; default: half of the cores.")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Start of chance where the temperature is not 0.")
    temperature: float = Field(0.0, ge=0, le=2, description="0: always the likeliest word.")
    memory_mb: int | None = Field(
        None, ge=32, description="The model's process is ended beyond; default: what its files need, and a third more."
    )
    idle_unload_s: float = Field(
        600.0, ge=0, le=86400, description="Let the model go after so many seconds without a question; 0: never."
    )
    force: bool = Field(False, description="Load the model even where the memory seems too small.")
    model: str | None = Field(None, min_length=1, description="The model that the server is to use (openai).")
    url: AddressText | None = Field(None, description="Address of an OpenAI-compatible server, with its path (…/v1).")
    api_key: SecretText | None = Field(None, description="Key of that server: ${NAME}.")
    deadline_s: float = Field(20.0, ge=0.5, le=600, description="The model's words come within so long, or not at all.")
    picture_side: int | None = Field(
        None,
        ge=64,
        le=2048,
        description="Side in pixels of the picture that the model is shown; default: what its mmproj says, else 512.",
    )
    strips: bool = Field(True, description="Show some rules' events as several moments in one picture.")
    fields: tuple[str, ...] | None = Field(
        None, min_length=1, description="Ask for these fields alone; default: those that fit the rule."
    )
    prompts: tuple[PromptConfig, ...] = Field((), description="Changes of what is asked, by camera and rule.")

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the summaries."""
        return ZoneInfo(self.timezone or "UTC")


class EvidenceConfig(Value):
    """What is kept of each event."""

    snapshots: bool = Field(True, description="Keep a picture of each event.")
    clips: bool = Field(True, description="Keep a clip of each event.")
    pre_s: float = Field(5.0, ge=0, le=300, description="Seconds of the clip before the event.")
    post_s: float = Field(5.0, ge=0, le=300, description="Seconds of the clip after the event.")
    max_s: float = Field(
        60.0, gt=0, le=3600, description="Of a longer event, the clip shows so many seconds from its alarm."
    )
    keep_days: float = Field(30.0, gt=0, le=3650, description="Evidence older than this is deleted; used by `run`.")
    max_gb: float = Field(
        10.0,
        gt=0,
        le=100000,
        description="All evidence together; beyond, the least valuable goes first; used by `run`.",
    )
    min_free_gb: float = Field(0.5, ge=0, le=1000, description="Space that stays free on the disk; used by `run`.")
    ring_mb: int = Field(
        32,
        ge=1,
        le=4096,
        description="Memory for the last seconds of each camera, from which clips begin; used by `run`.",
    )


class StoreConfig(Value):
    """Where events and pending alerts are kept."""

    url: AddressText | None = Field(
        None,
        description="Database: postgresql://user:${NAME}@host/base (extra `postgres`); default: SQLite in data_dir.",
    )


class ApiConfig(Value):
    """The agent's own HTTP interface: cameras, pictures, events, health, metrics."""

    enabled: bool = Field(True, description="Whether to listen at all.")
    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on; 0.0.0.0: every network.")
    port: int = Field(8650, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    token: SecretText | None = Field(
        None,
        description="Key that clients send as `Authorization: Bearer`: ${NAME}; default: made in data_dir/api.token.",
    )
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^/\s]+",
        description="How receivers of alerts reach this interface; makes links to pictures in alerts.",
    )
    link_hours: float = Field(72.0, gt=0, le=8760, description="How long such a link works.")


class InferenceConfig(Value):
    """How the cameras share the cores."""

    workers: int = Field(0, ge=0, le=64, description="Threads that look at pictures; 0: one for each core.")


if TYPE_CHECKING:
    AnyAlert = AlertParams
else:
    AnyAlert = Annotated[Union[tuple(s.Params for s in sender_types().values())], Field(discriminator="type")]  # noqa: UP007


class Config(Value):
    """One config file."""

    version: Literal[1] = Field(description="Version of the file's form: 1.")
    data_dir: ConfigPath | None = Field(
        None, description="Where events and evidence are kept; `replay` does not need it."
    )
    model: ModelConfig = Field(ModelConfig(), description="The detector; needed where a camera watches for something.")
    cameras: tuple[CameraConfig, ...] = Field(min_length=1, description="The cameras, each with its rules.")
    language: LanguageConfig = LanguageConfig()
    alerts: tuple[AnyAlert, ...] = Field((), description="Where events are sent; used by `run`.")
    evidence: EvidenceConfig = EvidenceConfig()
    store: StoreConfig = StoreConfig()
    api: ApiConfig = ApiConfig()
    inference: InferenceConfig = InferenceConfig()
    inspection: InspectionConfig | None = Field(
        None, description="Quality inspection: the recipe of a part, and with `live` how a line is inspected with it."
    )
    uplink: UplinkConfig | None = Field(None, description="Where the pictures of cameras with tier cloud go.")
    cloud: dict[str, Any] | None = Field(
        None, description="The cloud adapter's part of the file (docs/config-cloud.md); `check` looks at it too."
    )
    site: str = Field(
        "sightline",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        description="Name of this agent at receivers of alerts: letters, digits, _ . -",
    )

    @property
    def has_model(self) -> bool:
        """Whether a detector is named."""
        return self.model.path is not None or self.model.name is not None

    @property
    def needs_model(self) -> bool:
        """Whether a camera cannot do without a detector; one over a line that has no rules can."""
        live = self.inspection.live if self.inspection is not None else None
        line = None if live is None else live.camera
        return any(camera.looks and (camera.rules or camera.name != line) for camera in self.cameras)

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
