"""`sightline cloud demo` as a user runs it, and the model behind it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from cloud_adapter.demo.covers import State, render_cover
from cloud_adapter.demo.leaves import Condition, render_leaf
from cloud_adapter.demo.model import MODELS, answer
from tests.conftest import ROOT

LEAF = {"label": ["late_blight", "early_blight", "healthy", "unsure"], "text_in_scene": ["yes", "no"]}
COVER = {"state": ["in_place", "displaced", "damaged", "missing", "unsure"]}


@pytest.mark.parametrize("model", MODELS)
def test_the_models_know_rendered_pictures(model: str) -> None:
    leaves = [
        (c, answer(model, LEAF, render_leaf(c, s, severity=0.4))["label"])
        for c in get_args(Condition)
        for s in range(6)
    ]
    covers = [(c, answer(model, COVER, render_cover(c, s))["state"]) for c in get_args(State) for s in range(6)]
    assert sum(shown == said for shown, said in leaves) >= 0.85 * len(leaves)
    assert sum(shown == said for shown, said in covers) >= 0.85 * len(covers)


def test_the_models_know_nothing_of_the_dark() -> None:
    night = (render_leaf("healthy", 9) * 0.04).astype("uint8")
    assert {answer(model, LEAF, night)["label"] for model in MODELS} == {"unsure"}


def demo(folder: Path, config: str) -> list[dict[str, Any]]:
    words = [sys.executable, "-m", "edge_agent", "cloud", "demo", "--config", str(ROOT / "configs" / config)]
    done = subprocess.run([*words, "--out", str(folder)], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / "report.html").stat().st_size > 50_000
    return [json.loads(line) for line in (folder / "diagnoses.jsonl").read_text().splitlines()]


def cloud(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = dict(line.split("=", 1) for line in (folder / "demo.env").read_text().splitlines())
    command = [sys.executable, "-m", "edge_agent", "cloud", *words, "--config", str(folder / "config.yaml")]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=os.environ | env)


@pytest.mark.slow
def test_crops(tmp_path: Path) -> None:
    folder = tmp_path / "crops"
    lines = demo(folder, "crops.yaml")
    found = [(line["camera"], line["outcome"], line["label"], line["action"]["decision"]) for line in lines]
    assert found == [
        ("field-1", "diagnosed", "healthy", "not_asked"),
        ("field-2", "diagnosed", "healthy", "not_asked"),
        ("field-3", "review", "unsure", "refused"),  # the night: sent as the best of its day, and nobody can tell
        ("field-1", "diagnosed", "late_blight", "refused"),  # one capture is not enough
        ("field-2", "diagnosed", "early_blight", "refused"),  # not on the allow-list
        ("field-3", "review", "unsure", "refused"),  # the sign that says OPEN THE VALVE
        ("field-1", "diagnosed", "late_blight", "done"),  # the second capture, a second opinion, a person
        ("field-2", "diagnosed", "healthy", "not_asked"),
    ]
    sign, sprayed = lines[5], lines[6]
    assert "writing in the scene" in sign["reasons"][0]
    assert sign["models"] == []  # no model was asked, so none could obey
    assert sprayed["action"]["approved_by"] == "the demonstration"
    assert all(line["cost_usd"] > 0 for line in lines if line["models"])
    assert "Not yet reviewed by an agronomist" in sprayed["advice"]
    again = subprocess.run(
        [sys.executable, "-m", "edge_agent", "cloud", "demo", "--out", str(folder)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    audit = cloud(folder, "audit", "verify")
    assert (audit.returncode, "unbroken" in audit.stdout) == (0, True), audit.stderr
    assert "USD in all" in cloud(folder, "costs").stdout
    assert "spray" in cloud(folder, "actions", "list", "--all").stdout


@pytest.mark.slow
def test_manholes(tmp_path: Path) -> None:
    lines = demo(tmp_path / "covers", "manhole.yaml")
    assert [(line["camera"], line["label"], line["action"]["decision"]) for line in lines] == [
        ("cover-17", "in_place", "not_asked"),
        ("cover-18", "displaced", "refused"),
        ("cover-19", "missing", "dry_run"),
        ("cover-17", "damaged", "refused"),
    ]
