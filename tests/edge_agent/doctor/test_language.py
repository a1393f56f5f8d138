"""What the doctor says of a language model."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from edge_agent.config import load_config
from edge_agent.doctor.base import Patient
from edge_agent.doctor.language import language

CONFIG = """
version: 1
model: {{path: {root}/demo/model/sightline-demo.onnx}}
cameras: [{{name: yard, rules: [{{type: tamper}}]}}]
language: {{{words}}}
"""
TINY = (
    "path: {root}/demo/model/vlm/sightline-demo-vlm.gguf, mmproj: {root}/demo/model/vlm/mmproj-sightline-demo-vlm.gguf"
)


def found(tmp_path: Path, root: Path, words: str) -> list[tuple[str, str]]:
    file = tmp_path / "c.yaml"
    file.write_text(CONFIG.format(root=root, words=words.format(root=root)))
    patient = Patient(time.monotonic() + 30, os.environ, load_config(file), file)
    assert patient.config is not None
    return [(finding.level, finding.text) for _, look in language(patient, patient.config) for finding in look()]


def test_the_template_needs_no_check(tmp_path: Path, root: Path) -> None:
    assert found(tmp_path, root, "backend: template") == []


def test_a_model_that_works(tmp_path: Path, root: Path) -> None:
    pytest.importorskip("xllamacpp")
    (fits, fitting), (answers, answering) = found(tmp_path, root, "backend: llama_cpp, threads: 1, " + TINY)
    assert (fits, answers) == ("ok", "ok")
    assert "weights" in fitting
    assert "an answer about one picture takes about" in answering


def test_a_damaged_file_is_told_in_one_line(tmp_path: Path, root: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(20))
    ((level, text),) = found(tmp_path, root, "backend: llama_cpp, path: broken.gguf")
    assert level == "fail"
    assert "broken.gguf" in text
    assert "\n" not in text
