"""What is special in a binding: the port of one, the grammar of the other."""

from __future__ import annotations

import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.language_peers import SCHEMA, TASK, need_binding, picture, smollm2, tiny
from vision.language.backends.base import ModelSettings, open_model
from vision.language.backends.engine import Stopped
from vision.language.backends.schema import grammar


def test_the_port_of_the_embedded_server_is_locked(shared_data: Path) -> None:
    model: Any = open_model(tiny(shared_data, "xllamacpp"))
    with closing(model):
        address = model._engine._server.listening_address
        assert address.startswith("http://127.0.0.1:")
        for path, body in [("/v1/models", None), ("/v1/chat/completions", b"{}"), ("/slots", None), ("/props", None)]:
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(address + path, body, timeout=10)
            caught.value.close()
            assert caught.value.code in {401, 404, 501}
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(address + "/health", timeout=10)


@pytest.mark.parametrize("backend", ["xllamacpp", "llama_cpp_python"])
def test_what_a_prompt_has_in_common_with_the_last_one_is_read_once(shared_data: Path, backend: str) -> None:
    model: Any = open_model(tiny(shared_data, backend))
    with closing(model):
        model.ask(TASK, [picture(seed=1)], {"part": "A"}, SCHEMA, 60.0)
        whole = model.last.read
        model.ask(TASK, [picture(seed=2)], {"part": "A"}, SCHEMA, 60.0)
        assert 64 <= model.last.read < whole  # the picture, but not the system text before it
        again = model.last.text
        model.ask(TASK, [picture(seed=1)], {"part": "A"}, SCHEMA, 60.0)
        model.ask(TASK, [picture(seed=2)], {"part": "A"}, SCHEMA, 60.0)
        assert model.last.text == again


def test_a_long_prompt_is_stopped_halfway() -> None:
    """Read in small batches, or aborted within one: in no case to its end."""
    for backend in ("xllamacpp", "llama_cpp_python"):
        try:
            need_binding(backend)
        except pytest.skip.Exception:
            continue
        asked: list[int] = []
        model: Any = open_model(ModelSettings(backend=backend, path=smollm2(), n_ctx=2048, threads=1))
        with closing(model):
            request = replace(model.request(TASK, [], {}, SCHEMA), prompt="Look at this part. " * 250)

            def stop(asked: list[int] = asked) -> bool:
                asked.append(1)
                return len(asked) > 4

            with pytest.raises(Stopped):
                model._engine.generate(request, stop)


def test_choosing_few_tokens_is_choosing_all(shared_data: Path) -> None:
    """The likeliest token that the grammar allows, found by asking of few, is the one found by asking of all."""
    model: Any = open_model(tiny(shared_data, "llama_cpp_python"))
    from vision.language.backends.engines.held import Held

    with closing(model):
        engine, chance = model._engine, np.random.default_rng(3)
        vocab, count = engine._llama._model.vocab, engine._llama.n_vocab()
        held = Held(engine._api, vocab, grammar(SCHEMA), 0.0, 0)
        try:
            for _ in range(40):
                logits = chance.normal(size=count).astype(np.float32)
                allowed = held._filtered(np.arange(count), logits)
                best = int(np.argmax(allowed))
                token = held.choose(logits)
                assert token == best
                if engine._api.llama_vocab_is_eog(vocab, token):
                    break
        finally:
            held.close()
