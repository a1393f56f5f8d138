"""How much is taken on: buckets, slots, and the queue's depth."""

from __future__ import annotations

import asyncio

import pytest

from cloud_adapter.intake.limits import Rates, Slots, TokenBucket
from cloud_adapter.intake.pressure import Pressure
from cloud_adapter.intake.refusals import Refusal
from cloud_adapter.intake.settings import IntakeSettings, LoadLimits, RateLimits
from cloud_adapter.queue.base import Depth
from cloud_adapter.queue.fake import FakeQueue
from tests.cloud_adapter.intake.serving import Clock


def test_a_bucket_fills_up_to_its_burst() -> None:
    bucket = TokenBucket(per_second=2, burst=10, now=0)
    assert bucket.wait(10, now=0) == 0
    bucket.spend(10)
    assert bucket.wait(1, now=0) == 0.5
    assert bucket.wait(4, now=1) == 1.0  # two are there
    assert bucket.wait(10, now=1000) == 0
    assert bucket.wait(10, now=500) == 0  # a clock that goes back takes nothing away
    assert bucket.wait(99, now=1000) == 0  # more than the burst waits for a full bucket, not for ever


def test_each_device_has_its_own_rate() -> None:
    clock = Clock(0)
    rates = Rates(
        RateLimits(requests_per_minute=60, requests_burst=2, bytes_per_minute=60_000, bytes_burst=100_000), clock
    )
    rates.spend("a", 10)
    rates.spend("a", 10)
    with pytest.raises(Refusal) as caught:
        rates.spend("a", 10)
    assert (caught.value.status, caught.value.code, caught.value.retry_s) == (429, "too_fast", 1.0)
    rates.spend("b", 100_000)
    with pytest.raises(Refusal) as caught:
        rates.spend("b", 50_000)
    assert caught.value.retry_s == 50.0  # 1,000 bytes a second
    clock.at += 50
    rates.spend("b", 50_000)


def test_slots_bound_uploads_and_memory_and_are_given_back() -> None:
    slots = Slots(LoadLimits(uploads=3, upload_bytes=1_000_000), per_device=2)
    with slots.held("a", 400_000), slots.held("a", 400_000):
        for device, size, code in [("a", 1, "too_many_uploads"), ("b", 300_000, "busy")]:
            with pytest.raises(Refusal) as caught, slots.held(device, size):
                pass
            assert (caught.value.status, caught.value.code) == (429, code)
        with slots.held("b", 200_000), pytest.raises(Refusal, match="under way"), slots.held("c", 0):
            pass
    assert (slots.uploads, slots.reserved) == (0, 0)
    with slots.held("a", 1_000_000):
        pass


class Deep(FakeQueue):
    at = Depth(0, 0, 0, 0)

    async def depth(self) -> Depth:
        return self.at


def test_devices_wait_for_as_long_as_the_queue_needs() -> None:
    async def run() -> None:
        clock = Clock(0)
        queue = Deep(clock)
        pressure = Pressure(queue, LoadLimits(waiting_jobs=100, waiting_bytes=1_000_000), clock)

        async def waits(priority: int = 5) -> float | None:
            try:
                await pressure.check(priority)
            except Refusal as error:
                return error.retry_s if (error.status, error.code) == (429, "queue_full") else -1.0
            return None

        assert await waits() is None
        for _ in range(100):
            pressure.added()
        assert await waits() == 60.0  # full, by our own count; how fast it empties is not known yet
        assert await waits(priority=0) is None  # alarms may come in beyond the bound
        queue.at, clock.at = Depth(100, 2, 0, 0), 10.0
        assert await waits() == 60.0  # nothing has left
        queue.at, clock.at = Depth(140, 2, 0, 0), 20.0
        for _ in range(60):
            pressure.added()
        assert await waits(priority=0) == pytest.approx(25.0)  # 20 have left in 10 s; 50 more until there is room
        queue.at, clock.at = Depth(120, 2, 0, 0), 30.0  # 20 again
        assert await waits() == pytest.approx(15.0)
        queue.at, clock.at = Depth(101, 2, 0, 0), 30.5
        assert await waits() == pytest.approx(15.0)  # looked at once a second
        queue.at, clock.at = Depth(10, 2, 0, 2_000_000), 40.0
        assert await waits() is not None  # few jobs, but too many bytes
        queue.at, clock.at = Depth(10, 2, 0, 0), 50.0
        assert await waits() is None

    asyncio.run(run())


def test_limits_that_fit_nothing_are_no_config() -> None:
    with pytest.raises(ValueError, match="none could be sent"):
        IntakeSettings.model_validate({"pictures": {"max_bytes": 3_000_000}, "load": {"upload_bytes": 2_000_000}})
    with pytest.raises(ValueError, match="belong together"):
        IntakeSettings.model_validate({"certificate": "chain.pem"})
