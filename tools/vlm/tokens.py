"""The tokenizer: byte-level pairs with GPT-2's way of cutting text, trained on made-up dialogues."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from .fields import FIELDS, SEEN, Look
from .parts_fields import PART_FIELDS, PART_SEEN, PartLook
from .words import SPECIAL, dialogue


def any_look(rng: random.Random) -> Look | PartLook:
    """Any values at all, for text only."""
    if rng.random() < 0.15:
        return PartLook(**{name: rng.choice(PART_FIELDS[name]) for name in PART_SEEN})
    return Look(**{name: rng.choice(FIELDS[name]) for name in SEEN})


def pairs(vocab: dict[str, int] | None = None, merges: list[tuple[str, str]] | None = None) -> Tokenizer:
    """A tokenizer of byte-level pairs, untrained without a vocabulary."""
    tokenizer = Tokenizer(models.BPE(vocab, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def train(path: Path, vocab: int, seed: int = 1, dialogues: int = 5000) -> Tokenizer:
    """Trains the tokenizer and writes it to `path`."""
    tokenizer = pairs()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(seed, dialogues), trainer)
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))
    return tokenizer


def _texts(seed: int, dialogues: int) -> Iterator[str]:
    rng = random.Random(seed)
    for _ in range(dialogues):
        for text in dialogue(any_look(rng), rng):
            for mark in SPECIAL:
                text = text.replace(mark, " ")  # noqa: PLW2901  # the marks are tokens of their own
            yield text
    for (key, values), quote in itertools.product({**FIELDS, **PART_FIELDS}.items(), (": ", ":")):
        yield from (f'{{"{key}"{quote}"{value}", "{key}"' for value in values for _ in range(40))


def load(path: Path) -> Tokenizer:
    """A tokenizer that `train` wrote."""
    return Tokenizer.from_file(str(path))
