"""The demonstration: devices, intake, model, diagnoses, guard, a pretended valve, a report; all on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import yaml

from cloud_adapter.budget.costs import costs
from cloud_adapter.config import CloudFile, load_cloud
from cloud_adapter.demo.node import Node
from cloud_adapter.demo.scenes import Scene, crops, manholes, weather
from cloud_adapter.demo.server import serving
from cloud_adapter.diagnosis.settings import LeafProfile
from cloud_adapter.queue.base import MissingPictureError
from cloud_adapter.records import READINGS, Diagnosis
from cloud_adapter.report import Line, Report, write_report
from cloud_adapter.service import Parts, open_parts, serve
from vision.errors import ConfigError, OutsideError
from vision.wire.signing import Key

DEADLINE_S = 240.0
_DEVICE, _KEY = "node-1", "k1"
_NAMES = ("SIGHTLINE_DEMO_MODEL", "SIGHTLINE_INTAKE", "NODE_1_SECRET", "NODE_1_KEY")
Say = Callable[[str], None]


async def run_demo(config: Path, out: Path, say: Say) -> Path:
    """Play the demonstration of a config into the folder `out`; the report's path.

    Raises `SightlineError`; what was written until then stays.
    """
    out.mkdir(parents=True, exist_ok=True)
    now = time.time()
    async with serving() as model:
        _environment(model)
        derived = _derived(config, out)
        file = load_cloud(derived)
        leaves = any(isinstance(profile, LeafProfile) for profile in file.cloud.profiles.values())
        scenes = crops() if leaves else manholes()
        parts = open_parts(file)
        try:
            async with _running(parts) as url:
                say(f"intake at {url}, model at {model} (nearest neighbours among rendered pictures), valve: simulated")
                node = Node(url, Key(f"{_DEVICE}/{_KEY}", os.environ["NODE_1_SECRET"]), file_site(file), now)
                if leaves:
                    notes = await _field(parts, node, scenes, derived, out, now, say)
                else:
                    notes = await _town(parts, node, scenes, now, say)
                await _settled(parts)
            return write_report(out, await _report(parts, scenes, notes, leaves=leaves))
        finally:
            await parts.close()


def file_site(file: CloudFile) -> str:
    """The site of the first device."""
    return file.cloud.devices[0].site if file.cloud.devices else "site"


def _environment(model: str) -> None:
    """What the config takes from the environment; other variables only have to be there."""
    secret = secrets.token_hex(24)
    os.environ["SIGHTLINE_DEMO_MODEL"] = model
    os.environ["NODE_1_SECRET"] = secret
    os.environ["NODE_1_KEY"] = f"{_DEVICE}/{_KEY}/{secret}"


def _derived(config: Path, out: Path) -> Path:
    """The same config with the demonstration's own folder and port."""
    try:
        wanted: dict[str, Any] = yaml.safe_load(config.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{config}: cannot be read: {error}") from None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ["SIGHTLINE_INTAKE"] = f"http://127.0.0.1:{port}"
    wanted["data_dir"] = str((out / "data").absolute())
    if "cloud" not in wanted:
        raise ConfigError(f"{config}: it has no cloud: section; try configs/crops.yaml")
    (out / "demo.env").write_text("".join(f"{name}={os.environ[name]}\n" for name in _NAMES))
    wanted["cloud"].setdefault("intake", {}).update(host="127.0.0.1", port=port)
    path = out / "config.yaml"
    path.write_text(yaml.safe_dump(wanted, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


@contextlib.asynccontextmanager
async def _running(parts: Parts) -> AsyncIterator[str]:
    """The service, as `sightline cloud serve` runs it; gives its address."""
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(parts, stop, ready=lambda server: ready.set_result(server.url)))
    await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    try:
        yield await ready
    finally:
        stop.set()
        await task


async def _field(
    parts: Parts, node: Node, scenes: Sequence[Scene], config: Path, out: Path, now: float, say: Say
) -> list[str]:
    """A day and a night in a field: the mast reports, the cameras send, one proposal is approved."""
    await node.readings("mast", scenes_profile(parts), weather(now))
    await _settled(parts)
    folder = out / "pictures"
    notes: list[str] = []
    for scene in sorted(scenes, key=lambda one: -one.hours_ago):  # as they were taken
        path = _written(folder, scene, now)
        sent, told = await _uploaded(config, scene.camera, path)
        say(f"{scene.camera}, {scene.hours_ago:g} h ago ({scene.shows}): {told}")
        if not sent:
            notes.append(f"{path.name} of {scene.camera} was kept back on the device: {told}")
        await _settled(parts)
    for row in parts.actions.commands("proposed"):
        await asyncio.to_thread(parts.actions.approve, row.id, "the demonstration")
        say(f"{row.action} at {row.camera} was proposed; approved by the demonstration, as a person would")
        notes.append(f"{row.id} waited for a person and was approved by the demonstration, as a person would have to")
    await _sent(parts)
    wanted = parts.captures.open_requests(_DEVICE, now)
    notes += [f"{w.camera} is asked for another picture after {_hour(w.after)} ({w.reason})" for w in wanted]
    return notes


async def _town(parts: Parts, node: Node, scenes: Sequence[Scene], now: float, say: Say) -> list[str]:
    """Covers report their tilt with a picture."""
    for scene in sorted(scenes, key=lambda one: -one.hours_ago):
        await node.picture(scene.camera, scenes_profile(parts), scene.pixels, scene.at(now), scene.reading(now))
        say(f"{scene.camera}: " + ", ".join(f"{s} {v:g} {u}" for s, v, u in scene.readings))
        await _settled(parts)
    return []


def scenes_profile(parts: Parts) -> str:
    """The profile of the demonstration: the config's first."""
    return next(iter(parts.config.cloud.profiles))


def _written(folder: Path, scene: Scene, now: float) -> Path:
    """The picture as a file of its time, as a camera would leave it."""
    path = folder / scene.camera / f"{datetime.fromtimestamp(scene.at(now), UTC):%Y%m%d-%H%M%S}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), scene.pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])
    os.utime(path, (scene.at(now), scene.at(now)))
    return path


async def _uploaded(config: Path, camera: str, path: Path) -> tuple[bool, str]:
    """What `sightline upload`, the device's own program, makes of a picture."""
    words = [sys.executable, "-m", "edge_agent", "upload", str(path), "--config", str(config), "--camera", camera]
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, "COLUMNS": "200"}
    )
    out, errors = (text.decode(errors="replace").strip() for text in await process.communicate())
    if process.returncode:
        raise OutsideError(f"sightline upload ended with {process.returncode}: {errors.splitlines()[-1:] or out}")
    row = next((line for line in out.splitlines() if line.startswith(path.name[:12])), out)
    result = " ".join(row.removeprefix(path.name).split())
    return "sent" in result.split()[:1], result or out


