"""`sightline inspect vibration` from files of signals to a model that a line can use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from edge_agent.cli import build
from edge_agent.inspect.signals import read_signals
from vision.errors import InputError
from vision.inspect.vibration import VibrationModel


def write(folder: Path, count: int) -> None:
    rng = np.random.default_rng(1)
    for number in range(count):
        wave = np.sin(2 * np.pi * 50 * np.arange(512) / 3200 + rng.uniform(0, 6)) + rng.normal(0, 0.1, 512)
        lines = [f"{i / 3200:.6f},{value:.6f}" for i, value in enumerate(wave)]
        (folder / f"{number}.csv").write_text("t,acceleration\n" + "\n".join(lines) + "\n", encoding="utf-8")


def test_learned_from_files(tmp_path: Path) -> None:
    write(tmp_path, 10)
    out = tmp_path / "spindle.json"
    result = CliRunner().invoke(build(), ["inspect", "vibration", str(tmp_path), "--rate", "3200", "--out", str(out)])
    assert result.exit_code == 0, result.output
    model = VibrationModel.loads(out.read_bytes(), out.name)
    assert (model.parts, model.rate) == (10, 3200)
    assert all(model.score(signal)[0] <= model.threshold for signal in read_signals(tmp_path))


# a file, what is said of it
WRONG = [("", "no CSV"), ("1\n2\nx\n3\n", "line 3"), ("a,b\n1,2\n3,\n", "line 3")]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_files_of_no_use(tmp_path: Path, text: str, said: str) -> None:
    if text:
        (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_signals(tmp_path)
