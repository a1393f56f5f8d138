"""`sightline upload`: pictures of files go up to the cloud, as a device would send them."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from edge_agent.config import Config, load_config
from vision.errors import InputError, OutsideError

if TYPE_CHECKING:
    from edge_agent.config import CameraConfig
    from edge_agent.uplink.batch import Batch

Captured = Literal["file", "now"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("upload")(upload_command)


def upload_command(
    paths: Annotated[list[Path], typer.Argument(help="Pictures, or folders of pictures.", show_default=False)],
    config: Annotated[Path, typer.Option("--config", "-c", help="The config file.", show_default=False)],
    camera: Annotated[
        str | None, typer.Option("--camera", help="For which camera; default: the only one with tier cloud.")
    ] = None,
    captured: Annotated[
        Captured, typer.Option("--captured", help="When they were taken: as their files say, or now.")
    ] = "file",
    wait: Annotated[
        float, typer.Option("--wait", min=0, help="Seconds to go on trying while the cloud is not reached.")
    ] = 30.0,
    follow_up: Annotated[
        list[Path] | None,
        typer.Option("--follow-up", help="Pictures that answer the cloud's wishes for another one, one each."),
    ] = None,
) -> None:
    """Send pictures to the cloud as a device does: quality gate, crop, resize, spool, signed upload.

    What cannot be sent now waits in data_dir/upload for the next call; what was sent before is not sent again.
    """
    from edge_agent.inspect.pictures import files_of

    logging.getLogger("sightline.uplink").addHandler(logging.NullHandler())  # the table and its last line say it all
    wanted = load_config(config)
    files = files_of(paths)
    answers = files_of(follow_up) if follow_up else []
    asyncio.run(_upload(wanted, config, _camera(wanted, camera), files, answers, captured, wait))


def _camera(config: Config, name: str | None) -> CameraConfig:
    cloud = [camera for camera in config.cameras if camera.tier == "cloud"]
    if not cloud or config.uplink is None:
        raise InputError("the config has no camera with tier: cloud, or no uplink; nothing says where pictures go")
    if name is None and len(cloud) == 1:
        return cloud[0]
    found = config.camera(name)
    if found.tier != "cloud":
        raise InputError(f"--camera {found.name}: its tier is {found.tier}; pictures go up only for tier cloud")
    return found


async def _upload(
    config: Config,
    path: Path,
    camera: CameraConfig,
    files: list[Path],
    answers: list[Path],
    captured: Captured,
    wait: float,
) -> None:
    from edge_agent.config.detector import NoDetector, open_model
    from edge_agent.live.folder import data_dir_of
    from edge_agent.uplink.batch import Batch
    from edge_agent.uplink.device_clock import DeviceClock
    from edge_agent.uplink.spool import Spool
    from edge_agent.uplink.tier import finder_of, limits_of, link_of

    assert config.uplink is not None
    clock = DeviceClock()
    link = link_of(config.uplink, clock)
    people = camera.capture is not None and camera.capture.people != "allow"
    finder = finder_of(config, open_model(config.model) if people and config.has_model else NoDetector())
    try:
        with Spool(data_dir_of(config, path) / "upload", limits_of(config.uplink), clock.now) as spool:
            batch = Batch(config, camera, spool, link, finder, clock, captured_now=captured == "now")
            batch.add(files, lambda _: None)
            await batch.send(wait)
            if answers:
                await batch.answer(answers, wait)
            _tell(batch, spool.stats().waiting)
    finally:
        await link.close()


def _tell(batch: Batch, waiting: int) -> None:
    """The table, the sums, and the one line where something did not work. Raises `OutsideError`."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from edge_agent.uplink.batch import lines

    shown = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("picture", "result", "size", "why"):
        shown.add_column(title, justify="right" if title == "size" else "left")
    for row in lines(batch.items):
        shown.add_row(*(Text(cell) for cell in row))
    Console().print(shown)
    counts = batch.counts()
    sent = [item for item in batch.items if item.after]
    total = ", ".join(f"{count} {result}" for result, count in counts.most_common())
    if sent:
        before, after = sum(item.before for item in sent), sum(item.after for item in sent)
        total += f"; {before / 1e6:.2f} MB of pictures as {after / 1e6:.2f} MB ({after / before:.0%})"
    typer.echo(total)
    if waiting:
        raise OutsideError(f"{waiting} pictures wait for the next call: {batch.trouble or 'the time given is over'}")
    if counts["unreadable"] == len(batch.items):
        raise InputError("none of the pictures can be read; they are damaged, copy them again")
