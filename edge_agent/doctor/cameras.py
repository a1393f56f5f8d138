"""Every camera of the config: its streams are opened, watched for a few seconds and judged."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from edge_agent.config import CameraConfig, Config
from edge_agent.doctor.advice import KEY_FRAMES_S, Seen, Use, advise, faulty
from edge_agent.doctor.base import Finding, Look, Patient, check_each
from edge_agent.live.address import address_of
from vision.delivery.env import AddressText
from vision.media.live.address import scheme_of
from vision.media.live.base import SourceFault, SourceOptions
from vision.media.live.probe import Probe, probe_live

WATCH_S = 6.0  # long enough to see two key frames of a sound camera, and a sender report
FILE_S = 1.0
_LIVE = frozenset({"rtsp", "rtsps", "http", "https", "usb"})
_KEYED = frozenset({"h264", "hevc", "mpeg4", "vp8", "vp9", "av1"})
_LOST = ("corrupt", "undecodable", "unreadable")


@check_each("camera", order=110)
def cameras(patient: Patient, config: Config) -> Iterable[tuple[str, Look]]:
    """One look for each stream of each camera."""
    for camera in config.cameras:
        yield camera.name, partial(_source, patient, config, camera)
        if camera.record_source is not None:
            yield f"{camera.name} record_source", partial(_record_source, patient, camera, camera.record_source)


def _source(patient: Patient, config: Config, camera: CameraConfig) -> Iterable[Finding]:
    if camera.source is None:
        yield Finding("fail", "has no source; `sightline run` cannot show it", "add source: to the camera", input=True)
        return
    clips = config.evidence.clips and bool(camera.rules)
    yield from _judged(
        patient,
        camera,
        camera.source,
        Use(
            looked=True,
            kept=clips and camera.record_source is None,
            detect_fps=camera.detect.fps,
            has_record_source=camera.record_source is not None,
        ),
    )


def _record_source(patient: Patient, camera: CameraConfig, source: AddressText) -> Iterable[Finding]:
    yield from _judged(patient, camera, source, Use(looked=False, kept=True, has_record_source=True))


def _judged(patient: Patient, camera: CameraConfig, source: AddressText, use: Use) -> Iterable[Finding]:
    folder = patient.path.resolve().parent if patient.path else Path.cwd()
    address = address_of(source, folder, dict(patient.env))
    live = scheme_of(address) in _LIVE
    watch_s = min(WATCH_S if live else FILE_S, patient.left() / 2)
    options = SourceOptions(
        transport=camera.stream.transport,
        connect_s=min(camera.stream.connect_s, patient.left() - watch_s),
        stall_s=min(camera.stream.stall_s, watch_s),
        poll_s=camera.stream.poll_s,
        loop=camera.stream.loop,
    )
    try:
        probe = probe_live(address, options, seconds=watch_s)
    except SourceFault as error:
        yield faulty(error.fault, str(error))
        return
    yield from advise(seen(probe), use if live else use.of_a_file())


def seen(probe: Probe) -> Seen:
    """What the advice is made from."""
    unseen = probe.key_interval_s is None and probe.codec in _KEYED and probe.seconds > KEY_FRAMES_S
    damaged = sum(probe.counts.get(key, 0) for key in _LOST)
    return Seen(
        codec=probe.codec,
        width=probe.width,
        height=probe.height,
        fps=probe.fps,
        key_s=probe.seconds if unseen else probe.key_interval_s,
        key_more=unseen,
        kbps=probe.kbit_s,
        clock_s=probe.clock_offset_s,
        transport=probe.transport,
        first_s=probe.first_picture_s,
        lost=damaged / max(1, probe.pictures + damaged) if damaged else None,
    )
