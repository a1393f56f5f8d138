"""Vibration signals from CSV files: the last number of each line is a sample; a heading is left out."""

from __future__ import annotations

import csv
from pathlib import Path

from edge_agent.inspect.live.messages import number_of
from vision.errors import InputError
from vision.media.folder import natural_key


def read_signals(folder: Path) -> list[list[float]]:
    """A signal for each *.csv of a folder, in natural order. Raises InputError for a folder or file that holds none."""
    files = sorted(folder.glob("*.csv"), key=lambda file: natural_key(file.name)) if folder.is_dir() else []
    if not files:
        raise InputError(f"{folder}: holds no CSV files; name a folder with the signal of a good part in each")
    return [_signal(file) for file in files]


def _signal(file: Path) -> list[float]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            rows = [number_of(row[-1].strip()) for row in csv.reader(opened) if row]
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{file}: is no CSV file in UTF-8") from None
    samples = rows[1:] if rows and rows[0] is None else rows  # a heading
    wrong = next((i for i, sample in enumerate(samples) if sample is None), None)
    if wrong is not None:
        raise InputError(f"{file}: line {wrong + 1 + len(rows) - len(samples)} ends with no number")
    return [sample for sample in samples if sample is not None]
