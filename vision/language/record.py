"""A question to a language model, kept whole: enough to ask it again, letter by letter, and to tell what has changed since.

The pictures lie beside the record as files; `Kept.digest` tells whether they are still the same. Of a model's files the
size and a digest are kept, so that another file under the same name is noticed.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vision.errors import SightlineError
from vision.events import Event
from vision.language.backends.base import ModelSettings
from vision.language.backends.llama_cpp import installed_binding
from vision.language.model import Answer, Task
from vision.language.prompts.task import Shown

_WHOLE = 16 << 20  # bytes; larger files are known by their size and samples
_SAMPLE = 1 << 18
_SAMPLES = 32
_PACKAGES = {"llama_cpp": "llama-cpp-python", "xllamacpp": "xllamacpp"}
_BINDINGS = {"llama_cpp_python": "llama_cpp", "xllamacpp": "xllamacpp"}


class Kept(BaseModel):
    """A file as it was: `path` as it was named then, bytes, and a digest of its content."""

    model_config = ConfigDict(frozen=True)
    path: str
    size: int
    digest: str


class ModelStamp(BaseModel):
    """Which model answered, and with what: its settings (no key among them), its files, the package that ran it."""

    model_config = ConfigDict(frozen=True)
    name: str
    runtime: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    files: dict[str, Kept] = Field(default_factory=dict)


class Question(BaseModel):
    """One question and the answer that was given.

    `event`: as it stood when the question was put. `system` and `prompt`: what the model read, to the letter. `seed` and
    `temperature`: those that held. `prompt_digest` is of the prompt's file, `asked` of the whole text. `pictures` count
    from the folder of the evidence; `None` where none was kept.
    """

    model_config = ConfigDict(frozen=True)
    form: Literal[1] = 1
    event: Event
    asked_at: float | None = None
    name: str
    version: int
    prompt_digest: str
    asked: str
    system: str
    prompt: str
    max_tokens: int
    seed: int
    temperature: float
    answer_schema: dict[str, Any]
    pictures: tuple[Kept, ...] | None = None
    images: int = 0
    shown: Shown = "crop"
    light: float | None = None
    locale: str = "en"
    model: ModelStamp
    values: dict[str, Any]
    text: str

    def task(self) -> Task:
        """What is to be asked again."""
        return Task(self.name, self.version, self.system, self.prompt, self.max_tokens, self.seed, self.temperature)


def differences(then: Question, now: Answer) -> dict[str, tuple[Any, Any]]:
    """The fields that are answered otherwise: what then, what now."""
    names = dict.fromkeys([*then.values, *now.values])
    pairs = {name: (then.values.get(name), now.values.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def stamp(settings: ModelSettings, name: str) -> ModelStamp:
    """The model of these settings as it is now."""
    named = {"path": settings.path, "mmproj": settings.mmproj}
    files = {key: path.absolute() for key, path in named.items() if path is not None}
    settings = settings.model_copy(update=files)
    return ModelStamp(
        name=name,
        runtime=runtime(settings.backend),
        settings=settings.model_dump(mode="json", exclude={"api_key"}),
        files={key: kept for key, path in files.items() if (kept := kept_file(path)) is not None},
    )


def runtime(backend: str) -> str:
    """The package that runs models of this backend, with its version; "" where a server does."""
    try:
        binding = installed_binding() if backend == "llama_cpp" else _BINDINGS.get(backend)
        return "" if binding is None else f"{_PACKAGES[binding]} {version(_PACKAGES[binding])}"
    except (SightlineError, PackageNotFoundError):
        return ""


def kept_file(path: Path) -> Kept | None:
    """A file as it is now; None where it cannot be read. Of one beyond 16 MiB only samples go into the digest."""
    try:
        size = path.stat().st_size
        told = hashlib.sha256(str(size).encode())
        with path.open("rb") as file:
            if size <= _WHOLE:
                told.update(file.read())
            else:
                for number in range(_SAMPLES):
                    file.seek((size - _SAMPLE) * number // (_SAMPLES - 1))
                    told.update(file.read(_SAMPLE))
    except OSError:
        return None
    return Kept(path=str(path), size=size, digest=told.hexdigest())


def kept_bytes(path: str, data: bytes) -> Kept:
    """The same of a file that is about to be written."""
    told = hashlib.sha256(str(len(data)).encode())
    told.update(data)
    return Kept(path=path, size=len(data), digest=told.hexdigest())
