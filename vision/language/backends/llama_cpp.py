"""The backend `llama_cpp`: GGUF files through whichever binding is installed.

llama-cpp-python first, which stops a prompt halfway; else xllamacpp, which needs no compiler. Both run the same
llama.cpp. The binding is imported when a model is opened.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

from vision.errors import InputError, ModelError
from vision.language.backends.base import ModelSettings, backend
from vision.language.backends.engine import Engine, EngineModel

BINDINGS = ("llama_cpp", "xllamacpp")
_MISSING = (
    "language.backend llama_cpp: no binding to llama.cpp is installed; pip install 'sightline[llama]' (prebuilt), "
    "or 'sightline[llama-source]' (built here, needs a C++ compiler)"
)


@backend("llama_cpp", local=True)
def open_llama_cpp(settings: ModelSettings) -> EngineModel:
    """Load the GGUF file of the settings with the binding that is there."""
    return open_with(installed_binding(), settings)


@backend("llama_cpp_python", local=True)
def open_llama_cpp_python(settings: ModelSettings) -> EngineModel:
    """The same with llama-cpp-python, whatever else is installed."""
    return open_with("llama_cpp", settings)


@backend("xllamacpp", local=True)
def open_xllamacpp(settings: ModelSettings) -> EngineModel:
    """The same with xllamacpp, whatever else is installed."""
    return open_with("xllamacpp", settings)


def open_with(binding: str, settings: ModelSettings) -> EngineModel:
    """Load it with this binding (a name of `BINDINGS`)."""
    if settings.path is None:
        raise InputError("language.path is missing: the backend llama_cpp needs a model file (*.gguf)")
    if importlib.util.find_spec(binding) is None:
        raise ModelError(_MISSING)
    return EngineModel(_maker(binding)(settings), settings.path.stem, settings.seed, settings.temperature)


def installed_binding() -> str:
    """The binding that will be used. Raises `ModelError`, which names what to install, where there is none."""
    for binding in BINDINGS:
        if importlib.util.find_spec(binding) is not None:
            return binding
    raise ModelError(_MISSING)


def _maker(binding: str) -> Callable[[ModelSettings], Engine]:
    if binding == "llama_cpp":
        from vision.language.backends.engines.llama_cpp_python import LlamaCppPythonEngine

        return LlamaCppPythonEngine
    from vision.language.backends.engines.xllamacpp import XllamacppEngine

    return XllamacppEngine