async def _settled(parts: Parts) -> None:
    """Until every job has ended."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        depth = await parts.queue.depth()
        if depth.waiting + depth.taken == 0:
            return
        if time.monotonic() > deadline:
            raise OutsideError(f"{depth.waiting + depth.taken} jobs have not ended within {DEADLINE_S:g} s")
        await asyncio.sleep(0.1)


async def _sent(parts: Parts) -> None:
    """Until nothing is approved or on its way."""
    deadline = time.monotonic() + DEADLINE_S
    while await asyncio.to_thread(parts.actions.commands, "approved", "sending"):
        if time.monotonic() > deadline:
            raise OutsideError("an approved action was not carried out in time")
        await asyncio.sleep(0.1)


async def _report(parts: Parts, scenes: Sequence[Scene], notes: list[str], *, leaves: bool) -> Report:
    commands = parts.actions.commands()
    lines = []
    for diagnosis in sorted(parts.diagnoses.each(), key=lambda d: d.captured):
        if diagnosis.label == READINGS:
            continue
        own = tuple(command for command in commands if command.job == diagnosis.job)
        lines.append(Line(diagnosis, await _picture(parts, diagnosis), own, _truth(diagnosis, scenes)))
    verified = parts.audit.verify()
    today = datetime.now(UTC)
    rows = costs(parts.database, f"{today:%Y}-01-01", f"{today.year + 1}-01-01")
    sound = "unbroken" if verified.broken is None else f"BROKEN: {verified.broken}"
    said = (
        "A demonstration: the pictures are rendered, the model is a nearest-neighbour search among rendered pictures behind "
        "a local OpenAI-compatible server, its price is made up, the valve is simulated. All between is the real thing."
    )
    return Report(
        title="A potato field, seen from the cloud" if leaves else "Manhole covers, seen from the cloud",
        said=said,
        lines=lines,
        costs=rows,
        notes=notes,
        audit=f"Audit log: {verified.entries} entries, {sound}; head {verified.head[:16]}…",
    )


async def _picture(parts: Parts, diagnosis: Diagnosis) -> bytes | None:
    try:
        return None if diagnosis.picture is None else await parts.queue.picture(diagnosis.picture)
    except MissingPictureError:
        return None


def _truth(diagnosis: Diagnosis, scenes: Sequence[Scene]) -> str | None:
    near = [s for s in scenes if s.camera == diagnosis.camera]
    return min(near, key=lambda s: abs(time.time() - s.hours_ago * 3600 - diagnosis.captured)).shows if near else None


def _hour(t: float) -> str:
    return datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%d %H:%M UTC")
