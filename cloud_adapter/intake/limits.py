"""Bounds of what is taken on: token buckets per device, and memory that uploads reserve before they are read."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cloud_adapter.intake.refusals import Refusal
from cloud_adapter.intake.settings import LoadLimits, RateLimits

_KEPT = 10_000  # devices whose buckets are remembered; a bucket that is full again says nothing


class TokenBucket:
    """So many tokens a second, saved up to `burst`; https://en.wikipedia.org/wiki/Token_bucket."""

    def __init__(self, per_second: float, burst: float, now: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._tokens = burst
        self._at = now

    def wait(self, tokens: float, now: float) -> float:
        """Seconds until so many tokens are there; 0: now. A clock that goes back adds nothing."""
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._per_second)
        self._at = now
        return max(0.0, (min(tokens, self._burst) - self._tokens) / self._per_second)

    def spend(self, tokens: float) -> None:
        """Take them; the balance may go below zero by what was over the burst."""
        self._tokens -= tokens


class Rates:
    """The buckets of all devices: requests and bytes."""

    def __init__(self, limits: RateLimits, now: Callable[[], float]) -> None:
        self._limits = limits
        self._now = now
        self._buckets: OrderedDict[str, tuple[TokenBucket, TokenBucket]] = OrderedDict()

    def spend(self, device: str, size: int) -> None:
        """One request with so many bytes. Raises `Refusal` 429."""
        now, limits = self._now(), self._limits
        if device not in self._buckets:
            requests = TokenBucket(limits.requests_per_minute / 60, limits.requests_burst, now)
            self._buckets[device] = (requests, TokenBucket(limits.bytes_per_minute / 60, limits.bytes_burst, now))
        self._buckets.move_to_end(device)
        while len(self._buckets) > _KEPT:
            self._buckets.popitem(last=False)
        requests, volume = self._buckets[device]
        wait = max(requests.wait(1, now), volume.wait(size, now))
        if wait > 0:
            raise Refusal(
                429, "too_fast", "this device sends more than it may; send again after Retry-After", retry_s=wait
            )
        requests.spend(1)
        volume.spend(size)


class Slots:
    """Uploads that are under way: how many, of whom, and the memory that they may fill."""

    def __init__(self, load: LoadLimits, per_device: int) -> None:
        self._load = load
        self._per_device = per_device
        self._under_way: Counter[str] = Counter()
        self.uploads = 0
        self.reserved = 0  # bytes

    @contextmanager
    def held(self, device: str, size: int) -> Iterator[None]:
        """A place for one upload of so many bytes. Raises `Refusal` 429."""
        if self._under_way[device] >= self._per_device:
            raise Refusal(429, "too_many_uploads", "too many uploads of this device are under way", retry_s=5)
        if self.uploads >= self._load.uploads or self.reserved + size > self._load.upload_bytes:
            raise Refusal(429, "busy", "too many uploads are under way; send again after Retry-After", retry_s=10)
        self._under_way[device] += 1
        self.uploads += 1
        self.reserved += size
        try:
            yield
        finally:
            self.uploads -= 1
            self.reserved -= size
            self._under_way[device] -= 1
            if not self._under_way[device]:
                del self._under_way[device]
