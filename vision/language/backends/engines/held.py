"""Choosing the next token so that the grammar holds, without asking the grammar about the whole vocabulary each time.

The likeliest token is tried first, then the 64 likeliest, then all of them: the choice is the same as if all had been
filtered, at a fraction of the cost (the way of llama.cpp's own server; the binding filters everything, every time).
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from vision.language.model import NoAnswer

_FEW = 64
_TOKEN = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])  # llama_token_data


class Held:
    """One answer's grammar. `api`: the module `llama_cpp`; `vocab`: its pointer. Close it."""

    def __init__(self, api: Any, vocab: Any, grammar: str, temperature: float, seed: int) -> None:
        self._api = api
        self._sampler = api.llama_sampler_init_grammar(vocab, grammar.encode(), b"root")
        if not self._sampler:
            raise NoAnswer("refused", "llama.cpp does not take the grammar of this schema")
        self._temperature = temperature
        self._chance = np.random.default_rng(seed)

    def choose(self, logits: npt.NDArray[np.float32]) -> int:
        """The next token, told to the grammar as well. `logits`: one for each token of the vocabulary."""
        token = self._likely(logits)
        self._api.llama_sampler_accept(self._sampler, token)
        return token

    def close(self) -> None:
        """Free the grammar; once."""
        self._api.llama_sampler_free(self._sampler)

    def _likely(self, logits: npt.NDArray[np.float32]) -> int:
        if self._temperature <= 0:
            best = np.array([int(np.argmax(logits))])
            if np.isfinite(self._filtered(best, logits)[0]):
                return int(best[0])
        few = np.argpartition(logits, -min(_FEW, len(logits)))[-_FEW:]
        for some in (few, np.arange(len(logits))):
            left = self._filtered(some, logits)
            if np.isfinite(left).any():
                return int(some[self._pick(left)])
        raise NoAnswer("invalid", "no token of this model continues the grammar")

    def _pick(self, logits: npt.NDArray[np.float32]) -> int:
        if self._temperature <= 0:
            return int(np.argmax(logits))
        weights = np.exp((logits - logits.max()).astype(np.float64) / self._temperature)
        return int(self._chance.choice(len(weights), p=weights / weights.sum()))

    def _filtered(self, tokens: npt.NDArray[Any], logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The logits of these tokens, minus infinity where the grammar forbids one."""
        data = np.zeros(len(tokens), _TOKEN)
        data["id"], data["logit"] = tokens, logits[tokens]
        pointer = data.ctypes.data_as(self._api.llama_token_data_p)
        array = self._api.llama_token_data_array(pointer, len(tokens), -1, False)
        self._api.llama_sampler_apply(self._sampler, ctypes.byref(array))
        if array.size != len(tokens) or not np.array_equal(data["id"], tokens):
            raise NoAnswer("crashed", "llama.cpp reordered what it was to filter")
        return data["logit"].copy()
