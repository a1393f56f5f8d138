"""What the commands have in common: the config option, opening and closing what a config names, tables."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cloud_adapter.config import CloudFile
    from cloud_adapter.service import Parts

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The config file.", show_default=False)]
ByOption = Annotated[str, typer.Option("--by", help="Who decides; goes into the audit log.", show_default=False)]


@contextmanager
def opened(config: Path) -> Iterator[Parts]:
    """Everything that a config names, for a command beside the running service."""
    from cloud_adapter.service import open_parts

    parts = open_parts(loaded(config))
    try:
        yield parts
    finally:
        asyncio.run(parts.close())


def loaded(config: Path) -> CloudFile:
    """The config. Raises `ConfigError`."""
    from cloud_adapter.config import load_cloud

    return load_cloud(config)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> None:
    """Print a table; plain where it is not a terminal."""
    from rich.console import Console
    from rich.table import Table

    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(str(value) for value in row))
    width = None if sys.stdout.isatty() else 160
    Console(width=width, highlight=False).print(made)


def moment(t: float | None) -> str:
    """A time for people, UTC."""
    return "-" if t is None else datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%d %H:%M:%S")
