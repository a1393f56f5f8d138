"""The seam between whoever calls a paid model and the money: nothing is called that was not reserved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cloud_adapter.records import Usage


class OverBudgetError(Exception):
    """The worst case would pass a cap; `cap` names it, `until` is when it opens again (epoch seconds)."""

    def __init__(self, cap: str, until: float, more: str = "") -> None:
        super().__init__(f"over the cap {cap}{more}")
        self.cap, self.until = cap, until


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money set aside for one call; `id` is made from job, model and prompt, so that a repeat finds its own."""

    id: str
    device: str
    model: str
    microusd: int
    at: float


class Meter(Protocol):
    """Reserve the worst case, call, then settle with what it took, or release what was certainly not billed."""

    def reserve(self, *, job: str, device: str, model: str, prompt: str, worst: Usage, alarm: bool) -> Reservation:
        """Durable before the call. Raises `OverBudgetError`; `alarm` may use the part kept back for alarms."""
        ...

    def settle(self, reservation: Reservation, usage: Usage | None, *, latency_s: float, bytes_up: int) -> int:
        """Micro-dollars charged; with `usage` None (billed, amount unknown) the whole reservation is charged."""
        ...

    def release(self, reservation: Reservation) -> None:
        """The call was certainly not billed."""
        ...


class Prices(Protocol):
    """What models cost, by name of the catalogue; raises `InputError` for a model that it does not list."""

    def price(self, model: str, usage: Usage, at: float) -> int:
        """Micro-dollars for a use at that time (prices have validity dates), rounded up."""
        ...

    def ceiling(self, model: str, usage: Usage, at: float) -> int:
        """The most that it can cost if the call is made within a day of `at`: what is reserved."""
        ...

    def picture_tokens(self, model: str, width: int, height: int) -> int:
        """Input tokens that one picture of this size takes, by the catalogue's formula (for dry runs)."""
        ...
