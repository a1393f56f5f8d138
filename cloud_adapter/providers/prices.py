"""What usage costs, in whole micro-dollars, by the catalogue's prices of the day."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal

from cloud_adapter.providers.catalogue import Catalogue
from cloud_adapter.providers.settings import Peak, Price
from cloud_adapter.providers.tokens import image_tokens
from cloud_adapter.records import Usage

_NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of the models of a catalogue. Money is rounded up to whole micro-dollars, a call at a time."""

    catalogue: Catalogue

    def price(self, model: str, usage: Usage, at: float) -> int:
        """Micro-dollars of `usage` by the price of `at` (epoch seconds UTC); 0 for models without prices.

        A million tokens at one dollar is one micro-dollar a token. Raises `InputError` for a name that is not known.
        """
        found = self._of(model, at)
        return 0 if found is None else _cost(found, usage, _factor(found, at))

    def ceiling(self, model: str, usage: Usage, at: float) -> int:
        """The most that `usage` can cost if the call ends within a day: the dearest hour, and the next price if near."""
        near = [found for found in (self._of(model, at), self._of(model, at + 86400)) if found is not None]
        return max((_cost(one, usage, _dearest(one)) for one in near), default=0)

    def picture_tokens(self, model: str, width: int, height: int) -> int:
        """Input tokens that one picture of this size takes. Raises `InputError` for a name that is not known."""
        return image_tokens(self.catalogue.find(model).image_tokens, width, height)

    def priced(self, model: str) -> bool:
        """Whether the model costs anything."""
        return bool(self.catalogue.find(model).prices)

    def _of(self, model: str, at: float) -> Price | None:
        prices = self.catalogue.find(model).prices
        day = datetime.fromtimestamp(at, UTC).date()
        begun = [price for price in prices if price.since <= day]
        return begun[-1] if begun else (prices[0] if prices else None)


def _cost(price: Price, usage: Usage, factor: Decimal) -> int:
    fresh = max(price.input, price.written or _NONE)
    cached = price.input if price.cached is None else price.cached
    reads = min(usage.cached_tokens, usage.input_tokens)
    tokens = (usage.input_tokens - reads) * fresh + reads * cached + usage.output_tokens * price.output
    return math.ceil(tokens * price.usd * factor)


def _factor(price: Price, at: float) -> Decimal:
    now = datetime.fromtimestamp(at, UTC).time()
    return max((peak.factor for peak in price.peak if _within(peak, now)), default=Decimal(1))


def _dearest(price: Price) -> Decimal:
    return max((peak.factor for peak in price.peak), default=Decimal(1))


def _within(peak: Peak, now: time) -> bool:
    if peak.start <= peak.end:
        return peak.start <= now < peak.end
    return now >= peak.start or now < peak.end
