"""Where events and evidence are kept: writable, fast enough, large enough."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from edge_agent.config import Config
from edge_agent.doctor.base import Finding, Patient, check, fail, ok, warn
from edge_agent.doctor.folders import data_folder, existing

_GB = 1e9
_PROBE_BYTES = 8 * 1024 * 1024
_SLOW = 4e6  # bytes/s: a few cameras' clips at the same time


@check("disk", order=90, alone=True)
def disk(patient: Patient) -> Iterable[Finding]:
    """Space and speed of the disk with the data, or of the current folder's where there is no config."""
    folder = data_folder(patient)
    place = existing(folder)
    free = shutil.disk_usage(place).free
    yield from _space(folder, free, patient.config)
    if not os.access(place, os.W_OK | os.X_OK):
        if patient.config is not None:
            yield fail(
                f"{folder}: this user may not write there",
                f"sudo mkdir -p {folder} && sudo chown $USER {folder}, or another data_dir in the config",
            )
        return
    if free > 10 * _PROBE_BYTES:
        yield _speed(place)


def _space(folder: Path, free: int, config: Config | None) -> Iterable[Finding]:
    text = f"{folder}: {free / _GB:.1f} GB free"
    if config is None:
        yield ok(text) if free > _GB else warn(text, "free some space: evidence takes up to 10 GB by default")
        return
    used = _used(folder / "snapshots") + _used(folder / "clips")
    wanted = max(0.0, config.evidence.max_gb * _GB - used) + config.evidence.min_free_gb * _GB
    budget = f"evidence may take {config.evidence.max_gb:g} GB"
    if free < config.evidence.min_free_gb * _GB:
        yield fail(f"{text}, less than evidence.min_free_gb", "free some space, or name another data_dir")
    elif free < wanted:
        fits = max(1, int((free + used) / _GB - config.evidence.min_free_gb))
        yield warn(f"{text}, {budget}: the oldest will go sooner", f"set evidence.max_gb to {fits}, or free some space")
    else:
        yield ok(f"{text}, {budget}")


def _used(folder: Path) -> int:
    """Bytes of evidence that is there already."""
    total = 0
    for path, _, files in os.walk(folder):
        for name in files:
            try:
                total += (Path(path) / name).stat().st_size
            except OSError:
                continue
    return total


def _speed(folder: Path) -> Finding:
    """Writes a few megabytes through to the disk."""
    block = os.urandom(1024 * 1024)
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".sightline-") as file:
            start = time.perf_counter()
            for _ in range(_PROBE_BYTES // len(block)):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
            seconds = time.perf_counter() - start
    except OSError as error:
        return fail(
            f"{folder}: cannot be written ({error.strerror})", "give the folder to this user, or name another data_dir"
        )
    speed = _PROBE_BYTES / max(seconds, 1e-6)
    text = f"{folder}: writes about {speed / 1e6:.0f} MB/s"
    if speed < _SLOW:
        return warn(text, "a better card, an SSD; or evidence: {clips: false}")
    return ok(text)
