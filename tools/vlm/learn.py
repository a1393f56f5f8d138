"""Training: the vision tower and the text part each learn the language of `codes`, then both learn together.

Every stage can be stopped and resumed: it keeps a checkpoint of weights, optimizer, random states and step.
"""

from __future__ import annotations

import math
import random
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from . import codes
from .network import IMAGE, Model
from .parts_fields import PartLook
from .pictures import Example, told, varied
from .scenes import Crop
from .words import END, dialogue

Shares = NDArray[np.float64]
_SAVE_EVERY_S = 60.0
_SAY_EVERY = 25
_FORM = 0.05
_VALUE = re.compile(r'": ?"?(\w+)')  # the values of an answer


class Both:
    """Muon for the matrices of the layers, where it learns about twice as fast; AdamW for everything else."""

    def __init__(self, parts: nn.Module, rate: float) -> None:
        named = list(parts.named_parameters())
        matrices = [p for name, p in named if p.ndim == 2 and ("blocks" in name or "project" in name)]
        chosen = {id(p) for p in matrices}
        rest = [p for _, p in named if id(p) not in chosen]
        self._muon = torch.optim.Muon(matrices, lr=rate, weight_decay=0.02, adjust_lr_fn="match_rms_adamw")
        self._adam = torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.98), weight_decay=0.0)

    def set_rate(self, rate: float) -> None:
        """The learning rate from here on."""
        for group in (*self._muon.param_groups, *self._adam.param_groups):
            group["lr"] = rate

    def zero_grad(self) -> None:
        """Forgets the gradients."""
        self._muon.zero_grad(set_to_none=True)
        self._adam.zero_grad(set_to_none=True)

    def step(self) -> None:
        """One step of both."""
        self._muon.step()  # type: ignore[no-untyped-call]  # torch's own
        self._adam.step()

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"muon": self._muon.state_dict(), "adam": self._adam.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""
        self._muon.load_state_dict(state["muon"])
        self._adam.load_state_dict(state["adam"])


@dataclass
class Stage:
    """One stage: what is trained, for how many steps, how fast; its state lies in `path`.

    `seconds`: when so many of the wall clock are spent it ends, too; it slows down in time for either end.
    """

    name: str
    steps: int
    rate: float
    path: Path
    parts: nn.Module
    seed: int
    seconds: float = math.inf
    rng: np.random.Generator = field(init=False)
    words: random.Random = field(init=False)
    torch_rng: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng([self.seed, 5])
        self.words = random.Random(self.seed)
        self.torch_rng = torch.Generator().manual_seed(self.seed)

    def run(self, losses: Callable[[], tuple[Tensor, dict[str, float]]]) -> None:
        """Trains to the end, going on from the checkpoint if there is one; `losses` draws a batch and judges it."""
        named = list(self.parts.parameters())
        optimizer = Both(self.parts, self.rate)
        step, spent = self._resume(optimizer)
        cpu, begin = time.process_time(), time.monotonic() - spent
        saved = time.monotonic()
        seen: list[dict[str, float]] = []
        while step < self.steps and spent < self.seconds:
            optimizer.set_rate(self.rate * _schedule(step, self.steps, spent / self.seconds))
            value, told = losses()
            optimizer.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]  # torch's own
            nn.utils.clip_grad_norm_(named, 1.0)
            optimizer.step()
            step += 1
            spent = time.monotonic() - begin
            seen.append({"loss": float(value.detach()), **told})
            if step % _SAY_EVERY == 0:
                self._say(step, seen, time.process_time() - cpu)
                seen = []
            if time.monotonic() - saved > _SAVE_EVERY_S:
                self._save(step, spent, optimizer)
                saved = time.monotonic()
        self._save(step, spent, optimizer)

    def _say(self, step: int, seen: list[dict[str, float]], cpu_s: float) -> None:
        names = {name: None for row in seen for name in row}
        means = {name: np.mean([row[name] for row in seen if name in row]) for name in names}
        told = " ".join(f"{name} {value:.3f}" for name, value in means.items())
        print(f"{self.name} {step}/{self.steps} {cpu_s:.0f} s of CPU: {told}", flush=True)

    def _save(self, step: int, spent: float, optimizer: Both) -> None:
        state = {
            "step": step,
            "spent": spent,
            "weights": self.parts.state_dict(),
            "optimizer": optimizer.state_dict(),
            "rng": self.rng.bit_generator.state,
            "words": self.words.getstate(),
            "torch": self.torch_rng.get_state(),
        }
        part = self.path.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.path)

    def _resume(self, optimizer: Both) -> tuple[int, float]:
        if not self.path.is_file():
            return 0, 0.0
        state = torch.load(self.path, weights_only=False)
        self.parts.load_state_dict(state["weights"])
        optimizer.load_state_dict(state["optimizer"])
        self.rng.bit_generator.state = state["rng"]
        self.words.setstate(state["words"])
        self.torch_rng.set_state(state["torch"])
        return int(state["step"]), float(state["spent"])


