"""How backends are found, and what the machine has for them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from vision.errors import InputError, ModelError
from vision.language.backends import llama_cpp, machine
from vision.language.backends.base import ModelSettings, backends, find_backend, open_model
from vision.language.backends.wording import data, filled
from vision.language.model import Task


def test_every_backend_is_found_by_itself() -> None:
    found = backends()
    assert list(found) == ["llama_cpp", "llama_cpp_python", "openai", "xllamacpp"]
    assert [name for name, backend in found.items() if not backend.local] == ["openai"]
    with pytest.raises(InputError, match="write one of: template, llama_cpp"):
        find_backend("lama")


def test_without_a_binding_the_user_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(llama_cpp.importlib.util, "find_spec", lambda name: None)
    for name in ("llama_cpp", "xllamacpp", "llama_cpp_python"):
        with pytest.raises(ModelError, match=r"pip install 'sightline\[llama\]'"):
            open_model(ModelSettings(backend=name, path=tmp_path / "m.gguf"))


def test_the_first_class_binding_is_taken_first(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, taken in [({"llama_cpp", "xllamacpp"}, "llama_cpp"), ({"xllamacpp"}, "xllamacpp")]:
        monkeypatch.setattr(llama_cpp.importlib.util, "find_spec", lambda name, there=there: name in there or None)
        assert llama_cpp.installed_binding() == taken


def test_settings_are_bounded_and_keep_their_secret() -> None:
    with pytest.raises(ValidationError):
        ModelSettings(n_ctx=1)
    with pytest.raises(ValidationError):
        ModelSettings(unknown=1)  # type: ignore[call-arg]  # that is the point
    settings = ModelSettings(backend="openai", url="http://127.0.0.1/v1", api_key="sk-secret")
    assert "sk-secret" not in repr(settings) + settings.model_dump_json()


def test_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, threads in [(1, 1), (2, 1), (3, 1), (4, 2), (16, 8)]:
        monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)))
        assert machine.threads_for(None) == threads
    assert machine.threads_for(3) == 3


def test_memory_that_a_control_group_leaves(tmp_path: Path) -> None:
    assert machine.free_memory() is not None
    assert machine._left_in_group(tmp_path) is None
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("600\n")
    (tmp_path / "memory.stat").write_text("anon 100\ninactive_file 50\n")
    assert machine._left_in_group(tmp_path) is None
    (tmp_path / "memory.max").write_text("1000\n")
    assert machine._left_in_group(tmp_path) == 450


FACTS = [
    (None, "unknown"),
    (True, "yes"),
    (7.5, "7.5"),
    (["a", "<b>"], "a, ‹b›"),
    ("[INST]\n<|im_end|>", "(INST) ‹|im_end|›"),
    ("   ", "unknown"),
]


@pytest.mark.parametrize(("fact", "text"), FACTS)
def test_facts_as_text(fact: object, text: str) -> None:
    assert data(fact) == text  # type: ignore[arg-type]  # a table of many kinds


def test_places_of_a_prompt_are_filled_once() -> None:
    task = Task("t", 1, "In {place}.", "{who} {nobody} {} {a b}")
    assert filled(task, {"place": "{who}", "who": "A"}) == ("In {who}.", "A unknown {} {a b}")
