"""What the intake has done since it began, as plain numbers, for `/metrics` and reports."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """Sums since the start; `refused` by the refusal's code."""

    pictures: int = 0  # taken in, now durable
    readings: int = 0
    known: int = 0  # sent again
    plain: int = 0  # of those taken in, unsigned ones (bearer key)
    bytes_received: int = 0  # bodies, whole ones
    bytes_kept: int = 0  # pictures after they were encoded anew
    refused: Counter[str] = field(default_factory=Counter)

    def snapshot(self) -> dict[str, int]:
        """Name to number; refusals as `refused.CODE`."""
        sums = {name: getattr(self, name) for name in self.__slots__ if name != "refused"}
        return sums | {f"refused.{code}": count for code, count in sorted(self.refused.items())}
