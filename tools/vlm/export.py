"""The trained network as two GGUF files: the text part and the vision tower (`mmproj`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from torch import Tensor, nn

from .network import Model, VisionBlock
from .words import END

NAME = "Sightline DEMO"
_LICENCE = "Apache-2.0"
_ABOUT = "Demo and test model: knows rendered scenes of the Sightline repository only. Not for real cameras."
_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{{ part['text'] }}{% endfor %}{% endif %}{{ '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
_TYPES = {
    "f32": gguf.LlamaFileType.ALL_F32,
    "f16": gguf.LlamaFileType.MOSTLY_F16,
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
}


class _Writer:
    """A GGUF file in the making; matrices are stored in `kind`, all else as float32."""

    def __init__(self, path: Path, architecture: str, kind: str, facts: dict[str, str]) -> None:
        self._gguf, self._kind, self._path = gguf.GGUFWriter(str(path), architecture), kind, path
        self._gguf.add_license(_LICENCE)
        self._gguf.add_description(_ABOUT)
        self._gguf.add_file_type(_TYPES[kind])
        for key, value in facts.items():
            self._gguf.add_string(f"sightline.{key}", value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gguf, name)

    def put(self, name: str, tensor: Tensor, *, exact: bool = False) -> None:
        """Adds one tensor; `exact`: as float32 whatever the file's kind."""
        values = tensor.detach().float().numpy()
        if exact or values.ndim < 2 or self._kind == "f32":
            self._gguf.add_tensor(name, values)
        elif self._kind == "q8_0" and values.ndim == 2 and values.shape[-1] % 32 == 0:
            q8 = gguf.GGMLQuantizationType.Q8_0
            self._gguf.add_tensor(name, gguf.quants.quantize(values, q8), raw_dtype=q8)
        else:
            self._gguf.add_tensor(name, values.astype(np.float16))

    def write(self) -> None:
        """Writes the file and closes it."""
        self._gguf.write_header_to_file()
        self._gguf.write_kv_data_to_file()
        self._gguf.write_tensors_to_file()
        self._gguf.close()


def export_text(model: Model, tokenizer: Path, path: Path, kind: str, facts: dict[str, str]) -> None:
    """The text part as architecture `llama`. The embeddings serve as output too."""
    s = model.shape
    out = _Writer(path, "llama", kind, facts)
    out.add_name(NAME)
    out.add_context_length(s.context)
    out.add_embedding_length(s.width)
    out.add_block_count(s.layers)
    out.add_feed_forward_length(s.text_ff)
    out.add_head_count(s.heads)
    out.add_head_count_kv(s.heads)
    out.add_layer_norm_rms_eps(s.eps)
    out.add_rope_dimension_count(s.width // s.heads)
    out.add_rope_freq_base(s.theta)
    out.add_vocab_size(s.vocab)
    _put_tokens(out, tokenizer, s.vocab)
    out.put("token_embd.weight", model.embedding.weight)
    out.put("output_norm.weight", model.norm.weight)
    for i, block in enumerate(_all(model.blocks)):
        tensors: dict[str, Any] = {
            "attn_norm": block.attention_norm,
            "ffn_norm": block.ff_norm,
            "attn_q": block.q,
            "attn_k": block.k,
            "attn_v": block.v,
            "attn_output": block.o,
            "ffn_gate": block.gate,
            "ffn_up": block.up,
            "ffn_down": block.down,
        }
        for name, part in tensors.items():
            out.put(f"blk.{i}.{name}.weight", part.weight)
    out.write()


def _put_tokens(out: _Writer, tokenizer: Path, vocab: int) -> None:
    raw = json.loads(tokenizer.read_text(encoding="utf-8"))
    special = {entry["content"] for entry in raw["added_tokens"]}
    tokens = [token for token, _ in sorted(raw["model"]["vocab"].items(), key=lambda pair: int(pair[1]))]
    types = [gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL for token in tokens]
    spare = vocab - len(tokens)
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("gpt-2")
    out.add_token_list([*tokens, *(f"[PAD{i}]" for i in range(spare))])
    out.add_token_types([*types, *([gguf.TokenType.UNUSED] * spare)])
    out.add_token_merges([pair if isinstance(pair, str) else " ".join(pair) for pair in raw["model"]["merges"]])
    out.add_bos_token_id(0)
    out.add_eos_token_id(END)
    out.add_pad_token_id(0)
    out.add_add_bos_token(False)
    out.add_chat_template(_TEMPLATE)


def export_vision(model: Model, path: Path, kind: str, facts: dict[str, str]) -> None:
    """The vision tower as architecture `clip` with a two-layer projector."""
    s, tower = model.shape, model.vision
    out = _Writer(path, "clip", kind, facts)
    out.add_name(f"{NAME} mmproj")
    out.add_type("mmproj")
    out.add_bool("clip.has_vision_encoder", True)
    out.add_string("clip.projector_type", "mlp")
    out.add_bool("clip.use_gelu", True)
    numbers = {
        "image_size": s.image,
        "patch_size": s.patch,
        "embedding_length": s.width,
        "feed_forward_length": s.vision_ff,
        "projection_dim": s.width,
        "block_count": s.layers,
        "attention.head_count": s.heads,
    }
    for key, number in numbers.items():
        out.add_uint32(f"clip.vision.{key}", number)
    out.add_float32("clip.vision.attention.layer_norm_epsilon", s.eps)
    out.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    out.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
    out.add_array("clip.vision.feature_layer", [s.layers])  # without it llama.cpp leaves the last layer out
    out.put("v.position_embd.weight", tower.place, exact=True)
    layers: dict[str, Any] = {"v.patch_embd": tower.patch, "v.pre_ln": tower.before, "v.post_ln": tower.after}
    layers |= {"mm.0": tower.project[0], "mm.2": tower.project[1]}
    for i, block in enumerate(_all(tower.blocks)):
        layers |= {f"v.blk.{i}.{name}": part for name, part in _block(block).items()}
    for name, layer in layers.items():
        out.put(f"{name}.weight", layer.weight)
        out.put(f"{name}.bias", layer.bias)
    out.write()


def _all(blocks: nn.ModuleList) -> list[Any]:
    return list(blocks)


def _block(block: VisionBlock) -> dict[str, Any]:
    return {
        "ln1": block.ln1,
        "ln2": block.ln2,
        "attn_q": block.q,
        "attn_k": block.k,
        "attn_v": block.v,
        "attn_out": block.o,
        "ffn_up": block.up,
        "ffn_down": block.down,
    }