def restore(stage: Stage) -> None:
    """The stage's parts as it left them."""
    stage.parts.load_state_dict(torch.load(stage.path, weights_only=False)["weights"])


def steps_done(path: Path) -> int:
    """How many steps the checkpoint of a stage has behind it; none without a checkpoint."""
    return int(torch.load(path, weights_only=False)["step"]) if path.is_file() else 0


def _schedule(step: int, steps: int, spent: float) -> float:
    """The share of the full rate: up within some steps, then down a cosine to the end of steps or of time."""
    share = min(1.0, max(step / steps, spent))
    return min(1.0, (step + 1) / (0.03 * min(steps, 1000) + 1)) * (0.5 * (1 + math.cos(math.pi * share)) * 0.96 + 0.04)


def normalised(pictures: Iterable[np.ndarray[Any, Any]]) -> Tensor:
    """RGB pictures to the network's input (n, 3, 128, 128), -1 to 1."""
    stack = torch.from_numpy(np.stack(list(pictures)))
    return stack.permute(0, 3, 1, 2).float() / 127.5 - 1


# What is rare or hard to tell is drawn more often.
_DRAWN = {"carrying": 1.6, "climbing": 1.6, "standing": 1.3}
_PARTS_SHARE = 0.25  # of a batch, where there are parts
_LISTENING = 0.4  # the same in the last stage: fewer of their values go without saying


def _shares(crops: list[Crop], parts_share: float = _PARTS_SHARE) -> Shares:
    weights = np.array([_DRAWN.get(getattr(crop.look, "activity", ""), 1.0) for crop in crops])
    parts = np.array([isinstance(crop.look, PartLook) for crop in crops])
    if parts.any() and not parts.all():
        weights[parts] *= parts_share / (1 - parts_share) * weights[~parts].sum() / weights[parts].sum()
    return np.asarray(weights / weights.sum(), np.float64)


def _drawn(crops: list[Crop], shares: Shares, size: int, rng: np.random.Generator) -> list[Crop]:
    return [crops[int(i)] for i in rng.choice(len(crops), size, p=shares)]


def _labels(examples: list[Example]) -> codes.Batch:
    kinds = torch.from_numpy(np.stack([e.kinds.ravel() for e in examples]))
    return codes.Batch(kinds, [e.look for e in examples])


class VisionParts(nn.Module):
    """What the first stage trains: the vision tower."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.vision = model.vision


class TextParts(nn.Module):
    """What the second stage trains: the text part."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.embedding, self.blocks, self.norm = model.embedding, model.blocks, model.norm


def learn_to_see(model: Model, crops: list[Crop], stage: Stage, batch: int = 64) -> None:
    """The vision tower says in `codes` what is in the picture."""
    code, shares = codes.directions(model.shape.width), _shares(crops)

    def losses() -> tuple[Tensor, dict[str, float]]:
        examples = [varied(crop, stage.rng) for crop in _drawn(crops, shares, batch, stage.rng)]
        with torch.autocast("cpu", torch.bfloat16):
            images = model.vision(normalised(e.picture for e in examples))
        return codes.loss(images.float(), code, _labels(examples))

    stage.run(losses)


def learn_to_answer(
    model: Model, crops: list[Crop], tokenizer: Tokenizer, stage: Stage, batch: int = 32, *, short: bool = False
) -> None:
    """The text part answers from image tokens that an uncertain vision tower might say."""
    code, shares = codes.directions(model.shape.width), _shares(crops)
    source = Dialogues(tokenizer, stage.words, model.shape.tokens, batch, short=short)

    def losses() -> tuple[Tensor, dict[str, float]]:
        rows = source.next(lambda: [told(crop, stage.rng) for crop in _drawn(crops, shares, source.ahead, stage.rng)])
        images = codes.spoken(_labels(rows.examples), code, stage.torch_rng)
        return _text_loss(model, rows, images)

    stage.run(losses)


