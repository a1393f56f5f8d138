"""The seam of a backend: what it is told, how it is found, what answers when it is opened.

A backend is a function from `ModelSettings` to a `LanguageModel`, registered with `@backend`; a new file in this folder
is found by itself. A `local` one runs foreign native code on a file: applications start it in a child process of its own
(`edge_agent.language.child`), tests and that child open it here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from vision.errors import InputError
from vision.language.model import LanguageModel
from vision.plugins import Plugins


class ModelSettings(BaseModel):
    """Which model answers, and what it may use. Paths are absolute or count from the current folder; secrets are real."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    backend: str = Field("template", description="Who answers: template (no model), llama_cpp, openai.")
    path: Path | None = Field(None, description="The model's GGUF file (llama_cpp).")
    mmproj: Path | None = Field(None, description="Its vision part, a GGUF file too; without it no pictures are taken.")
    n_ctx: int = Field(2048, ge=256, le=131072, description="Tokens for question, pictures and answer together.")
    threads: int | None = Field(
        None, ge=1, le=256, description="Threads; default: half of the cores, so that detection keeps the others."
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Start of chance where the temperature is not 0.")
    temperature: float = Field(0.0, ge=0, le=2, description="0: always the likeliest word.")
    memory_mb: int | None = Field(
        None, ge=32, description="The model's process is ended beyond; default: what the files need, and a third more."
    )
    idle_unload_s: float = Field(
        600.0, ge=0, le=86400, description="Let the model go after so many seconds without a question; 0: never."
    )
    url: str | None = Field(None, description="Address of an OpenAI-compatible server, with its path (…/v1).")
    model: str | None = Field(None, min_length=1, description="The model that the server is to use.")
    api_key: SecretStr | None = Field(None, description="Key of that server.")
    force: bool = Field(False, description="Load the model even where the memory seems too small.")


Opener = Callable[[ModelSettings], LanguageModel]


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend in the registry. `local`: it runs native code on a model file and belongs into a process of its own."""

    name: str
    local: bool
    open: Opener


_plugins: Plugins[Backend] = Plugins("vision.language.backends")


def backend(name: str, *, local: bool) -> Callable[[Opener], Opener]:
    """Decorator: makes a backend known by its name."""

    def keep(opener: Opener) -> Opener:
        _plugins.add(name, Backend(name, local, opener))
        return opener

    return keep


def backends() -> dict[str, Backend]:
    """Every backend by its name; imports the files of this folder at first use."""
    return _plugins.all()


def find_backend(name: str) -> Backend:
    """The backend of this name. Raises `InputError` for one that does not exist (`template` is none: it needs no model)."""
    found = backends().get(name)
    if found is None:
        raise InputError(f"language: there is no backend {name!r}; write one of: template, {', '.join(backends())}")
    return found


def open_model(settings: ModelSettings) -> LanguageModel:
    """Load the model into this process.

    Raises `InputError` for settings that are incomplete, `ModelError` for a binding that is not installed, and
    `NoAnswer` (`unusable`, `memory`) for a file that cannot be loaded.
    """
    return find_backend(settings.backend).open(settings)
