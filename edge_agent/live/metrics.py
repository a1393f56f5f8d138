"""Figures of the running agent in the text form of Prometheus, read from its status at the moment of the scrape.

Names follow https://prometheus.io/docs/practices/naming/: base units, `_total` for what only rises. Labels are names out
of the config and words out of fixed lists: never an address, never a line of text.
"""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from edge_agent.live.metrics_language import cumulative, language
from edge_agent.live.status import AgentStatus, AgentView, CameraStatus
from edge_agent.live.usage import usage
from vision.delivery.figures import outbox_figures

_STATES = ("connecting", "online", "offline", "stopped")


class _Single(NamedTuple):
    """A figure with one value for each camera."""

    name: str
    text: str
    value: Callable[[CameraStatus], float | None]


class _Mapped(NamedTuple):
    """A counter with one value for each camera and key."""

    name: str
    label: str
    text: str
    values: Callable[[CameraStatus], Mapping[str, float]]


_COUNTERS = (
    _Single("frames", "Decoded pictures.", lambda c: c.frames),
    _Single("packets", "Encoded packets received.", lambda c: c.packets),
    _Single("received_bytes", "Bytes of encoded video received.", lambda c: c.bytes),
    _Single("reconnects", "Connections made after the first.", lambda c: c.reconnects),
    _Single("inferences", "Runs of the detector.", lambda c: c.seen.get("inferences", 0)),
)
_GAUGES = (
    _Single("fps", "Pictures a second that arrive.", lambda c: c.fps_in),
    _Single("detect_fps", "Pictures a second that are looked at.", lambda c: c.fps_detect),
    _Single("queue_age_seconds", "Age of the picture that waits to be looked at.", lambda c: c.queue_age_s),
    _Single("last_picture_timestamp_seconds", "When the newest picture was taken.", lambda c: c.last_t),
    _Single("state_since_timestamp_seconds", "Since when the camera is in its state.", lambda c: c.since or None),
    _Single("tracks", "Things followed at this moment.", lambda c: c.tracks),
    _Single("moving", "1 while there is motion in the picture.", lambda c: int(c.moving)),
    _Single("open_events", "Events that are not over.", lambda c: c.open_events),
    _Single("ring_seconds", "Length of the video kept in memory for clips.", lambda c: c.ring_s),
    _Single("ring_bytes", "Size of the video kept in memory for clips.", lambda c: c.ring_bytes),
)
_MAPPED = (
    _Mapped("dropped_frames", "reason", "Pictures that were not looked at, by reason.", lambda c: c.drops),
    _Mapped("faults", "fault", "Connections that failed or broke, by kind of fault.", lambda c: c.faults),
    _Mapped("stage_cpu_seconds", "stage", "CPU time by stage of the pipeline.", lambda c: c.stages),
    _Mapped("events", "type", "Events opened, by type.", lambda c: c.events),
    _Mapped("seen", "what", "Counters of the pipeline.", lambda c: c.seen),
)


class AgentCollector(Collector):
    """Turns the agent's status into metrics at each scrape."""

    def __init__(self, view: AgentView) -> None:
        self._view = view

    def describe(self) -> Iterator[Metric]:
        """Nothing is promised before a scrape: registering must not ask the agent."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """All figures of this moment."""
        status = self._view.status()
        yield from _cameras(status.cameras)
        yield from _agent(status)
        if status.language is not None:
            yield from language(status.language)
        yield _flag("sightline_ready", "1 while the agent does its work.", not self._view.ready())
        yield from _process(status)


class Exposition:
    """What `/metrics` answers."""

    def __init__(self, view: AgentView) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(AgentCollector(view))
        self._lock = threading.Lock()  # two scrapers at a time must not ask twice

    def scrape(self, accept: str = "") -> tuple[bytes, str]:
        """The text and its content type: OpenMetrics where `accept` asks for it, else Prometheus' own form."""
        encode, kind = choose_encoder(accept)
        with self._lock:
            return encode(self._registry), kind


def _cameras(cameras: Sequence[CameraStatus]) -> Iterator[Metric]:
    every = tuple(cameras)
    for single in _COUNTERS:
        counter = CounterMetricFamily(f"sightline_camera_{single.name}", single.text, labels=["camera"])
        for camera in every:
            counter.add_metric([camera.name], single.value(camera) or 0)
        yield counter
    for mapped in _MAPPED:
        counter = CounterMetricFamily(f"sightline_camera_{mapped.name}", mapped.text, labels=["camera", mapped.label])
        for camera in every:
            for key, value in sorted(mapped.values(camera).items()):
                counter.add_metric([camera.name, key], value)
        yield counter
    for single in _GAUGES:
        gauge = GaugeMetricFamily(f"sightline_camera_{single.name}", single.text, labels=["camera"])
        for camera in every:
            known = single.value(camera)
            if known is not None:
                gauge.add_metric([camera.name], known)
        yield gauge
    yield _states(every)
    yield _latency(every)


def _states(cameras: tuple[CameraStatus, ...]) -> Metric:
    gauge = GaugeMetricFamily("sightline_camera_state", "1 for the state the camera is in.", labels=["camera", "state"])
    for camera in cameras:
        for state in _STATES:
            gauge.add_metric([camera.name, state], float(camera.state == state))
    return gauge


def _latency(cameras: tuple[CameraStatus, ...]) -> Metric:
    histogram = HistogramMetricFamily(
        "sightline_camera_latency_seconds", "From the arrival of a picture to the end of its step.", labels=["camera"]
    )
    for camera in cameras:
        histogram.add_metric([camera.name], cumulative(camera.latencies), camera.latency_sum_s)
    return histogram


def _agent(status: AgentStatus) -> Iterator[Metric]:
    yield from outbox_figures(status.outbox)
    up = GaugeMetricFamily("sightline_target_up", "1 while an alert target takes messages.", labels=["target"])
    for target, state in sorted(status.targets.items()):
        up.add_metric([target], float(state == "ok"))
    yield up
    yield _plain("sightline_evidence_bytes", "Size of all pictures and clips kept.", status.evidence_bytes)
    yield _plain("sightline_disk_free_bytes", "Free space where they are kept.", status.disk_free_bytes)
    yield _flag("sightline_config_refused", "1 after a reload of a wrong config.", status.config_error is not None)


def _process(status: AgentStatus) -> Iterator[Metric]:
    build = GaugeMetricFamily("sightline_build_info", "Version of the agent.", labels=["version", "python"])
    build.add_metric([status.version, platform.python_version()], 1)
    yield build
    now = usage()
    cpu = CounterMetricFamily("process_cpu_seconds", "CPU time of the agent, all threads.", value=now.cpu_s)
    yield cpu
    yield _plain("process_start_time_seconds", "When the agent was started.", status.started)
    yield _plain("process_threads", "Threads of the agent.", now.threads)
    if now.rss_bytes is not None:
        yield _plain("process_resident_memory_bytes", "Memory of the agent.", now.rss_bytes)
    if now.files is not None:
        yield _plain("process_open_fds", "Open files and sockets of the agent.", now.files)


def _plain(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _flag(name: str, text: str, value: bool) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))
