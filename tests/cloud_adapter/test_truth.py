"""From pictures that wait for a person to a table that calibrates: `sightline cloud review`, `judge`, `calibrate`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cloud_adapter.config import load_cloud
from cloud_adapter.diagnosis.calibration import Calibration
from cloud_adapter.records import Candidate, Diagnosis, Opinion
from cloud_adapter.service import open_parts
from edge_agent.cli import build
from tests.cloud_adapter.test_service import variables, written  # noqa: F401  # variables: a fixture
from vision.errors import InputError

Run = Callable[..., str]


@pytest.fixture
def config(tmp_path: Path, variables: None) -> Path:  # noqa: F811
    return written(tmp_path, "http://127.0.0.1:9/v1", "http://127.0.0.1:9/")


@pytest.fixture
def run(config: Path) -> Run:
    def invoke(*words: Any) -> str:
        done = CliRunner().invoke(build("cloud"), ["cloud", *map(str, words), "--config", str(config)])
        if done.exception is not None:
            raise done.exception
        return done.output

    return invoke


def filled(config: Path, count: int, review: int = 2) -> None:
    """Diagnoses of which the model is far too sure; the first ones went to a person."""
    parts = open_parts(load_cloud(config))
    for n in range(count):
        said = Opinion(
            model="a",
            label="late_blight",
            answer="label",
            candidates=(Candidate(label="late_blight", confidence=0.99),),
        )
        parts.diagnoses.keep(
            Diagnosis(
                job=f"node/{n:03d}", device="node", camera="field-1", site="farm", profile="potato",
                captured=1.79e9 + n, decided=1.79e9 + n, outcome="review" if n < review else "diagnosed",
                label="late_blight", opinions=(said,), reasons=("hard to tell",) if n < review else (),
                picture=f"picture-{n}",
            )
        )  # fmt: skip
    asyncio.run(parts.close())


def test_verdicts_take_pictures_off_the_list(run: Run, config: Path, tmp_path: Path) -> None:
    filled(config, 4)
    assert run("review").count("node/") == 2
    assert run("review", "--all").count("node/") == 4
    assert "hard to tell" in run("review")
    assert "node/001: early_blight, says anna" in run("judge", "node/001", "early_blight", "--by", "anna")
    assert "node/001" not in run("review", "--all")
    run("judge", "node/000", "unsure", "--by", "anna")
    assert "no picture waits" in run("review")
    listed = run("review", "--all", "--save", tmp_path / "pictures")
    assert "no more there" in listed  # the queue has let them go


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("judge", "node/000", "rust", "--by", "anna"), "write one of: healthy, early_blight, late_blight, unsure"),
        (("judge", "node/999", "healthy", "--by", "anna"), "no diagnosis of this job"),
        (("calibrate", "--out", "c.yaml", "--by", "anna"), "nobody has judged a picture yet"),
    ],
)
def test_mistakes_are_one_line(run: Run, config: Path, words: tuple[str, ...], told: str) -> None:
    filled(config, 1)
    with pytest.raises(InputError, match=told):
        run(*words)


def test_a_table_is_written_and_used(run: Run, config: Path, tmp_path: Path) -> None:
    filled(config, 40)
    for n in range(40):
        run("judge", f"node/{n:03d}", "late_blight" if n % 4 else "early_blight", "--by", "anna")
    out = tmp_path / "calibration.yaml"
    other = {"model": "b", "profile": "potato", "temperature": 3, "pictures": 60, "on": "2026-01-01", "by": "bert"}
    out.write_text(yaml.safe_dump({"entries": [other]}))
    with pytest.raises(InputError, match="no model has so many judged pictures; nothing is written"):
        run("calibrate", "--out", out, "--by", "anna")
    told = run("calibrate", "--out", out, "--by", "anna", "--least", 30)
    assert "1 of 2 entries are new" in told
    table = Calibration.read(out)
    assert table.known("potato", "a")
    assert table.temperature("potato", "b") == 3  # what was there stays
    sure = table.apply("potato", "a", "label", {"late_blight": 0.99, "": 0.01})["late_blight"]
    assert sure == pytest.approx(0.75, abs=0.03)  # three of four were right
    entry = next(e for e in yaml.safe_load(out.read_text())["entries"] if e["model"] == "a")
    assert (entry["pictures"], entry["by"]) == (40, "anna, with sightline cloud calibrate")
    assert str(entry["on"]) == time.strftime("%Y-%m-%d", time.gmtime())
