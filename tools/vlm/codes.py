"""The language between the vision tower and the text part: one fixed direction for each thing an image token can say.

The directions are orthonormal, so that what a token says is read off by a product with them. Both parts learn this
language at the same time, each without the other; then they are trained together and may bend it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .fields import FIELDS, SEEN
from .parts_fields import PART_FIELDS, PART_SEEN, PartLook
from .pictures import AnyLook

# of a token: background, person, car, bag, held bag, other person, and the faults of parts, each a kind of its own
_PERSON, _HELD, _FAULT = 1, 4, 6
_FAULTS = tuple(name for name in PART_FIELDS["defect"] if name not in {"none", "unsure"})
KINDS = _FAULT + len(_FAULTS)
# said by the tokens of the subject only, where it can be seen; the others by every token
LOCAL = ("activity", "posture", "clothing_colour", "carried", "place")
_GLOBAL = ("subject", "visibility", "material", "defect", "extent")
_VALUES: dict[str, tuple[str, ...]] = {name: FIELDS[name] for name in SEEN} | {
    name: PART_FIELDS[name] for name in ("material", "defect", "place", "extent")
}
NAMES = (*LOCAL, *_GLOBAL)
_FIRST: dict[str, int] = {}
_next = KINDS
for _name in NAMES:
    _FIRST[_name] = _next
    _next += len(_VALUES[_name])
COUNT = _next


def directions(width: int) -> Tensor:
    """(COUNT, width) orthonormal rows, always the same."""
    noise = np.random.default_rng(20).standard_normal((width, COUNT))
    return torch.from_numpy(np.linalg.qr(noise)[0].T.astype(np.float32))


def labels(look: AnyLook) -> dict[str, int]:
    """The number of each field's value; fields of the other kind of picture are left out."""
    names = PART_SEEN if isinstance(look, PartLook) else SEEN
    return {name: _VALUES[name].index(getattr(look, name)) for name in names}


def _fault(look: AnyLook) -> int:
    """The kind of a part's faulty tokens; background where the fault cannot be told."""
    return _FAULT + _FAULTS.index(look.defect) if isinstance(look, PartLook) and look.defect in _FAULTS else 0


class Batch:
    """Labels of several examples: kinds (n, 64), and (n,) per field with -100 where it is not asked."""

    def __init__(self, kinds: Tensor, looks: list[AnyLook]) -> None:
        rows = [labels(look) for look in looks]
        named = torch.tensor([_fault(look) for look in looks])[:, None]
        self.kinds = kinds = torch.where(kinds == _FAULT, named, kinds.long())
        self.fields = {name: torch.tensor([row.get(name, -100) for row in rows]) for name in NAMES}
        subject = (kinds == _PERSON) | (kinds == _HELD) | (kinds >= _FAULT)
        lone = ~subject.any(1, keepdim=True)  # nothing to hang the local fields on: all tokens say them
        self.speaks = subject | lone

    def per_token(self, name: str) -> Tensor:
        """(n, 64): the value that each token says, -100 where it says nothing."""
        value = self.fields[name][:, None].expand_as(self.kinds)
        return torch.where(self.speaks, value, torch.full_like(value, -100)) if name in LOCAL else value


def loss(images: Tensor, code: Tensor, batch: Batch, sharp: float = 8.0) -> tuple[Tensor, dict[str, float]]:
    """How far image tokens (n, 64, width) are from saying the right things; and the share of right values per field."""
    said = images @ code.T
    weight = torch.full((KINDS,), 1.0)
    weight[0], weight[_HELD], weight[_FAULT:] = 0.15, 3.0, 2.0
    total = 1.5 * F.cross_entropy(sharp * said[..., :KINDS].flatten(0, 1), batch.kinds.flatten(), weight=weight)
    right: dict[str, float] = {}
    wanted = F.one_hot(batch.kinds, COUNT).float()
    for name in NAMES:
        values = batch.per_token(name)
        known = values >= 0
        if not known.any():
            continue
        first = _FIRST[name]
        part = said[..., first : first + len(_VALUES[name])]
        # every picture counts the same, however many tokens its subject has
        shares = known.float() / known.sum(1, keepdim=True).clamp(min=1)
        wrong = F.cross_entropy(sharp * part[known], values[known], reduction="none")
        total = total + (wrong * shares[known]).sum() / (known.any(1).sum())
        pooled = (part * shares[..., None]).sum(1).argmax(-1)
        asked = batch.fields[name] >= 0
        right[name] = float((pooled == batch.fields[name])[asked].float().mean())
        wanted[known] += F.one_hot(values[known] + first, COUNT).float()
    stray = images - said @ code  # what no word exists for
    total = total + 0.5 * (said - wanted).square().sum(-1).mean() + 0.2 * stray.square().sum(-1).mean()
    return total, right


def spoken(batch: Batch, code: Tensor, generator: torch.Generator) -> Tensor:
    """Image tokens as an uncertain vision tower would say these labels: for the text part to practise on."""
    n, cells = batch.kinds.shape
    out = torch.zeros(n, cells, COUNT)
    parts: list[tuple[int, int, Tensor]] = [(0, KINDS, batch.kinds)]
    parts += [(_FIRST[name], len(_VALUES[name]), batch.per_token(name)) for name in NAMES]
    doubt = 0.45 * torch.rand(n, 1, 1, generator=generator)
    for first, count, values in parts:
        known = (values >= 0).unsqueeze(-1).float()
        sure = F.one_hot(values.clamp(min=0), count).float()
        # one wrong idea per picture and field, shared by all its tokens, never stronger than the right one
        idea = F.one_hot(torch.randint(0, count, (n, 1), generator=generator), count).float()
        out[..., first : first + count] = known * ((1 - doubt) * sure + doubt * idea)
    out += 0.12 * torch.randn(out.shape, generator=generator)
    tokens = out @ code
    return tokens + 0.05 * torch.randn(tokens.shape, generator=generator)
