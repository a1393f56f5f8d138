"""`sightline inspect vibration`: what good parts sound like, for a sensor's key `vibration`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("vibration")(vibration_command)


def vibration_command(
    folder: Annotated[
        Path, typer.Argument(help="Folder of CSV files: the signal of a good part each.", show_default=False)
    ],
    rate: Annotated[float, typer.Option(min=1.0, help="Samples a second.", show_default=False)],
    out: Annotated[Path, typer.Option(help="File to write the model to.", show_default=False)],
    false_reject: Annotated[
        float, typer.Option(min=0.0001, max=0.5, help="Share of good parts that may be rejected.")
    ] = 0.02,
) -> None:
    """Learn what good parts sound like from their vibration: the last number of each line of a file is a sample."""
    from edge_agent.inspect.signals import read_signals
    from vision.errors import InputError
    from vision.inspect.vibration import learn

    model = learn(read_signals(folder), rate, false_reject)
    try:
        out.write_bytes(model.dumps())
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written ({error.strerror}); name another file") from None
    typer.echo(f"{out}: learned from {model.parts} signals, {len(model.mean)} bands, threshold {model.threshold:.2f}")
