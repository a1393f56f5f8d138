"""How fast a model is on this machine: measured for a few seconds, remembered for as long as nothing has changed."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_agent.language.child import ChildModel, start_model
from edge_agent.language.child_sample import sample_picture
from vision.language.backends.base import ModelSettings
from vision.language.backends.machine import threads_for
from vision.language.model import Answer, LanguageModel, NoAnswer, Task
from vision.language.record import kept_file

LOAD_S = 300.0
_SCHEMA = {
    "type": "object",
    "properties": {
        "visible": {"type": "boolean"},
        "people": {"type": "integer", "minimum": 0, "maximum": 9},
        "summary": {"type": "string", "maxLength": 160},
    },
}
_ENOUGH = 12  # answers: of a fast model, more tell nothing new
_TYPICAL = (250, 80)  # tokens of a question without its picture, and of its answer


@dataclasses.dataclass(frozen=True, slots=True)
class ProbeResult:
    """Speeds in tokens per second and seconds, None where nothing came in time.

    `load_s`: from nothing to ready; `first_s`: the first answer after it. `picture_s`: what one picture adds to a
    question. `rss_bytes`: the most memory that the process had. `failure`: why there was no answer, "" where all is well.
    """

    load_s: float
    first_s: float | None = None
    prompt_rate: float | None = None
    answer_rate: float | None = None
    picture_s: float | None = None
    rss_bytes: int = 0
    answers: int = 0
    failure: str = ""
    cached: bool = False

    @property
    def answer_s(self) -> float | None:
        """How long an answer about one picture will take: 250 tokens of question, 80 of answer."""
        if not self.prompt_rate or not self.answer_rate:
            return None
        question, answer = _TYPICAL
        return question / self.prompt_rate + answer / self.answer_rate + (self.picture_s or 0.0)


def probe(
    settings: ModelSettings,
    seconds: float = 10.0,
    *,
    cache: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> ProbeResult:
    """Load the model and ask it for so many seconds at most (loading not counted).

    `cache`: a JSON file of earlier results, by model files, settings, binding and processor; failures are not kept.
    """
    known = remembered(settings, cache)
    if known is not None:
        return known
    model = start_model(settings)
    try:
        result = _measure(model, seconds, clock)
    finally:
        model.close()
    if cache is not None and not result.failure:
        _write(cache, {**_read(cache), fingerprint(settings): dataclasses.asdict(result)})
    return result


def remembered(settings: ModelSettings, cache: Path | None) -> ProbeResult | None:
    """What was measured before of this very model on this machine."""
    known = _read(cache).get(fingerprint(settings))
    with contextlib.suppress(TypeError):
        return None if known is None else dataclasses.replace(ProbeResult(**known), cached=True)
    return None


def fingerprint(settings: ModelSettings) -> str:
    """What the speed depends on, as a short text: files, context, threads, binding, processor."""
    digest = hashlib.sha256()
    for path in (settings.path, settings.mmproj):
        kept = None if path is None else kept_file(path)
        digest.update(b"none" if kept is None else kept.digest.encode())
    parts = (
        settings.backend,
        settings.url,
        settings.model,
        settings.n_ctx,
        threads_for(settings.threads),
        [_version(name) for name in ("llama_cpp_python", "xllamacpp")],
        processor(),
    )
    digest.update(repr(parts).encode())
    return digest.hexdigest()[:24]


def processor() -> str:
    """The processor's name and number of cores."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} cores"


def _measure(model: LanguageModel, seconds: float, clock: Callable[[], float]) -> ProbeResult:
    start = clock()
    try:
        if isinstance(model, ChildModel):
            model.warm_up(LOAD_S)
    except NoAnswer as error:
        return ProbeResult(clock() - start, failure=str(error))
    load_s, until = clock() - start, clock() + seconds
    told: list[tuple[bool, Answer]] = []
    failure = ""
    number = 0
    while clock() < until and len(told) < _ENOUGH:
        seen = model.sees and number % 2 == 1
        try:
            told.append((seen, _ask(model, number, seen, until - clock())))
        except NoAnswer as error:
            # A word that no model is bound to answer well, and the end of the time, are no failures once it has answered
            failure = "" if told else str(error)
            if error.failure != "invalid":
                break
        number += 1
    return _result(model, load_s, told, failure)


def _ask(model: LanguageModel, number: int, seen: bool, left_s: float) -> Answer:
    # The number comes first, so that nothing of the question before can be used again
    task = Task(
        "probe", 1, f"Question {number}. You watch a camera. " + "Be brief and exact. " * 12, "Tell what you see.", 60
    )
    return model.ask(task, [sample_picture(number)] if seen else [], {}, _SCHEMA, left_s)


def _result(model: LanguageModel, load_s: float, told: list[tuple[bool, Answer]], failure: str) -> ProbeResult:
    blind = [answer.latency_s for seen, answer in told[1:] or told if not seen]
    eyed = [answer.latency_s for seen, answer in told if seen]
    result = ProbeResult(
        load_s=load_s,
        first_s=told[0][1].latency_s if told else None,
        picture_s=max(0.0, _median(eyed) - _median(blind)) if eyed and blind else None,
        answers=len(told),
        failure=failure,
    )
    if not isinstance(model, ChildModel):
        return result
    state = model.state()
    return dataclasses.replace(
        result, prompt_rate=state.prompt_rate, answer_rate=state.answer_rate, rss_bytes=state.peak_bytes
    )


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _read(cache: Path | None) -> dict[str, dict[str, Any]]:
    """Earlier results; none where the file is missing or makes no sense."""
    if cache is None:
        return {}
    try:
        raw = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {key: value for key, value in raw.items() if isinstance(value, dict)} if isinstance(raw, dict) else {}


def _write(cache: Path, results: dict[str, dict[str, Any]]) -> None:
    """Whole or not at all; a folder that cannot be written to costs a measurement next time, nothing else."""
    with contextlib.suppress(OSError):
        cache.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=cache.parent, prefix=cache.name)
        with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123  # a handle, no path
            json.dump(results, file, indent=1)
        Path(name).replace(cache)
