"""From the config to what a model is asked, and whether it fits this machine."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_agent.cli import build
from edge_agent.config import Config, load_config
from edge_agent.config.loading import load_with_warnings
from edge_agent.language.child_probe import ProbeResult, fingerprint
from edge_agent.language.fitness import CACHE
from edge_agent.language.settings import asking_for, model_settings
from edge_agent.live.changes import changes
from tests.conftest import ROOT
from vision.errors import ConfigError
from vision.events import Event
from vision.language.fields import fields_for
from vision.language.prompts.task import CameraContext, task_for

MODEL = ROOT / "demo/model/vlm"
TINY = f"path: {MODEL}/sightline-demo-vlm.gguf, mmproj: {MODEL}/mmproj-sightline-demo-vlm.gguf"
TEXT = """version: 1
model: {{path: {root}/demo/model/sightline-demo.onnx}}
cameras:
  - {{name: yard, rules: [{{type: tamper}}], context: "{context}"}}
  - {{name: gate, rules: [{{type: tamper}}]}}
language: {{{words}}}
"""


def write(folder: Path, words: str = "backend: template", context: str = "a school yard") -> Path:
    file = folder / "c.yaml"
    file.write_text(TEXT.format(root=ROOT, context=context, words=words), encoding="utf-8")
    return file


def loaded(folder: Path, *args: Any, **named: Any) -> Config:
    return load_config(write(folder, *args, **named))


def test_each_camera_s_context_is_in_its_own_questions(tmp_path: Path) -> None:
    asking = asking_for(
        loaded(tmp_path, "timezone: Asia/Shanghai, prompts: [{rule: tamper, context: lenses get dusty}]")
    )
    assert str(asking.timezone) == "Asia/Shanghai"
    asked = {}
    for camera in ("yard", "gate"):
        event = Event(id="1", type="tamper", camera=camera, severity="alert", start=1.0, opened=1.0, at=1.0)
        context = CameraContext(asking.contexts.get(camera, ""), asking.timezone)
        asked[camera] = task_for(event, context, asking.overrides).prompt
    assert "a school yard; lenses get dusty" in asked["yard"]
    assert "school" not in asked["gate"]
    assert "lenses get dusty" in asked["gate"]


WRONG = [
    # more than is read
    ({"context": "x" * 601}, "4: cameras[0].context: context has 601 characters, 600 are read"),
    # nothing but marks of templates
    ({"context": "<|>"}, "4: cameras[0].context: context is empty"),
    # a camera that is none
    (
        {"words": "prompts: [{camera: yrad, context: dusty}]"},
        "prompts[0].camera: there is no camera 'yrad'; did you mean yard",
    ),
]


@pytest.mark.parametrize(("named", "said"), WRONG)
def test_what_cannot_be_used_is_refused(tmp_path: Path, named: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, **named)
    assert said in str(caught.value)


def test_a_model_without_eyes_is_warned_of(tmp_path: Path) -> None:
    file = write(tmp_path, f"backend: llama_cpp, {TINY.partition(',')[0]}")
    assert any("without language.mmproj the model sees no pictures" in line for line in load_with_warnings(file)[1])


def test_another_context_renews_the_words(tmp_path: Path) -> None:
    todo = changes(loaded(tmp_path), loaded(tmp_path, context="a station"))
    assert todo.words
    assert todo.parts == ("language",)


def checked(file: Path) -> str:
    done = CliRunner().invoke(build(), ["check", str(file)])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_check_says_whether_the_model_fits_and_what_was_measured(tmp_path: Path) -> None:
    file = write(tmp_path, f"backend: llama_cpp, threads: 1, deadline_s: 2, {TINY}")
    before = checked(file)
    assert "words: sightline-demo-vlm.gguf, fits: " in before
    assert "not measured yet (sightline doctor)" in before
    key = fingerprint(model_settings(load_config(file).language))
    slow = ProbeResult(1.0, 4.0, prompt_rate=100.0, answer_rate=40.0, picture_s=0.5)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / CACHE).write_text(json.dumps({key: dataclasses.asdict(slow)}))
    assert "an answer takes about 5.0 s, later than deadline_s 2" in checked(file)


def test_the_check_says_that_the_model_does_not_fit_with_the_sum(tmp_path: Path) -> None:
    said = checked(write(tmp_path, f"backend: llama_cpp, memory_mb: 32, {TINY}"))
    assert "warning: c.yaml: language: sightline-demo-vlm.gguf needs" in said
    assert "memory_mb allows 34 MB" in said  # 32 MiB


def test_the_check_says_that_a_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(20))
    said = checked(write(tmp_path, "backend: llama_cpp, path: broken.gguf, mmproj: broken.gguf"))
    assert "warning: c.yaml: language: " in said
    assert "broken.gguf" in said


VERIFY = [
    # nothing is asked for the sake of a verdict
    ("off", False),
    ("annotate", True),
    ("suppress", True),
]


@pytest.mark.parametrize(("verify", "asked"), VERIFY)
def test_a_verdict_is_asked_where_somebody_wants_it(tmp_path: Path, verify: str, asked: bool) -> None:
    file = write(tmp_path, f"backend: llama_cpp, {TINY}")
    file.write_text(file.read_text().replace("type: tamper", f"type: tamper, verify: {verify}"))
    event = Event(id="1", type="tamper", camera="yard", rule="tamper", severity="alert", start=1.0, opened=1.0, at=1.0)
    fields = asking_for(load_config(file)).fields_of(event)
    assert ("supports" in (fields or fields_for("tamper"))) == asked
    assert "visibility" in (fields or fields_for("tamper"))  # the rest is asked all the same


def test_the_picture_has_the_size_that_the_encoder_takes(tmp_path: Path) -> None:
    assert asking_for(loaded(tmp_path, f"backend: llama_cpp, {TINY}")).side == 128
    assert asking_for(loaded(tmp_path, f"backend: llama_cpp, picture_side: 96, {TINY}")).side == 96
    assert asking_for(loaded(tmp_path, "backend: openai, url: 'http://127.0.0.1:9/v1'")).side == 512
    (tmp_path / "broken.gguf").write_bytes(b"GGUF")
    assert asking_for(loaded(tmp_path, "path: broken.gguf, mmproj: broken.gguf")).side == 512
