"""The demo's multimodal network in PyTorch, built so that llama.cpp computes the very same thing from its export.

Vision tower: a plain ViT without class token and a two-layer projector (llama.cpp: `clip`, projector `mlp`). Text part: a
small Llama with tied embeddings (llama.cpp: `llama`). 1.9 million weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

IMAGE = -1  # stands for one image token in a row of token ids


@dataclass(frozen=True)
class Shape:
    """Sizes of the network."""

    image: int = 128
    patch: int = 16
    width: int = 128
    layers: int = 4
    heads: int = 4
    vision_ff: int = 512  # never equal to `width`: llama.cpp would take up for down
    text_ff: int = 384
    context: int = 2048
    vocab: int = 1536
    eps: float = 1e-5
    theta: float = 10000.0

    @property
    def grid(self) -> int:
        """Patches along one side."""
        return self.image // self.patch

    @property
    def tokens(self) -> int:
        """Image tokens of one picture."""
        return self.grid**2


def gelu(x: Tensor) -> Tensor:
    """The tanh form, as ggml has it."""
    return F.gelu(x, approximate="tanh")


def _heads(x: Tensor, heads: int) -> Tensor:
    batch, length, width = x.shape
    return x.view(batch, length, heads, width // heads).transpose(1, 2)


def attention(q: Tensor, k: Tensor, v: Tensor, *, causal: bool = False) -> Tensor:
    """Written out: at these lengths the backward pass of PyTorch's own takes twice as long on a CPU."""
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if causal:
        length = scores.shape[-1]
        scores = scores + torch.full((length, length), -math.inf, dtype=scores.dtype).triu(1)
    return scores.softmax(-1).to(v.dtype) @ v


class VisionBlock(nn.Module):
    """One layer of the vision tower: attention and feed-forward, both after their norm."""

    def __init__(self, s: Shape) -> None:
        super().__init__()
        self.heads = s.heads
        self.ln1, self.ln2 = nn.LayerNorm(s.width, s.eps), nn.LayerNorm(s.width, s.eps)
        self.q, self.k = nn.Linear(s.width, s.width), nn.Linear(s.width, s.width)
        self.v, self.o = nn.Linear(s.width, s.width), nn.Linear(s.width, s.width)
        self.up, self.down = nn.Linear(s.width, s.vision_ff), nn.Linear(s.vision_ff, s.width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.ln1(x)
        q, k, v = (_heads(part(y), self.heads) for part in (self.q, self.k, self.v))
        x = x + self.o(attention(q, k, v).transpose(1, 2).flatten(2))
        out: Tensor = x + self.down(gelu(self.up(self.ln2(x))))
        return out


class Vision(nn.Module):
    """Pictures (n, 3, 128, 128), -1 to 1, to image tokens (n, 64, width)."""

    def __init__(self, s: Shape) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, s.width, s.patch, s.patch)
        self.place = nn.Parameter(_sincos(s) * 0.7 + 0.02 * torch.randn(s.tokens, s.width))
        self.before = nn.LayerNorm(s.width, s.eps)
        self.blocks = nn.ModuleList(VisionBlock(s) for _ in range(s.layers))
        self.after = nn.LayerNorm(s.width, s.eps)
        self.project = nn.ModuleList((nn.Linear(s.width, 2 * s.width), nn.Linear(2 * s.width, s.width)))

    def forward(self, pictures: Tensor) -> Tensor:
        x = self.before(self.patch(pictures).flatten(2).transpose(1, 2) + self.place)
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.project[1](gelu(self.project[0](self.after(x))))
        return out


def _sincos(s: Shape) -> Tensor:
    """Two-dimensional sines and cosines: from a random start nothing is ever localised."""
    waves = 1 / 100 ** (torch.arange(s.width // 4) / (s.width // 4))
    rows, columns = torch.meshgrid(torch.arange(s.grid).float(), torch.arange(s.grid).float(), indexing="ij")
    angles = [v.reshape(-1, 1) * waves for v in (rows, columns)]
    return torch.cat([wave(angle) for angle in angles for wave in (torch.sin, torch.cos)], 1)


class Norm(nn.Module):
    """Root mean square norm."""

    def __init__(self, s: Shape) -> None:
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(s.width)), s.eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.eps)


class TextBlock(nn.Module):
    """One layer of the text part."""

    def __init__(self, s: Shape) -> None:
        super().__init__()
        self.heads = s.heads
        self.attention_norm, self.ff_norm = Norm(s), Norm(s)
        self.q, self.k, self.v, self.o = (nn.Linear(s.width, s.width, bias=False) for _ in range(4))
        self.gate, self.up = (nn.Linear(s.width, s.text_ff, bias=False) for _ in range(2))
        self.down = nn.Linear(s.text_ff, s.width, bias=False)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        y = self.attention_norm(x)
        q, k, v = (_heads(part(y), self.heads) for part in (self.q, self.k, self.v))
        told = attention(_turned(q, turn), _turned(k, turn), v, causal=True)
        x = x + self.o(told.transpose(1, 2).flatten(2))
        y = self.ff_norm(x)
        out: Tensor = x + self.down(F.silu(self.gate(y)) * self.up(y))
        return out


def _turned(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary places on neighbouring pairs, as llama.cpp's `llama` has them: nothing is permuted on export."""
    cos, sin = turn
    a, b = x.reshape(*x.shape[:-1], -1, 2).unbind(-1)
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)


class Model(nn.Module):
    """Vision tower and text part."""

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__()
        s = self.shape = shape or Shape()
        self.vision = Vision(s)
        self.embedding = nn.Embedding(s.vocab, s.width)
        self.blocks = nn.ModuleList(TextBlock(s) for _ in range(s.layers))
        self.norm = Norm(s)
        self._start()

    def _start(self) -> None:
        for name, weight in self.named_parameters():
            if weight.ndim >= 2 and name != "vision.place":
                nn.init.normal_(weight, std=0.02 if "embedding" in name else 1 / math.sqrt(weight[0].numel()))
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if name.endswith(("o.weight", "down.weight")):
                    weight.mul_(0.35)

    def text(self, ids: Tensor, images: Tensor | None) -> Tensor:
        """Hidden states (n, length, width) of rows of ids, `IMAGE` places filled with `images` (n, 64, width)."""
        s = self.shape
        x = self.embedding(ids.clamp(min=0))
        if images is not None:
            x = x.masked_scatter((ids == IMAGE).unsqueeze(-1), images.to(x.dtype))
        size = s.width // s.heads
        waves = s.theta ** (-torch.arange(0, size, 2).float() / size)
        angles = torch.arange(ids.shape[1]).float()[:, None] * waves
        turn = (angles.cos(), angles.sin())
        for block in self.blocks:
            x = block(x, turn)
        out: Tensor = self.norm(x)
        return out

    def forward(self, ids: Tensor, pictures: Tensor | None) -> Tensor:
        """Scores of the next token (n, length, vocab)."""
        images = None if pictures is None else self.vision(pictures)
        return self.text(ids, images) @ self.embedding.weight.T