def learn_together(
    model: Model, crops: list[Crop], tokenizer: Tokenizer, stage: Stage, batch: int = 32, keep: float = 0.2
) -> None:
    """Both parts at once on real crops; `keep` is how much the words of `codes` still count."""
    code, shares = codes.directions(model.shape.width), _shares(crops)
    source = Dialogues(tokenizer, stage.words, model.shape.tokens, batch)

    def losses() -> tuple[Tensor, dict[str, float]]:
        rows = source.next(lambda: [varied(crop, stage.rng) for crop in _drawn(crops, shares, source.ahead, stage.rng)])
        with torch.autocast("cpu", torch.bfloat16):
            images = model.vision(normalised(e.picture for e in rows.examples))
        value, told_right = _text_loss(model, rows, images.float())
        seen, right = codes.loss(images.float(), code, _labels(rows.examples))
        return value + keep * seen, told_right | {
            name: right[name] for name in ("activity", "carried") if name in right
        }

    stage.run(losses)


def learn_to_listen(model: Model, crops: list[Crop], tokenizer: Tokenizer, stage: Stage, batch: int = 32) -> None:
    """The text part learns what the vision tower really says, which stays as it is; a third of the dialogues is short."""
    shares = _shares(crops, _LISTENING)
    sources = [
        Dialogues(tokenizer, stage.words, model.shape.tokens, batch, short=short) for short in (True, False, False)
    ]

    def losses() -> tuple[Tensor, dict[str, float]]:
        source = sources[int(stage.rng.integers(len(sources)))]
        rows = source.next(lambda: [varied(crop, stage.rng) for crop in _drawn(crops, shares, source.ahead, stage.rng)])
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            images = model.vision(normalised(e.picture for e in rows.examples))
        return _text_loss(model, rows, images.float())

    stage.run(losses)


@dataclass(frozen=True)
class Rows:
    """Dialogues of a batch: ids with `IMAGE` places, which tokens are answers, which of these are values, the examples."""

    ids: Tensor
    answers: Tensor
    values: Tensor
    examples: list[Example]


@dataclass(frozen=True)
class _Row:
    ids: list[int]
    start: int
    values: list[int]
    example: Example


class Dialogues:
    """Batches of dialogues of similar length, several batches drawn at a time."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        rng: random.Random,
        image_tokens: int,
        batch: int,
        *,
        batches: int = 6,
        short: bool = False,
    ) -> None:
        self._tokenizer, self._rng, self._image, self._batch = tokenizer, rng, image_tokens, batch
        self.ahead, self._short = batch * batches, short
        self._pool: list[list[_Row]] = []

    def next(self, draw: Callable[[], list[Example]]) -> Rows:
        """The next batch; `draw` gives `ahead` examples when the pool is empty."""
        if not self._pool:
            rows = sorted((self._row(example) for example in draw()), key=lambda row: len(row.ids))
            groups = [rows[i : i + self._batch] for i in range(0, len(rows), self._batch)]
            self._rng.shuffle(groups)
            self._pool = groups
        group = self._pool.pop()
        longest = max(len(row.ids) for row in group)
        ids = torch.zeros(len(group), longest, dtype=torch.long)
        answers, values = (torch.zeros(len(group), longest, dtype=torch.bool) for _ in range(2))
        for k, row in enumerate(group):
            ids[k, : len(row.ids)] = torch.tensor(row.ids)
            # the place before a token is where it is foretold
            answers[k, row.start - 1 : len(row.ids) - 1] = True
            values[k, [row.start - 1 + i for i in row.values]] = True
        return Rows(ids, answers, values[answers], [row.example for row in group])

    def _row(self, example: Example) -> _Row:
        before, after, answer = dialogue(example.look, self._rng, short=self._short)
        asked = [*self._ids(before), *([IMAGE] * self._image), *self._ids(after)]
        said = self._tokenizer.encode(answer)
        spans = [match.span(1) for match in _VALUE.finditer(answer)]
        values = [i for i, (a, b) in enumerate(said.offsets) if any(a < end and b > begin for begin, end in spans)]
        return _Row([*asked, *said.ids, END], len(asked), values, example)

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text).ids)


def _text_loss(model: Model, rows: Rows, images: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Focal loss on the answers; their form counts little: a grammar holds it, and nobody can know which key comes next."""
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model.text(rows.ids, images)
        scores = hidden[rows.answers] @ model.embedding.weight.T
    scores = scores.float()
    wanted = rows.ids.roll(-1, 1)[rows.answers]
    wrong = F.cross_entropy(scores, wanted, reduction="none")
    weight = (1.02 - (-wrong.detach()).exp()) * torch.where(rows.values, 1.0, _FORM)
    right = scores.argmax(-1) == wanted
    told = {"values": float(right[rows.values].float().mean()), "length": float(rows.ids.shape[1])}
    return 3 * (weight * wrong).sum() / rows.values.sum(), told
