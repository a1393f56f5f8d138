"""How fast a model is: measured once, and again when something has changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_agent.language.child_probe import ProbeResult, fingerprint, probe
from tests.language_peers import tiny
from vision.errors import InputError
from vision.language.backends.base import ModelSettings


def test_measured_once_and_remembered(shared_data: Path, tmp_path: Path) -> None:
    settings, cache = tiny(shared_data), tmp_path / "cache" / "probe.json"
    result = probe(settings, 30.0, cache=cache)
    assert result.failure == ""
    assert not result.cached
    assert result.answers >= 1
    assert result.load_s > 0
    assert result.rss_bytes > 10 << 20
    assert result.prompt_rate is not None
    assert result.answer_rate is not None
    assert result.answer_s is not None
    again = probe(settings, 30.0, cache=cache)
    assert again.cached
    assert again.answer_s == result.answer_s


def test_a_model_that_cannot_be_loaded_says_why_and_is_not_remembered(tmp_path: Path) -> None:
    path, cache = tmp_path / "model.gguf", tmp_path / "probe.json"
    path.write_bytes(b"GGUF")
    result = probe(ModelSettings(backend="xllamacpp", path=path), 1.0, cache=cache)
    assert "ends within its header" in result.failure
    assert result.answer_s is None
    assert not cache.exists()


def test_what_the_speed_depends_on(shared_data: Path, tmp_path: Path) -> None:
    settings = tiny(shared_data)
    assert settings.path is not None
    copy = tmp_path / "copy.gguf"
    copy.write_bytes(settings.path.read_bytes())
    same = fingerprint(settings.model_copy(update={"path": copy}))
    assert same == fingerprint(settings)  # the content counts, not the name
    copy.write_bytes(settings.path.read_bytes() + b"x")
    others = [{"path": copy}, {"threads": 2}, {"n_ctx": 512}, {"backend": "xllamacpp2"}, {"mmproj": None}]
    keys = {fingerprint(settings.model_copy(update=other)) for other in others}
    assert len(keys | {same}) == len(others) + 1


@pytest.mark.parametrize("content", ["", "[]", "{", '{"KEY": 5}', '{"KEY": {"unknown": 1}}'])
def test_a_damaged_cache_is_measured_anew(shared_data: Path, tmp_path: Path, content: str) -> None:
    settings, cache = tiny(shared_data), tmp_path / "probe.json"
    cache.write_text(content.replace("KEY", fingerprint(settings)), encoding="utf-8")
    assert not probe(settings, 30.0, cache=cache).cached
    assert fingerprint(settings) in json.loads(cache.read_text(encoding="utf-8"))


def test_the_time_of_an_answer() -> None:
    assert ProbeResult(1.0, prompt_rate=100.0, answer_rate=20.0, picture_s=1.5).answer_s == pytest.approx(8.0)
    assert ProbeResult(1.0).answer_s is None


def test_settings_that_are_incomplete() -> None:
    with pytest.raises(InputError, match=r"language\.path is missing"):
        probe(ModelSettings(backend="llama_cpp"))
    with pytest.raises(InputError, match="no backend 'lama'"):
        probe(ModelSettings(backend="lama"))
