"""The network read back from its GGUF files, for checks and for training on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer

from .network import Model, Shape
from .tokens import pairs
from .words import SPECIAL

_TEXT = {
    "attn_norm": "attention_norm",
    "ffn_norm": "ff_norm",
    "attn_q": "q",
    "attn_k": "k",
    "attn_v": "v",
    "attn_output": "o",
    "ffn_gate": "gate",
    "ffn_up": "up",
    "ffn_down": "down",
}
_VISION = {"attn_q": "q", "attn_k": "k", "attn_v": "v", "attn_out": "o", "ffn_up": "up", "ffn_down": "down"}
_PLAIN = {
    "token_embd.weight": "embedding.weight",
    "output_norm.weight": "norm.weight",
    "v.position_embd.weight": "vision.place",
    "v.patch_embd": "vision.patch",
    "v.pre_ln": "vision.before",
    "v.post_ln": "vision.after",
    "mm.0": "vision.project.0",
    "mm.2": "vision.project.1",
}


def from_gguf(text: Path, vision: Path) -> Model:
    """A model with the weights of the two files, quantised as they are."""
    found: dict[str, Any] = {}
    for path in (text, vision):
        for tensor in gguf.GGUFReader(str(path)).tensors:
            values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            shape = tuple(int(n) for n in tensor.shape)[::-1]
            found[_name(tensor.name)] = torch.from_numpy(np.array(values, np.float32).reshape(shape))
    model = Model(Shape(vocab=found["embedding.weight"].shape[0]))
    model.load_state_dict(found)
    return model


def tokenizer_from_gguf(text: Path) -> Tokenizer:
    """The tokenizer of the text part."""
    fields = gguf.GGUFReader(str(text)).fields
    tokens, merges, types = (fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "merges", "token_type"))
    known = (token for token, kind in zip(tokens, types, strict=True) if kind != gguf.TokenType.UNUSED)
    cut = [tuple(merge.split(" ")) for merge in merges]
    tokenizer = pairs({token: i for i, token in enumerate(known)}, cut)
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def _name(name: str) -> str:
    if name in _PLAIN:
        return _PLAIN[name]
    stem, kind = name.rsplit(".", 1)
    if stem in _PLAIN:
        return f"{_PLAIN[stem]}.{kind}"
    head, part = stem.rsplit(".", 1)
    if head.startswith("v.blk."):
        return f"vision.blocks.{head[6:]}.{_VISION.get(part, part)}.{kind}"
    return f"blocks.{head[4:]}.{_TEXT[part]}.{kind}"
